"""A Protocol per driver; each opens with its lifecycle in prose."""
