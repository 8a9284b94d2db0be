"""Volumes of one node: those of the node's own driver, and those that plugins have."""

from shoal.engine.volumes.backing import PluginBacking
from shoal.engine.volumes.volumes import Volumes

__all__ = ["PluginBacking", "Volumes"]
