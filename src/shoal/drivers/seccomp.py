"""Seccomp profiles compiled to BPF by libseccomp, once each.

crun compiles the profile for every container anew, which takes half of the time of a container's creation; it takes a
compiled one in an annotation instead.
"""

import base64
import ctypes
import ctypes.util
import json
import logging
import os
from collections.abc import Mapping
from typing import Any

log = logging.getLogger("shoal.seccomp")

#: crun: the annotation that holds the compiled profile, base64
ANNOTATION = "run.oci.seccomp_bpf_data"

_ACTIONS = {
    "SCMP_ACT_KILL": 0x00000000,
    "SCMP_ACT_KILL_THREAD": 0x00000000,
    "SCMP_ACT_KILL_PROCESS": 0x80000000,
    "SCMP_ACT_TRAP": 0x00030000,
    "SCMP_ACT_ERRNO": 0x00050000,
    "SCMP_ACT_LOG": 0x7FFC0000,
    "SCMP_ACT_ALLOW": 0x7FFF0000,
}
_OPERATORS = {
    "SCMP_CMP_NE": 1,
    "SCMP_CMP_LT": 2,
    "SCMP_CMP_LE": 3,
    "SCMP_CMP_EQ": 4,
    "SCMP_CMP_GE": 5,
    "SCMP_CMP_GT": 6,
    "SCMP_CMP_MASKED_EQ": 7,
}
_ATTR_NO_NEW_PRIVS = 3
_EPERM = 1
_UNKNOWN_SYSCALL = -1
_EEXIST = -17
_KEPT = 16


class _Compare(ctypes.Structure):
    """struct scmp_arg_cmp of seccomp.h"""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    )


class SeccompCompiler:
    """Compiles `linux.seccomp` sections; the latest results are kept."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("seccomp") or "libseccomp.so.2"
        self._lib: ctypes.CDLL | None
        try:
            self._lib = ctypes.CDLL(name)
        except OSError:
            log.warning("libseccomp is missing: containers start slower", extra={"hint": "apt-get install libseccomp2"})
            self._lib = None
        else:
            self._lib.seccomp_init.restype = ctypes.c_void_p
        self._done: dict[str, str] = {}

    def annotations(self, section: Mapping[str, Any]) -> dict[str, str]:
        """{ANNOTATION: the compiled section}; {} where it can't be compiled here (crun does it then).

        Cost: 15 ms for a new section, nothing for one that was seen
        """
        key = json.dumps(section, sort_keys=True)
        if key not in self._done:
            if len(self._done) >= _KEPT:
                self._done.clear()
            self._done[key] = base64.b64encode(self._compile(section)).decode()
        return {ANNOTATION: self._done[key]} if self._done[key] else {}

    def _compile(self, section: Mapping[str, Any]) -> bytes:
        lib = self._lib
        default = _action(section["defaultAction"], section.get("defaultErrnoRet"))
        if lib is None or default is None or section.get("flags") or section.get("listenerPath"):
            return b""
        context = ctypes.c_void_p(lib.seccomp_init(ctypes.c_uint32(default)))
        if not context:
            return b""
        try:
            lib.seccomp_attr_set(context, _ATTR_NO_NEW_PRIVS, ctypes.c_uint32(0))
            for arch in section.get("architectures") or ():
                number = lib.seccomp_arch_resolve_name(arch.removeprefix("SCMP_ARCH_").lower().encode())
                if lib.seccomp_arch_add(context, ctypes.c_uint32(number)) not in (0, _EEXIST):
                    return b""
            if not all(self._add(context, rule, default) for rule in section.get("syscalls") or ()):
                return b""
            return self._export(context)
        finally:
            lib.seccomp_release(context)

    def _add(self, context: ctypes.c_void_p, rule: Mapping[str, Any], default: int) -> bool:
        assert self._lib is not None
        action = _action(rule["action"], rule.get("errnoRet"))
        if action is None:
            return False
        if action == default:
            return True
        compares = [
            _Compare(a["index"], _OPERATORS[a["op"]], a.get("value", 0), a.get("valueTwo", 0))
            for a in rule.get("args") or ()
        ]
        array = (_Compare * len(compares))(*compares)
        for name in rule["names"]:
            number = self._lib.seccomp_syscall_resolve_name(name.encode())
            if number == _UNKNOWN_SYSCALL:
                continue
            self._lib.seccomp_rule_add_array(context, ctypes.c_uint32(action), number, len(compares), array)
        return True

    def _export(self, context: ctypes.c_void_p) -> bytes:
        assert self._lib is not None
        file = os.memfd_create("seccomp")
        try:
            if self._lib.seccomp_export_bpf(context, file) != 0:
                return b""
            return os.pread(file, os.fstat(file).st_size, 0)
        finally:
            os.close(file)


def _action(name: str, errno: int | None) -> int | None:
    """libseccomp's number; None for an action that needs somebody to listen."""
    number = _ACTIONS.get(name)
    if number is not None and name == "SCMP_ACT_ERRNO":
        return number | (_EPERM if errno is None else errno)
    return number
