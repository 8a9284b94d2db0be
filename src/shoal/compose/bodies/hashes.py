"""Hashes by which containers, networks and volumes are known to be as wanted: the very ones of Docker Compose 2.40.

Compose hashes the JSON that Go makes of its types, so that this is what is made here: either tool finds what the other
made unchanged. What those hashes leave out (content of configs and secrets that is given in place) has one of our own.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from shoal.compose.bodies.files import declared_files
from shoal.compose.project import Network, Project, Service, Volume
from shoal.compose.text.order import ORDER, ordered, rank

#: Keys that change nothing about a container.
_NOT_HASHED = frozenset(("build", "pull_policy", "scale", "depends_on", "profiles", "env_file"))
_GO_ESCAPES = {"&": "\\u0026", "<": "\\u003c", ">": "\\u003e", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def service_hash(service: Service) -> str:
    """The hash of everything about a service that its containers are made of; not of build, scale and dependencies."""
    tree = {key: item for key, item in service.tree.items() if key not in _NOT_HASHED and not key.startswith("x-")}
    go = ordered(tree, ("services", service.name))
    go.setdefault("command", None)
    go.setdefault("entrypoint", None)
    if "deploy" in go:
        go["deploy"] = _go_deploy(go["deploy"])
    if "blkio_config" in go:
        go["blkio_config"] = {key: _capitals(item) for key, item in go["blkio_config"].items()}
    if "develop" in go:
        go["develop"] = _go_develop(go["develop"])
    if "ulimits" in go:
        go["ulimits"] = {name: _without_zeros(limit) for name, limit in go["ulimits"].items()}
    if "volumes" in go:
        go["volumes"] = [_go_mount(mount) for mount in go["volumes"]]
    return _hash({key: go[key] for key in sorted(go, key=rank(ORDER["service"]))})


def _without_zeros(limit: Any) -> Any:
    return {key: item for key, item in limit.items() if item} if isinstance(limit, dict) else limit


def _go_mount(mount: Mapping[str, Any]) -> Mapping[str, Any]:
    """Go leaves `create_host_path: false` out."""
    bind = mount.get("bind")
    if not bind or bind.get("create_host_path", True):
        return mount
    return {**mount, "bind": {key: item for key, item in bind.items() if key != "create_host_path"}}


def _go_deploy(deploy: Mapping[str, Any]) -> dict[str, Any]:
    """Without replicas; what Go never leaves out is there."""
    complete = {"resources": {}, "placement": {}, **deploy}
    return {key: complete[key] for key in sorted(complete, key=rank(ORDER["deploy"])) if key != "replicas"}


def _capitals(devices: Any) -> Any:
    """Device limits have no JSON names in Compose."""
    if not isinstance(devices, list):
        return devices
    return [{key.capitalize(): item for key, item in device.items()} for device in devices]


def _go_develop(develop: Mapping[str, Any]) -> dict[str, Any]:
    rules = [{"exec": {"command": None}, **rule} for rule in develop.get("watch", ())]
    order = rank(ORDER["watch"])
    return {**develop, "watch": [{key: rule[key] for key in sorted(rule, key=order)} for rule in rules]}


def network_hash(network: Network) -> str:
    """The hash of a network's configuration."""
    go = ordered({"ipam": {}, **_plain(network.tree)}, ("networks", network.key))
    go.setdefault("ipam", {})
    return _hash({key: go[key] for key in sorted(go, key=rank(ORDER["networks"]))})


def volume_hash(volume: Volume) -> str:
    """The hash of a volume's configuration."""
    return _hash(ordered({"driver": "local", **_plain(volume.tree)}, ("volumes", volume.key)))


def content_hash(project: Project, service: Service) -> str:
    """The hash of configs and secrets whose content is not a file, "" where all are bound.

    A container with this label was made by Shoal, its files in memory where the engine can.
    """
    configs = [project.configs[ref.source] for ref in service.configs if ref.source in project.configs]
    secrets = [project.secrets[ref.source] for ref in service.secrets if ref.source in project.secrets]
    contents = [one.value if one.content is None else one.content for one in configs if not one.file]
    contents += [one.value for one in secrets if not one.file]
    return _hash(["in memory", *contents]) if declared_files(project, service) else ""


def _plain(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in tree.items() if not key.startswith("x-")}


def _hash(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for letter, escape in _GO_ESCAPES.items():
        text = text.replace(letter, escape)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
