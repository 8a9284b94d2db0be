"""PURE: text -> project -> plan; one module per loader phase."""
