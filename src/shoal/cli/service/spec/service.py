"""The spec of a service as `service create` makes it and `service update` changes it."""

from __future__ import annotations

from shoal.cli.errors import PlainError
from shoal.cli.service.spec.container import Edits
from shoal.cli.service.spec.ports import edited_ports, parse_ports
from shoal.cli.service.spec.task import edit_task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from shoal.cli.flags import Options
    from shoal.client.api import Api

    Json = dict[str, Any]

_SECOND = 10**9
#: Docker's defaults, sent whole: a key that is missing would count as 0
_UPDATE_DEFAULTS = {
    "Parallelism": 1,
    "Delay": 0,
    "FailureAction": "pause",
    "Monitor": 5 * _SECOND,
    "MaxFailureRatio": 0,
    "Order": "stop-first",
}
_UPDATE_FLAGS = (
    ("parallelism", "Parallelism", "number"),
    ("delay", "Delay", "number"),
    ("failure-action", "FailureAction", "text"),
    ("monitor", "Monitor", "number"),
    ("max-failure-ratio", "MaxFailureRatio", "__getitem__"),
    ("order", "Order", "text"),
)
_MODES = {
    "replicated": "Replicated",
    "global": "Global",
    "replicated-job": "ReplicatedJob",
    "global-job": "GlobalJob",
}
_SCHEDULE = (("timezone", "Timezone"), ("concurrency", "Concurrency"), ("missed-fires", "MissedFires"))


def new_spec(options: Options, arguments: list[str], api: Api, env: Mapping[str, str]) -> Json:
    """The spec that `service create` asks for; the image as it was typed. Raises: UsageError, FlagError, PlainError"""
    mode = _new_mode(options)
    container: Json = {"Image": arguments[0], "Args": arguments[1:]}
    spec: Json = {"Name": options.text("name"), "TaskTemplate": {"ContainerSpec": container}, "Mode": mode}
    spec["EndpointSpec"] = {"Mode": options.text("endpoint-mode") or "vip"}
    if options.text("schedule"):
        spec["Schedule"] = _schedule(options, mode)
    edits = Edits(options, "")
    _edit(spec, edits, api, env)
    if any(key.endswith("Job") for key in mode) and ("UpdateConfig" in spec or "RollbackConfig" in spec):
        raise PlainError("update and rollback configuration is not supported for jobs")
    return _without_empty(spec)


def changed_spec(spec: Json, options: Options, api: Api, env: Mapping[str, str]) -> Json:
    """A service's spec with what `service update` changes; all but the image. Raises: as new_spec"""
    changed: Json = {**spec, "Mode": _changed_mode(spec.get("Mode") or {}, options)}
    changed["TaskTemplate"] = {**spec["TaskTemplate"]}
    changed["TaskTemplate"]["ContainerSpec"] = {**(spec["TaskTemplate"].get("ContainerSpec") or {})}
    if options.is_given("endpoint-mode"):
        changed["EndpointSpec"] = {**(spec.get("EndpointSpec") or {}), "Mode": options.text("endpoint-mode")}
    _edit(changed, Edits(options, "-add"), api, env)
    if options.flag("force"):
        template = changed["TaskTemplate"]
        template["ForceUpdate"] = int(template.get("ForceUpdate") or 0) + 1
    return _without_empty(changed)


def _edit(spec: Json, edits: Edits, api: Api, env: Mapping[str, str]) -> None:
    spec["Labels"] = edits.mapped("label", spec.get("Labels"))
    edit_task(spec["TaskTemplate"], edits, api, env)
    for prefix, key in (("update", "UpdateConfig"), ("rollback", "RollbackConfig")):
        given = {
            name: getattr(edits.options, kind)(f"{prefix}-{flag}")
            for flag, name, kind in _UPDATE_FLAGS
            if edits.options.is_given(f"{prefix}-{flag}")
        }
        if given:
            spec[key] = {**_UPDATE_DEFAULTS, **(spec.get(key) or {}), **given}
    added, removed = edits.added("publish"), edits.removed("publish")
    if added or removed:
        flag = "--publish-add" if edits.suffix else "-p, --publish"
        endpoint = dict(spec.get("EndpointSpec") or {})
        endpoint["Ports"] = edited_ports(endpoint.get("Ports") or [], parse_ports(flag, added), removed, "--publish-rm")
        spec["EndpointSpec"] = endpoint


def _new_mode(options: Options) -> Json:
    name = options.text("mode")
    if options.text("schedule") and not options.is_given("mode"):
        name = "replicated-job"
    if name not in _MODES:
        raise PlainError(f"Unknown mode: {name}, only replicated and global supported")
    is_replicated, is_job = name.startswith("replicated"), name.endswith("job")
    if not is_replicated:
        for flag in ("replicas", "replicas-max-per-node"):
            if options.is_given(flag):
                raise PlainError(f"{flag} can only be used with replicated or replicated-job mode")
    if options.is_given("max-concurrent") and name != "replicated-job":
        raise PlainError("max-concurrent can only be used with replicated-job mode")
    mode: Json = {}
    if is_replicated and options.is_given("replicas"):
        mode["TotalCompletions" if is_job else "Replicas"] = options.number("replicas")
    if name == "replicated-job" and (options.is_given("max-concurrent") or options.is_given("replicas")):
        given = options.is_given("max-concurrent")
        mode["MaxConcurrent"] = options.number("max-concurrent" if given else "replicas")
    return {_MODES[name]: mode}


def _schedule(options: Options, mode: Json) -> Json:
    if not any(key.endswith("Job") for key in mode):
        raise PlainError("Error: --schedule goes with --mode replicated-job or global-job")
    schedule = {"Cron": options.text("schedule")}
    schedule.update({key: options.text(flag) for flag, key in _SCHEDULE if options.is_given(flag)})
    return schedule


def _changed_mode(mode: Json, options: Options) -> Json:
    changed = {key: dict(value) for key, value in mode.items() if value is not None}
    if options.is_given("replicas"):
        if "Replicated" in changed:
            changed["Replicated"]["Replicas"] = options.number("replicas")
        elif "ReplicatedJob" in changed:
            changed["ReplicatedJob"]["TotalCompletions"] = options.number("replicas")
        else:
            raise PlainError("replicas can only be used with replicated mode")
    if options.is_given("max-concurrent"):
        if "ReplicatedJob" not in changed:
            raise PlainError("max-concurrent can only be used with replicated-job mode")
        changed["ReplicatedJob"]["MaxConcurrent"] = options.number("max-concurrent")
    return changed


def scaled_spec(spec: Json, replicas: int) -> Json:
    """The spec with another number of tasks. Raises: PlainError where the mode has none"""
    mode = spec.get("Mode") or {}
    for key, field in (("Replicated", "Replicas"), ("ReplicatedJob", "TotalCompletions")):
        if mode.get(key) is not None:
            return {**spec, "Mode": {key: {**mode[key], field: replicas}}}
    raise PlainError("scale can only be used with replicated or replicated-job mode")


#: of the ContainerSpec and of sections: empty says nothing
_MEANT = frozenset(("Init", "Replicas", "TotalCompletions", "ForceUpdate", "Test", "HostConfig", "Mode"))


def _without_empty(spec: Json) -> Json:
    container = spec["TaskTemplate"]["ContainerSpec"]
    dns = {key: value for key, value in (container.get("DNSConfig") or {}).items() if value}
    container["DNSConfig"] = dns
    spec["TaskTemplate"]["ContainerSpec"] = {
        key: value for key, value in container.items() if key in _MEANT or value not in (None, "", [], {}, 0, False)
    }
    return spec
