"""Containers of one node."""

from shoal.engine.containers.containers import Containers
from shoal.engine.containers.parts import Machine, Neighbours

__all__ = ["Containers", "Machine", "Neighbours"]
