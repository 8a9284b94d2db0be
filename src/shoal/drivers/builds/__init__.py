"""Builds' files and programs: contexts, copies, archives, caches, steps."""
