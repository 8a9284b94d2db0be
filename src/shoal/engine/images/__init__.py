"""Images of one node."""

from shoal.engine.images.images import Images

__all__ = ["Images"]
