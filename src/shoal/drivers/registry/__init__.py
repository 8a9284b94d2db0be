"""Registries that speak the OCI distribution protocol."""

from shoal.drivers.registry.client import RegistryClient

__all__ = ["RegistryClient"]
