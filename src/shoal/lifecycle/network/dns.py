"""DNS packets: the question of a query, and answers to it. Source: RFC 1035, RFC 6891 (EDNS size)."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

A, PTR, AAAA, OPT, ANY = 1, 12, 28, 41, 255
NOERROR, FORMERR, SERVFAIL, NXDOMAIN = 0, 1, 2, 3
TTL_S = 600
MAX_UDP_BYTES = 512
_HEADER = struct.Struct("!HHHHHH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """name: without the final dot; end: offset behind the question; udp_bytes: the longest answer it takes."""

    id: int
    flags: int
    name: str
    type: int
    end: int
    udp_bytes: int = MAX_UDP_BYTES


def parse_question(packet: bytes) -> Question | None:
    """The one question of a standard query; None for anything else, which is not ours to answer."""
    if len(packet) < _HEADER.size:
        return None
    id, flags, questions, answers, authorities, additional = _HEADER.unpack_from(packet)
    if flags & 0xF800 or questions != 1 or answers or authorities:
        return None
    labels, offset = [], _HEADER.size
    try:
        while length := packet[offset]:
            if length > 63:
                return None
            labels.append(packet[offset + 1 : offset + 1 + length].decode("utf-8", "surrogateescape"))
            offset += 1 + length
        kind, _ = struct.unpack_from("!HH", packet, offset + 1)
    except (IndexError, struct.error):
        return None
    end = offset + 5
    size = _edns_bytes(packet, end) if additional else 0
    return Question(id=id, flags=flags, name=".".join(labels), type=kind, end=end, udp_bytes=max(MAX_UDP_BYTES, size))


def _edns_bytes(packet: bytes, offset: int) -> int:
    """The size in the OPT record, where it comes first; else 0."""
    if len(packet) >= offset + 11 and packet[offset] == 0:
        kind, size = struct.unpack_from("!HH", packet, offset + 1)
        return int(size) if kind == OPT else 0
    return 0


def encode_answer(
    packet: bytes,
    question: Question,
    addresses: Sequence[str] = (),
    ptr: str = "",
    code: int = NOERROR,
    ttl_s: int = TTL_S,
) -> bytes:
    """An answer to the query `packet`: addresses (of the question's type), or a name, or nothing with a `code`."""
    records = [ip_address(a).packed for a in addresses] or ([_encode_name(ptr)] if ptr else [])
    flags = 0x8000 | 0x0080 | (question.flags & 0x0100) | (0x0400 if code == NOERROR else 0) | code
    head = _HEADER.pack(question.id, flags, 1, len(records), 0, 0)
    body = b"".join(struct.pack("!HHHIH", 0xC00C, question.type, 1, ttl_s, len(r)) + r for r in records)
    return head + packet[_HEADER.size : question.end] + body


def encode_query(id: int, name: str, kind: int) -> bytes:
    """A query with recursion wanted."""
    return _HEADER.pack(id, 0x0100, 1, 0, 0, 0) + _encode_name(name) + struct.pack("!HH", kind, 1)


def _encode_name(name: str) -> bytes:
    labels = [label.encode("utf-8", "surrogateescape")[:63] for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def truncate(answer: bytes, question: Question) -> bytes:
    """`answer` as it may go over UDP: whole, or an empty one that sends the asker to TCP."""
    if len(answer) <= question.udp_bytes:
        return answer
    id, flags, *_ = _HEADER.unpack_from(answer)
    return _HEADER.pack(id, flags | 0x0200, 1, 0, 0, 0) + answer[_HEADER.size : question.end]


def is_truncated(answer: bytes) -> bool:
    """True when the answer says that the whole of it needs TCP."""
    return len(answer) >= _HEADER.size and bool(answer[2] & 0x02)
