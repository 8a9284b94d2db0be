"""Headers of tar members: ustar, and pax records only where ustar has no room. The same entry gives the same bytes."""

from shoal.drivers.layers.tar import BLOCK, CHAR, FILE, FOLDER, TarEntry

END = bytes(2 * BLOCK)
_MAX_ID = 0o7777777
_MAX_SIZE = 0o77777777777


def padding(size: int) -> bytes:
    """What follows data of this size."""
    return bytes(-size % BLOCK)


def encode_header(entry: TarEntry) -> bytes:
    """The header blocks of an entry; `entry.name` of a folder ends with no slash. Times in whole seconds."""
    name = _raw(entry.name + ("/" if entry.kind == FOLDER else ""))
    link = _raw(entry.link)
    size = entry.size if entry.kind == FILE else 0
    records: list[tuple[bytes, bytes]] = [
        (b"SCHILY.xattr." + _raw(key), value) for key, value in sorted(entry.xattrs.items())
    ]
    for key, value, fits in (
        (b"gid", b"%d" % entry.gid, entry.gid <= _MAX_ID),
        (b"linkpath", link, len(link) <= 100 and link.isascii()),
        (b"mtime", b"%d" % (entry.mtime_ns // 1_000_000_000), 0 <= entry.mtime_ns // 1_000_000_000 <= _MAX_SIZE),
        (b"path", name, len(name) <= 100 and name.isascii()),
        (b"size", b"%d" % size, size <= _MAX_SIZE),
        (b"uid", b"%d" % entry.uid, entry.uid <= _MAX_ID),
    ):
        if not fits:
            records.append((key, value))
    block = _block(entry, name, link, size)
    if not records:
        return block
    data = b"".join(_record(key, value) for key, value in sorted(records))
    pax = TarEntry(name="", kind="x", mode=0o644, size=len(data))
    pax_name = b"PaxHeaders.0/" + name.rstrip(b"/").rpartition(b"/")[2]
    return _block(pax, pax_name, b"", len(data)) + data + padding(len(data)) + block


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _record(key: bytes, value: bytes) -> bytes:
    body = b" " + key + b"=" + value + b"\n"
    length = len(body) + len(str(len(body)))
    length = len(body) + len(str(length))
    return b"%d" % length + body


def _octal(value: int, width: int) -> bytes:
    """`value` in `width` bytes; what does not fit is 0 here and true in the pax header."""
    return b"%0*o\0" % (width - 1, value if 0 <= value < 8 ** (width - 1) else 0)


def _block(entry: TarEntry, name: bytes, link: bytes, size: int) -> bytes:
    major, minor = entry.device
    is_device = entry.kind in (CHAR, "4")
    block = bytearray(
        b"".join(
            (
                name[:100].ljust(100, b"\0"),
                _octal(entry.mode, 8),
                _octal(entry.uid, 8),
                _octal(entry.gid, 8),
                _octal(size, 12),
                _octal(max(0, entry.mtime_ns // 1_000_000_000), 12),
                b"        ",
                entry.kind.encode(),
                link[:100].ljust(100, b"\0"),
                b"ustar\x0000",
                bytes(64),
                _octal(major, 8) if is_device else bytes(8),
                _octal(minor, 8) if is_device else bytes(8),
                bytes(167),
            )
        )
    )
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)
