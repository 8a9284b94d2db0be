"""Layers and snapshots on overlayfs."""

from shoal.drivers.layers.snapshots import OverlaySnapshots

__all__ = ["OverlaySnapshots"]
