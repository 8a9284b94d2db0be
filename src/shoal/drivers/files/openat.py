"""openat2(2): opening a path with a say in how it is resolved. Source: its man page, Linux 5.6."""

import ctypes
import os
import struct

RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_IN_ROOT = 0x10

_libc = ctypes.CDLL(None, use_errno=True)
_SYS_OPENAT2 = 437  # the same number on all architectures


def openat2(folder: int, path: str, flags: int, resolve: int) -> int:
    """A descriptor of `path` below the open directory `folder`; it is not inherited. Raises: OSError"""
    how = struct.pack("QQQ", flags | os.O_CLOEXEC, 0, resolve)
    fd = _libc.syscall(_SYS_OPENAT2, folder, os.fsencode(path), how, len(how))
    if fd < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), path)
    return int(fd)
