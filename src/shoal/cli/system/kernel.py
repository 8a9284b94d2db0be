"""What the kernel can do, found out by doing it in a child process with a network namespace of its own.

Plain system calls: this must work on a host that lacks everything else, and the CLI does not carry a netlink library.
Source: rtnetlink(7), unshare(2), libnftables(3).
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_CLONE_NEWNET, _CLONE_NEWNS, _CLONE_NEWUTS, _CLONE_NEWIPC, _CLONE_NEWPID = (
    0x40000000,
    0x20000,
    0x4000000,
    0x8000000,
    0x20000000,
)
_NETLINK_ROUTE, _RTM_NEWLINK = 0, 16
_NLM_F_REQUEST, _NLM_F_ACK, _NLM_F_EXCL, _NLM_F_CREATE = 1, 4, 0x200, 0x400
_IFLA_IFNAME, _IFLA_LINKINFO, _IFLA_INFO_KIND = 3, 18, 1
_NLMSG_ERROR = 2

_NAT_RULES = """add table inet shoal_doctor;
add chain inet shoal_doctor out { type nat hook postrouting priority 100; };
add rule inet shoal_doctor out masquerade;
add chain inet shoal_doctor in { type nat hook prerouting priority -100; };
add rule inet shoal_doctor in tcp dport 80 dnat ip to 10.0.0.1:80;
"""


def _unshare(flags: int) -> str:
    libc = ctypes.CDLL(None, use_errno=True)
    return os.strerror(ctypes.get_errno()) if libc.unshare(flags) else ""


def _attribute(kind: int, data: bytes) -> bytes:
    length = 4 + len(data)
    return struct.pack("HH", length, kind) + data + bytes(-length % 4)


def _add_link(kind: str) -> str:
    """Make a link of `kind`; "" or the reason why not."""
    info = _attribute(_IFLA_LINKINFO, _attribute(_IFLA_INFO_KIND, kind.encode()))
    body = struct.pack("BxHiII", 0, 0, 0, 0, 0) + _attribute(_IFLA_IFNAME, b"shoal0\0") + info
    flags = _NLM_F_REQUEST | _NLM_F_ACK | _NLM_F_CREATE | _NLM_F_EXCL
    message = struct.pack("IHHII", 16 + len(body), _RTM_NEWLINK, flags, 1, 0) + body
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE) as channel:
        channel.sendto(message, (0, 0))
        answer = channel.recv(4096)
    kind_of_answer = struct.unpack_from("H", answer, 4)[0]
    code = struct.unpack_from("i", answer, 16)[0] if kind_of_answer == _NLMSG_ERROR else 0
    return f"can't make a {kind} link: {os.strerror(-code)}" if code else ""


def _add_nat() -> str:
    library = ctypes.CDLL("libnftables.so.1")
    library.nft_ctx_new.restype = ctypes.c_void_p
    library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
    handle = ctypes.c_void_p(library.nft_ctx_new(0))
    library.nft_ctx_buffer_error(handle)
    if library.nft_run_cmd_from_buffer(handle, _NAT_RULES.encode()):
        lines = library.nft_ctx_get_error_buffer(handle).decode(errors="replace").splitlines()
        return lines[0] if lines else "nftables refused the rules"
    return ""


def _other_namespaces() -> str:
    reason = _unshare(_CLONE_NEWNS | _CLONE_NEWUTS | _CLONE_NEWIPC | _CLONE_NEWPID)
    return f"unshare: {reason}" if reason else ""


#: {name: trial, run in a fresh network namespace; it gives "" or the reason why it failed}
TRIALS: dict[str, Callable[[], str]] = {
    "namespace": _other_namespaces,
    "bridge": lambda: _add_link("bridge"),
    "veth": lambda: _add_link("veth"),
    "nat": _add_nat,
}


def try_in_namespace(name: str) -> str:
    """ "" where the trial succeeds, else the reason. Nothing of it outlives the child process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            reason = _unshare(_CLONE_NEWNET)
            text = f"unshare: {reason}" if reason else TRIALS[name]()
        except Exception as error:  # noqa: BLE001 (told to the parent, whatever it is)
            text = str(error) or type(error).__name__
        os.write(writer, text.encode()[:4000])
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        text = pipe.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    return text or (f"the trial ended with status {status}" if status else "")
