"""PURE: Docker JSON <-> model."""
