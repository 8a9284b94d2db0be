"""Networks of one node: objects, endpoints, names and published ports."""

from shoal.engine.networks.members import Members
from shoal.engine.networks.networks import Networks
from shoal.engine.networks.parts import NetworkDrivers, Sources

__all__ = ["Members", "NetworkDrivers", "Networks", "Sources"]
