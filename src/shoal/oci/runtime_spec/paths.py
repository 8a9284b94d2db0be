"""Paths of /proc and /sys that containers must not read or write. Source: Docker, `oci.DefaultLinuxSpec`."""

from shoal.oci.runtime_spec.facts import Permits

MASKED_PATHS = (
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
)
READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


def masked_paths(permits: Permits) -> tuple[str, ...]:
    """What a container can't read where nobody says otherwise."""
    return (*MASKED_PATHS, *permits.masked_paths)
