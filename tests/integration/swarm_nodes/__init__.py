"""Nodes that talk over mutual TLS on loopback, in one process, with real stores and no containers."""
