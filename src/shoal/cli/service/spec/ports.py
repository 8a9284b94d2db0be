"""`--publish` of services: ports of the mesh, or of the nodes themselves."""

from __future__ import annotations

from shoal.cli.errors import FlagError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    Json = dict[str, Any]

_MAX_PORT = 65535
_PROTOCOLS = ("tcp", "udp", "sctp")


def parse_ports(flag: str, texts: Iterable[str]) -> list[Json]:
    """PortConfigs of "8080:80", "53/udp", "5000-5002:6000-6002", "published=80,target=90,mode=host,protocol=udp".

    flag: as it is spelled in errors, e.g. "-p, --publish"
    Raises: FlagError with docker's words
    """
    found: list[Json] = []
    for text in texts:
        try:
            found += [_long(text)] if "=" in text else _short(text)
        except ValueError as error:
            raise FlagError(f'invalid argument "{text}" for "{flag}" flag: {error}') from None
    return found


def _long(text: str) -> Json:
    port: Json = {"Protocol": "tcp", "PublishMode": "ingress"}
    for field in text.split(","):
        key, equals, value = field.partition("=")
        key, value = key.strip().lower(), value.lower()
        if not equals or not value:
            raise ValueError(f"invalid field: {field}")
        if key == "protocol":
            if value not in _PROTOCOLS:
                raise ValueError(f"invalid protocol value {value}")
            port["Protocol"] = value
        elif key == "mode":
            if value not in ("ingress", "host"):
                raise ValueError(f"invalid publish mode value ({value}): must be either 'ingress' or 'host'")
            port["PublishMode"] = value
        elif key in ("target", "published"):
            port[f"{key.capitalize()}Port"] = _number(value, key)
        elif key == "host_ip":
            port["HostIP"] = value
        else:
            raise ValueError(f"invalid field key: {key}")
    if not port.get("TargetPort"):
        raise ValueError("missing mandatory field 'target'")
    return port


def _short(text: str) -> list[Json]:
    from shoal.cli.ports import parse_publish

    _, bindings = parse_publish([text])
    found = []
    for target, wanted in bindings.items():
        number, _, protocol = target.partition("/")
        for binding in wanted:
            if binding.get("HostIp"):
                raise ValueError("hostip is not supported (published=…,target=…,host_ip=… is)")
            first, _, last = str(binding.get("HostPort") or "").partition("-")
            for published in range(int(first or 0), int(last or first or 0) + 1):
                port = {"Protocol": protocol, "TargetPort": int(number), "PublishMode": "ingress"}
                found.append({**port, **({"PublishedPort": published} if published else {})})
    return found


def _number(text: str, what: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"invalid {what} port ({text}): value must be an integer: invalid syntax")
    if int(text) > _MAX_PORT:
        raise ValueError(f"invalid {what} port ({text}): value must be an integer: value out of range")
    return int(text)


def edited_ports(ports: Sequence[Json], added: Sequence[Json], removed: Iterable[str], flag: str) -> list[Json]:
    """The ports without those removed, then those added.

    removed: targets ("80", "53/udp"), or ports in the long form
    """
    gone = [_target(flag, text) for text in removed]
    kept = [port for port in ports if not any(_is_meant(port, one) for one in gone)]
    places = {(port.get("Protocol"), port.get("TargetPort"), port.get("PublishedPort")) for port in added}
    kept = [
        port for port in kept if (port.get("Protocol"), port.get("TargetPort"), port.get("PublishedPort")) not in places
    ]
    return [*kept, *added]


def _target(flag: str, text: str) -> Json:
    if "=" in text:
        return parse_ports(flag, [text])[0]
    number, _, protocol = text.partition("/")
    if not number.isdecimal():
        raise FlagError(f'invalid argument "{text}" for "{flag}" flag: invalid containerPort: {number}')
    return {"TargetPort": int(number), "Protocol": protocol or "tcp"}


def _is_meant(port: Json, wanted: Json) -> bool:
    names = ("TargetPort", "Protocol", *(("PublishMode",) if "PublishMode" in wanted else ()))
    return all(port.get(name) == wanted[name] for name in names)
