"""As for networks: a fake host for each test."""

from tests.integration.network.conftest import hosts, root, shoal

__all__ = ["hosts", "root", "shoal"]
