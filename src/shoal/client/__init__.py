"""Typed HTTP client; applies compose plans operation by operation."""
