"""A manager: the control API, the leader's tick, and the line to the nodes."""

from shoal.swarm.manager.manager import Manager

__all__ = ["Manager"]
