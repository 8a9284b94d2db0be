"""Runs a program that can't watch the host's network: `python no_netlink.py PROGRAM ARGUMENT…`.

Chromium gives up the requests that are under way whenever a link comes or goes on the host, and tests beside make and
remove links all the time. Where it gets no netlink socket it takes the network as it is. Source: seccomp(2)
"""

import ctypes
import errno
import os
import platform
import socket
import struct
import sys

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_FILTER = 2
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_CALL, _FIRST_ARGUMENT = 0, 16  #: offsets in struct seccomp_data
#: the number of socket(2)
_SOCKET = {"x86_64": 41, "aarch64": 198}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def forbid_netlink() -> None:
    """No netlink sockets from now on, here and in what is started; on a machine whose calls are unknown: nothing."""
    call = _SOCKET.get(platform.machine())
    if call is None:
        return
    steps = (
        (_LOAD, 0, 0, _CALL),
        (_JUMP_IF_EQUAL, 0, 3, call),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_JUMP_IF_EQUAL, 0, 1, socket.AF_NETLINK),
        (_RETURN, 0, 0, _ERRNO | errno.EAFNOSUPPORT),
        (_RETURN, 0, 0, _ALLOW),
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = _Program(len(steps), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(program)):
        raise OSError(ctypes.get_errno(), "no filter for netlink sockets")


if __name__ == "__main__":
    forbid_netlink()
    os.execvp(sys.argv[1], sys.argv[1:])
