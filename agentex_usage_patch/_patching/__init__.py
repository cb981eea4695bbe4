"""Everything that runs inside a worker, apart from the facts in `_upstream`."""
