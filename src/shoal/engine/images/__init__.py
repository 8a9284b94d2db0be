"""Images of one node."""

from shoal.engine.images.images import ImageDrivers, Images, NewImage, Pruned, Removal

__all__ = ["ImageDrivers", "Images", "NewImage", "Pruned", "Removal"]
