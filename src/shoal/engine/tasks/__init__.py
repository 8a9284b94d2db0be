"""Containers of a cluster's tasks: the engine's part of `contracts.cluster.executor`."""

from shoal.engine.tasks.tasks import Tasks

__all__ = ["Tasks"]
