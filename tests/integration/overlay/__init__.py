"""Overlay networks on several hosts."""
