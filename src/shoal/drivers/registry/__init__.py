"""Registries that speak the OCI distribution protocol."""

from shoal.drivers.registry.client import OciRegistry

__all__ = ["OciRegistry"]
