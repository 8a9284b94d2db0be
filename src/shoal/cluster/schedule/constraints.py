"""Placement constraints. Source: SwarmKit's syntax and rules of case (`docker service create --constraint`)."""

import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache

from shoal.errors import InvalidArgument
from shoal.model.cluster.node import Node

_OPERATORS = ("==", "!=")
_KEY = re.compile(r"[a-z_][a-z0-9\-_.]+", re.IGNORECASE | re.ASCII)
_VALUE = re.compile(r"[a-z0-9:\-_\s.*()?+\[\]\\^$|/]+", re.IGNORECASE | re.ASCII)
NODE_LABELS, ENGINE_LABELS = "node.labels.", "engine.labels."
#: the same machine under several names
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "armhf": "arm", "i686": "386", "i386": "386"}

_FIELDS: dict[str, Callable[[Node], str]] = {
    "node.id": lambda node: node.id,
    "node.hostname": lambda node: node.description.hostname,
    "node.role": lambda node: node.spec.role,
    "node.platform.os": lambda node: node.description.os,
    "node.platform.arch": lambda node: architecture(node.description.architecture),
}


def architecture(name: str) -> str:
    """The name that Go has for a machine, whatever the kernel calls it."""
    return _ARCHITECTURES.get(name.lower(), name.lower())


@lru_cache(maxsize=4096)
def parse(constraint: str) -> tuple[str, bool, str]:
    """(key, whether it must be equal, value). Raises: InvalidArgument"""
    operator = next((operator for operator in _OPERATORS if operator in constraint), "")
    if not operator:
        raise InvalidArgument(f"constraint expected one operator from {', '.join(_OPERATORS)}")
    key, _, value = constraint.partition(operator)
    key, value = key.strip(), value.strip()
    if not _KEY.fullmatch(key):
        raise InvalidArgument(f"key '{key}' is invalid")
    if not _VALUE.fullmatch(value):
        raise InvalidArgument(f"value '{value}' is invalid")
    return key, operator == "==", value


def satisfies(constraints: tuple[str, ...], node: Node) -> bool:
    """Whether a node is one that all constraints allow; an unknown key allows none."""
    return all(_matches(*parse(constraint), node) for constraint in constraints)


def label_of(node: Node, path: str) -> str:
    """What a spread preference sees: the value of "node.labels.x" or "engine.labels.x", "" where there is none."""
    if path.lower().startswith(NODE_LABELS):
        return node.spec.labels.get(path[len(NODE_LABELS) :], "")
    if path.lower().startswith(ENGINE_LABELS):
        return node.description.engine_labels.get(path[len(ENGINE_LABELS) :], "")
    return ""


def _matches(key: str, is_equal: bool, value: str, node: Node) -> bool:
    lower = key.lower()
    if lower.startswith((NODE_LABELS, ENGINE_LABELS)):
        return (label_of(node, key).lower() == value.lower()) == is_equal
    if lower == "node.ip":
        return _has_address(node, value) == is_equal
    field = _FIELDS.get(lower)
    if field is None:
        return False
    if lower == "node.platform.arch":
        value = architecture(value)
    return (field(node).lower() == value.lower()) == is_equal


def _has_address(node: Node, value: str) -> bool:
    try:
        address = ipaddress.ip_address(node.address.strip("[]"))
        return address in ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
