"""Everything that runs inside a worker: nothing else of this package does."""
