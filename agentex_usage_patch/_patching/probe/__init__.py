"""Find out what a `get_response` does, by running it against stubs."""
