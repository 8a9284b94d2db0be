"""The table of the keys of Compose files: what each may hold, and what becomes of it."""
