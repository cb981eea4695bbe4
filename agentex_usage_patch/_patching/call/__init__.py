"""One call: what the wrapper puts around a model while its `get_response` runs."""
