"""PURE: container, health and restart state machines of one node."""
