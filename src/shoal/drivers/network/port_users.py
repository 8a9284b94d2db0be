"""Who on this host has a port."""

import os
from contextlib import suppress

_LISTEN, _UNCONNECTED = "0A", "07"


def port_user(protocol: str, port: int) -> str:
    """ "nginx (pid 812)" of a program that holds the port in the calling thread's network, "" where none is found.

    Source: proc(5), /proc/net/tcp, /proc/PID/fd
    """
    sockets = {f"socket:[{inode}]" for inode in _inodes(protocol, port)}
    if not sockets:
        return ""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):  # it has ended meanwhile
            for descriptor in os.listdir(f"/proc/{pid}/fd"):
                if os.readlink(f"/proc/{pid}/fd/{descriptor}") in sockets:
                    with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as comm:
                        return f"{comm.read().strip()} (pid {pid})"
    return ""


def _inodes(protocol: str, port: int) -> list[str]:
    found = []
    for name in (protocol, f"{protocol}6"):
        with suppress(OSError), open(f"/proc/thread-self/net/{name}", encoding="ascii") as table:
            for line in list(table)[1:]:
                fields = line.split()
                if fields[3] in (_LISTEN, _UNCONNECTED) and int(fields[1].rpartition(":")[2], 16) == port:
                    found.append(fields[9])
    return found
