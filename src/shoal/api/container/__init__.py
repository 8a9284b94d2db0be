"""Endpoints of one container: its life, its streams, its files."""
