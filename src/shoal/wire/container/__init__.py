"""PURE: containers of the Docker Engine API <-> model."""
