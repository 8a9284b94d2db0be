"""Containers, Compose apps and Swarm stacks on Linux without Docker."""

__version__ = "0.1.0"
