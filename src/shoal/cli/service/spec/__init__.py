"""Flags of `service create` and `update` -> the spec of a service."""
