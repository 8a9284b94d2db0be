"""Networks of one node: objects, endpoints, names and published ports."""

from shoal.engine.networks.members import Members
from shoal.engine.networks.networks import Networks

__all__ = ["Members", "Networks"]
