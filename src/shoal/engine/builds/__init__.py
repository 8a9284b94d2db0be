"""Builds of one node: Dockerfiles become images."""

from shoal.engine.builds.builds import Build, Builds
from shoal.engine.builds.tools import BuildDrivers, BuildSettings

__all__ = ["Build", "BuildDrivers", "BuildSettings", "Builds"]
