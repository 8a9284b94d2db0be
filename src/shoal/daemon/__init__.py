"""The engine's process: reads settings, prepares the host, picks drivers and wires everything by hand."""

from shoal.daemon.main import main

__all__ = ["main"]
