"""Ports: `[address:][published:]target[/protocol]`, with ranges, → one mapping a port."""

from typing import Any

from shoal.compose.loading.forms import to_int, to_publish_text
from shoal.compose.loading.tree import BadValue, Map, Mark, Path, Seq, mark_of_item, text_of

_PROTOCOLS = ("tcp", "udp", "sctp")


def to_ports(value: Any, path: Path) -> Seq:
    """Every port of a list in long form; ranges are spelt out."""
    result = Seq((), getattr(value, "mark", None))
    for position, item in enumerate(value):
        where = (*path, position)
        entries = [_long(item, where)] if isinstance(item, Map) else parse_port(text_of(item), where)
        result.extend(entries)
        result.marks.extend(_repeated(mark_of_item(value, position), len(entries)))
    return result


def _repeated(mark: Mark | None, count: int) -> list[Mark | None]:
    return [mark] * count


def _long(item: Map, path: Path) -> Map:
    if "target" not in item:
        raise BadValue(path, "is missing a target port")
    target = to_int(item["target"], (*path, "target"))
    if not 0 < target < 65536:
        raise BadValue((*path, "target"), f"invalid container port: {target}")
    entry: dict[str, Any] = {**item, "target": target}
    if "published" in item:
        entry["published"] = to_publish_text(item["published"], path)
        if entry["published"]:
            _range(entry["published"], (*path, "published"), "published port")
    if entry.get("host_ip"):
        entry["host_ip"] = _address(entry["host_ip"], path)
    entry["protocol"] = _protocol(item.get("protocol") or "tcp", path)
    entry["mode"] = item.get("mode") or "ingress"
    if entry["mode"] not in ("ingress", "host"):
        raise BadValue((*path, "mode"), f'expected ingress or host, got "{entry["mode"]}"')
    return item.like(entry)


def parse_port(text: str, path: Path) -> list[Map]:
    """The ports that a short form stands for, one mapping each."""
    rest, slash, protocol = text.partition("/")
    if slash and not protocol:
        raise BadValue(path, f'invalid port "{text}": no protocol after the slash')
    protocol = _protocol(protocol or "tcp", path)
    rest, _, target_text = rest.rpartition(":")
    address, published_text = _address_and_published(rest, text, path)
    if not target_text:
        raise BadValue(path, f'invalid port "{text}": no container port')
    first, last = _range(target_text, path, "container port")
    if not published_text:
        return [_entry(target, "", protocol, address) for target in range(first, last + 1)]
    low, high = _range(published_text, path, "published port")
    if last - first == high - low:
        return [_entry(first + i, str(low + i), protocol, address) for i in range(last - first + 1)]
    if first == last:
        return [_entry(first, published_text, protocol, address)]
    raise BadValue(path, f"invalid ranges specified for container and host ports: {target_text} and {published_text}")


def _address_and_published(rest: str, text: str, path: Path) -> tuple[str, str]:
    """What stands before the container port, cut in two; an IPv6 address may stand bare or in brackets."""
    if rest.startswith("["):
        inside, bracket, published = rest[1:].partition("]")
        if not bracket or (published and not published.startswith(":")):
            raise BadValue(path, f'invalid port "{text}": no closing bracket')
        return _address(inside, path), published[1:]
    address, _, published = rest.rpartition(":")
    return (_address(address, path) if address else ""), published


def _entry(target: int, published: str, protocol: str, address: str) -> Map:
    entry = Map({"mode": "ingress", "target": target, "protocol": protocol})
    if address:
        entry["host_ip"] = address
    if published:
        entry["published"] = published
    return entry


def _address(text: str, path: Path) -> str:
    import ipaddress

    try:
        return str(ipaddress.ip_address(text.removeprefix("[").removesuffix("]")))
    except ValueError:
        raise BadValue(path, f"invalid IP address: {text}") from None


def _protocol(text: str, path: Path) -> str:
    if text.lower() not in _PROTOCOLS:
        raise BadValue(path, f"invalid protocol: {text}")
    return text.lower()


def _range(text: str, path: Path, what: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if not first.isdecimal() or (dash and not last.isdecimal()) or len(text) > 20:
        raise BadValue(path, f"invalid {what}: {text}")
    low, high = int(first), int(last or first)
    if not low <= high < 65536:
        raise BadValue(path, f"invalid {what}: {text}")
    return low, high


def to_exposed(value: Any, path: Path) -> Seq:
    """`expose` entries as text, checked: `3000`, `3000-3005/udp`."""
    result = Seq((), getattr(value, "mark", None))
    for position, item in enumerate(value):
        text = text_of(item)
        ports, slash, protocol = text.partition("/")
        _range(ports, (*path, position), "exposed port")
        if slash:
            _protocol(protocol, (*path, position))
        result.append(text)
        result.marks.append(mark_of_item(value, position))
    return result
