"""Templates in what a service's tasks are: "{{.Task.Slot}}" in environment, host name and mounts; files with values.

Source: Docker's service templates and templated configs (`--template-driver golang`). Only what they name is filled in:
this is no language.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from shoal.errors import InvalidArgument
from shoal.model.cluster.node import Node
from shoal.model.cluster.task import Task
from shoal.model.container import ContainerSpec

_FIELD = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}")
_LABEL = re.compile(r"\.(?:Service|Node|Task)\.Labels\.(.+)|index\s+\.(?:Service|Node|Task)\.Labels\s+\"([^\"]+)\"")
_CALL = re.compile(r"(secret|config|env)\s+\"([^\"]*)\"")

Values = Mapping[str, str]


def filled(task: Task, node: Node | None) -> ContainerSpec:
    """The container of a task with its templates filled in; the very same object where there are none.

    A field that does not exist stays as it is written: `problem` tells of it when the service is made.
    """
    spec = task.spec.container
    if not has_templates(spec):
        return spec
    values, labels = _values(task, node), {"Service": task.labels, "Node": node.spec.labels if node else {}}

    def fill(text: str) -> str:
        return _FIELD.sub(lambda found: _value(found.group(1), values, labels, found.group(0)), text)

    host = spec.host
    mounts = tuple(replace(mount, source=fill(mount.source), target=fill(mount.target)) for mount in host.mounts)
    return replace(
        spec,
        hostname=fill(spec.hostname),
        env=tuple(map(fill, spec.env)),
        host=replace(host, mounts=mounts, binds=tuple(map(fill, host.binds))),
    )


def has_templates(spec: ContainerSpec) -> bool:
    """Whether anything of it wants to be filled in."""
    return (
        "{{" in spec.hostname
        or any("{{" in entry for entry in spec.env)
        or any("{{" in bind for bind in spec.host.binds)
        or any("{{" in mount.source or "{{" in mount.target for mount in spec.host.mounts)
    )


def fill_file(text: str, task: Task, node: Node | None, read: Callable[[str, str], str], env: Mapping[str, str]) -> str:
    """A templated secret or config as its task gets it.

    read: (kind, target) -> value of another file of the task: "secret" or "config"
    Raises: InvalidArgument for what is not there or cannot be read
    """
    values, labels = _values(task, node), {"Service": task.labels, "Node": node.spec.labels if node else {}}

    def fill(found: re.Match[str]) -> str:
        call = _CALL.fullmatch(found.group(1))
        if call is None:
            value = _value(found.group(1), values, labels, "")
            if not value and not _LABEL.fullmatch(found.group(1)) and found.group(1) not in values:
                raise InvalidArgument(f"failed to expand template: cannot evaluate {found.group(0)}")
            return value
        kind, name = call.groups()
        return env.get(name, "") if kind == "env" else read(kind, name)

    return _FIELD.sub(fill, text)


def problem(spec: ContainerSpec) -> str:
    """The first template that names nothing that there is; "" = all do."""
    known = _values(None, None)
    texts = [spec.hostname, *spec.env, *spec.host.binds]
    texts += [text for mount in spec.host.mounts for text in (mount.source, mount.target)]
    for text in texts:
        for found in _FIELD.finditer(text):
            if found.group(1) not in known and not _LABEL.fullmatch(found.group(1)):
                return found.group(0)
    return ""


def _values(task: Task | None, node: Node | None) -> Values:
    return {
        ".Service.ID": task.service_id if task else "",
        ".Service.Name": task.service_name if task else "",
        ".Node.ID": node.id if node else "",
        ".Node.Hostname": node.description.hostname if node else "",
        ".Node.Platform.OS": node.description.os if node else "",
        ".Node.Platform.Architecture": node.description.architecture if node else "",
        ".Task.ID": task.id if task else "",
        ".Task.Name": task.name if task else "",
        ".Task.Slot": str(task.slot or task.node_id) if task else "",
    }


def _value(expression: str, values: Values, labels: Mapping[str, Mapping[str, str]], unknown: str) -> str:
    if expression in values:
        return values[expression]
    label = _LABEL.fullmatch(expression)
    if label is None:
        return unknown
    whose = expression.removeprefix("index").strip().split(".")[1]
    return labels.get(whose, {}).get(label.group(1) or label.group(2), "")
