"""PURE: the OCI runtime spec of a container, from its record, its mounts and what the host allows."""

from shoal.oci.runtime_spec.facts import Device, Permits, Surroundings, User
from shoal.oci.runtime_spec.generate import cgroup_namespace, generate, security_options, uses_init

__all__ = [
    "Device",
    "Permits",
    "Surroundings",
    "User",
    "cgroup_namespace",
    "generate",
    "security_options",
    "uses_init",
]
