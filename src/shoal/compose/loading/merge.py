"""Merge of two canonical files (or services, for `extends`): the later one wins.

Maps are merged key by key, lists are joined, everything else is replaced. The table names what differs: commands are
replaced whole, volumes are the same when their target is, and so on. `!reset` takes a key out, `!override` replaces.
"""

from collections.abc import Callable
from typing import Any

from shoal.compose.loading.tree import Map, Mark, Override, Path, Reset, Seq, mark_of_item, marks_of

#: What makes two items of a list the same one.
Identity = Callable[[Any], Any]


def merge(base: Any, over: Any, path: Path = ()) -> Any:
    """`over` laid upon `base`; neither is changed."""
    if isinstance(over, Reset):
        return over
    if isinstance(over, Override):
        return cleaned(over.value)
    if base is None or isinstance(base, Reset):
        return cleaned(over)
    special = SPECIAL.get(_pattern(path))
    if special is not None:
        return special(base, over, path)
    if isinstance(base, Map) and isinstance(over, Map):
        return _merge_maps(base, over, path)
    if isinstance(base, Seq) and isinstance(over, Seq):
        return _join(base, over, IDENTITIES.get(_pattern(path)))
    return over if over is not None else base


def cleaned(value: Any) -> Any:
    """`value` with the tags resolved that found nothing to act on."""
    if isinstance(value, Override):
        return cleaned(value.value)
    if isinstance(value, Map):
        return value.like({key: cleaned(item) for key, item in value.items() if not isinstance(item, Reset)})
    if isinstance(value, Seq) and any(isinstance(item, (Map, Seq, Override)) for item in value):
        return value.like([cleaned(item) for item in value])
    return value


def unique(value: Any, path: Path = ()) -> Any:
    """`value` with items of the same identity joined to one, as a merge would leave them."""
    if isinstance(value, Map):
        return value.like({key: unique(item, (*path, key)) for key, item in value.items()})
    identity = IDENTITIES.get(_pattern(path)) if isinstance(value, Seq) else None
    return _join(Seq((), value.mark), value, identity) if identity else value


def _merge_maps(base: Map, over: Map, path: Path) -> Map:
    result = Map(base, base.mark or over.mark)
    result.marks = {**base.marks, **over.marks}
    for key, item in over.items():
        merged = merge(base.get(key), item, (*path, key))
        if isinstance(merged, Reset):
            result.pop(key, None)
        else:
            result[key] = merged
    return result


def _join(base: Seq, over: Seq, identity: Identity | None) -> Seq:
    items: list[tuple[Any, Mark | None]] = [(item, mark_of_item(base, i)) for i, item in enumerate(base)]
    places = {identity(item): place for place, (item, _) in enumerate(items)} if identity else {}
    for position, raw in enumerate(over):
        item = cleaned(raw)
        mark = mark_of_item(over, position)
        same = identity(item) if identity else None
        if identity and same is not None and same in places:
            items[places[same]] = (item, mark)
        else:
            if identity:
                places[same] = len(items)
            items.append((item, mark))
    result = Seq((item for item, _ in items), base.mark or over.mark)
    result.marks = [mark for _, mark in items]
    return result


def _replace(base: Any, over: Any, path: Path) -> Any:
    return cleaned(over)


def _replace_unless_maps(base: Any, over: Any, path: Path) -> Any:
    """A ulimit: two mappings merge, a number replaces."""
    return _merge_maps(base, over, path) if isinstance(base, Map) and isinstance(over, Map) else over


def _logging(base: Any, over: Any, path: Path) -> Any:
    """Options of another driver make no sense: a new driver replaces all."""
    drivers = {value["driver"] for value in (base, over) if value.get("driver")}
    return _merge_maps(base, over, path) if len(drivers) < 2 else cleaned(over)


def _hosts(base: Any, over: Any, path: Path) -> Any:
    """Addresses of a host are collected."""
    result = Map(base, base.mark)
    result.marks = {**marks_of(base), **marks_of(over)}
    for host, addresses in over.items():
        known = result.get(host, ())
        result[host] = Seq([*known, *(address for address in addresses if address not in known)])
    return result


def _pools(base: Any, over: Any, path: Path) -> Any:
    """Pools of the same subnet merge."""
    places = {pool.get("subnet"): place for place, pool in enumerate(base)}
    result = Seq(base, base.mark)
    for pool in over:
        place = places.get(pool.get("subnet"))
        if place is None:
            result.append(cleaned(pool))
        else:
            result[place] = _merge_maps(result[place], pool, path)
    return result


def _itself(item: Any) -> Any:
    return item if not isinstance(item, (dict, list)) else repr(item)


def _target(item: Any) -> Any:
    return item.get("target") or repr(item) if isinstance(item, Map) else repr(item)


def _port(item: Any) -> Any:
    if not isinstance(item, Map):
        return repr(item)
    return (item.get("host_ip", ""), item.get("published", ""), item.get("target"), item.get("protocol"))


def _env_file(item: Any) -> Any:
    return item.get("path") if isinstance(item, Map) else repr(item)


def _mounted_under(folder: str) -> Identity:
    def identity(item: Any) -> Any:
        if not isinstance(item, Map):
            return repr(item)
        target = str(item.get("target") or item.get("source"))
        return target if target.startswith("/") else f"{folder}/{target}"

    return identity


def _pattern(path: Path) -> tuple[str | int, ...]:
    """The path with `*` for the names that users choose."""
    if len(path) < 2:
        return path
    if len(path) > 4 and path[2:4] == ("networks", path[3]) and path[0] == "services":
        return (path[0], "*", "networks", "*", *path[4:])
    if len(path) == 4 and path[2] == "ulimits":
        return (path[0], "*", "ulimits", "*")
    return (path[0], "*", *path[2:])


Special = Callable[[Any, Any, Path], Any]

SPECIAL: dict[tuple[str | int, ...], Special] = {
    ("services", "*", "command"): _replace,
    ("services", "*", "entrypoint"): _replace,
    ("services", "*", "healthcheck", "test"): _replace,
    ("services", "*", "provider"): _replace,
    ("services", "*", "ulimits", "*"): _replace_unless_maps,
    ("services", "*", "logging"): _logging,
    ("services", "*", "extra_hosts"): _hosts,
    ("services", "*", "build", "extra_hosts"): _hosts,
    ("networks", "*", "ipam", "config"): _pools,
}

IDENTITIES: dict[tuple[str | int, ...], Identity] = {
    ("services", "*", "volumes"): _target,
    ("services", "*", "devices"): _target,
    ("services", "*", "ports"): _port,
    ("services", "*", "configs"): _mounted_under(""),
    ("services", "*", "secrets"): _mounted_under("/run/secrets"),
    ("services", "*", "env_file"): _env_file,
    **{
        ("services", "*", key): _itself
        for key in [
            "cap_add",
            "cap_drop",
            "device_cgroup_rules",
            "dns",
            "dns_opt",
            "dns_search",
            "expose",
            "external_links",
            "group_add",
            "label_file",
            "links",
            "profiles",
            "security_opt",
            "tmpfs",
            "volumes_from",
        ]
    },
    ("services", "*", "networks", "*", "aliases"): _itself,
    ("services", "*", "networks", "*", "link_local_ips"): _itself,
    ("services", "*", "build", "tags"): _itself,
    ("services", "*", "build", "platforms"): _itself,
    ("services", "*", "deploy", "placement", "constraints"): _itself,
}
