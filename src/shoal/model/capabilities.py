"""Linux capabilities: their names, and which a container has."""

from collections.abc import Iterable

from shoal.errors import InvalidArgument

_ALL = """
CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT
SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP
MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
"""
_DEFAULT = """
CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL
AUDIT_WRITE
"""

#: in the kernel's order
ALL_CAPABILITIES = tuple(f"CAP_{name}" for name in _ALL.split())
#: what Docker grants when nothing is asked for
DEFAULT_CAPABILITIES = tuple(f"CAP_{name}" for name in _DEFAULT.split())


def normal_capabilities(names: Iterable[str], what: str) -> tuple[str, ...]:
    """`names` with CAP_ in front, upper case; "ALL" stays.

    what: "CapAdd" or "CapDrop", for the message
    Raises: InvalidArgument
    """
    result: list[str] = []
    for name in names:
        upper = name.upper()
        full = upper if upper == "ALL" or upper.startswith("CAP_") else f"CAP_{upper}"
        if full != "ALL" and full not in ALL_CAPABILITIES:
            raise InvalidArgument(f'invalid {what}: unknown capability: "{full}"')
        result.append(full)
    return tuple(result)


def granted_capabilities(add: Iterable[str], drop: Iterable[str], *, privileged: bool) -> tuple[str, ...]:
    """Every capability that the container has, in the kernel's order. Source: Docker, `oci/caps.TweakCapabilities`."""
    if privileged:
        return ALL_CAPABILITIES
    added = set(normal_capabilities(add, "CapAdd"))
    dropped = set(normal_capabilities(drop, "CapDrop"))
    if "ALL" in added:
        granted = set(ALL_CAPABILITIES) - dropped
    elif "ALL" in dropped:
        granted = added
    else:
        granted = (set(DEFAULT_CAPABILITIES) - dropped) | added
    return tuple(name for name in ALL_CAPABILITIES if name in granted)
