"""The flags of `run` and `create`, and the request body that they make."""
