"""The TaskTemplate of a service: where its tasks run, with how much, and what happens when they end."""

from __future__ import annotations

from shoal.cli.errors import FlagError, PlainError, UsageError
from shoal.cli.service.spec.container import Edits, edit_container, same
from shoal.cli.service.spec.host import edit_host
from shoal.cli.values import split_pair

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from shoal.cli.flags import Options
    from shoal.client.api import Api

    Json = dict[str, Any]


def edit_task(template: Json, edits: Edits, api: Api, env: Mapping[str, str]) -> None:
    """Change a TaskTemplate as the flags say; all but the image. Raises: UsageError, FlagError, PlainError"""
    container = template.setdefault("ContainerSpec", {})
    edit_container(container, edits, api, env)
    edit_host(container, edits.options)
    _edit_resources(template, edits)
    _edit_restart(template, edits.options)
    _edit_placement(template, edits)
    _edit_networks(template, edits, api)
    _edit_log(template, edits.options)


def _edit_resources(template: Json, edits: Edits) -> None:
    options, resources = edits.options, template.get("Resources") or {}
    limits, reservations = dict(resources.get("Limits") or {}), dict(resources.get("Reservations") or {})
    if options.is_given("limit-pids"):
        limits["Pids"] = options.number("limit-pids")
    for prefix, section in (("limit", limits), ("reserve", reservations)):
        if options.is_given(f"{prefix}-cpu"):
            section["NanoCPUs"] = _nano_cpus(f"{prefix}-cpu", options.text(f"{prefix}-cpu"))
        if options.is_given(f"{prefix}-memory"):
            section["MemoryBytes"] = options.number(f"{prefix}-memory")
    generic = edits.listed(
        "generic-resource",
        reservations.get("GenericResources"),
        lambda text: _generic(edits, text),
        lambda one: next((part.get("Kind") for part in one.values()), ""),
    )
    reservations["GenericResources"] = generic
    template["Resources"] = {"Limits": _without_nothing(limits), "Reservations": _without_nothing(reservations)}


def _nano_cpus(flag: str, text: str) -> int:
    from shoal.cli.container.create.host_config import parse_nano_cpus

    try:
        return parse_nano_cpus(text)
    except UsageError as error:
        reason = error.message.rpartition("flag: ")[2]
        raise FlagError(f'invalid argument "{text}" for "--{flag}" flag: {reason}') from None


def _generic(edits: Edits, text: str) -> Json:
    kind, value = split_pair(text)
    if value is None:
        raise edits.wrong("generic-resource", text, f"invalid generic-resource format `{text}` expected `name=value`")
    if value.isdecimal():
        return {"DiscreteResourceSpec": {"Kind": kind, "Value": int(value)}}
    return {"NamedResourceSpec": {"Kind": kind, "Value": value}}


def _edit_restart(template: Json, options: Options) -> None:
    """Only what is given: a delay that is not grows with each failure, from a tenth of a second."""
    rows: tuple[tuple[str, str, Callable[[str], object]], ...] = (
        ("restart-condition", "Condition", options.text),
        ("restart-delay", "Delay", options.number),
        ("restart-max-attempts", "MaxAttempts", options.number),
        ("restart-window", "Window", options.number),
    )
    given = {key: read(flag) for flag, key, read in rows if options.is_given(flag)}
    if given:
        template["RestartPolicy"] = {"Condition": "any", **(template.get("RestartPolicy") or {}), **given}


def _edit_placement(template: Json, edits: Edits) -> None:
    placement = dict(template.get("Placement") or {})
    placement["Constraints"] = edits.listed("constraint", placement.get("Constraints"), same, same)
    old = [(one.get("Spread") or {}).get("SpreadDescriptor") for one in placement.get("Preferences") or ()]
    gone = {_preference(edits, text) for text in edits.removed("placement-pref")}
    new = [_preference(edits, text) for text in edits.added("placement-pref")]
    kept = [one for one in old if one not in gone]
    placement["Preferences"] = [{"Spread": {"SpreadDescriptor": one}} for one in [*kept, *new]]
    if edits.options.is_given("replicas-max-per-node"):
        placement["MaxReplicas"] = edits.options.number("replicas-max-per-node")
    template["Placement"] = _without_nothing(placement)


def _preference(edits: Edits, text: str) -> str:
    strategy, label = split_pair(text)
    if label is None:
        message = 'placement preference must be of the format "<strategy>=<arg>"'
        raise edits.wrong("placement-pref", text, message)
    if strategy != "spread":
        message = f"unsupported placement preference {strategy} (only spread is supported)"
        raise edits.wrong("placement-pref", text, message)
    return label


def _edit_networks(template: Json, edits: Edits, api: Api) -> None:
    added, removed = edits.added("network"), edits.removed("network")
    if not added and not removed:
        return
    new = [_network(edits, text) for text in added]
    old = template.get("Networks") or []
    if old:  # the service names them by id, the user by name
        gone = {api.networks.inspect(name, scope="swarm")["Id"] for name in removed}
        for one in new:
            one["Target"] = api.networks.inspect(one["Target"], scope="swarm")["Id"]
        old = [one for one in old if one.get("Target") not in gone]
        for one in new:
            if any(other.get("Target") == one["Target"] for other in old):
                raise PlainError(f"service is already attached to network {one['Target']}")
    template["Networks"] = [*old, *new]


def _network(edits: Edits, text: str) -> Json:
    if "=" not in text:
        return {"Target": text}
    network: Json = {}
    for field in text.split(","):
        key, equals, value = field.partition("=")
        if not equals:
            raise edits.wrong("network", text, f"invalid field {field}")
        if key == "name":
            network["Target"] = value
        elif key == "alias":
            network.setdefault("Aliases", []).append(value)
        elif key == "driver-opt":
            option, _, content = value.partition("=")
            network.setdefault("DriverOpts", {})[option] = content
        else:
            raise edits.wrong("network", text, f"invalid field key {key}")
    if not network.get("Target"):
        raise edits.wrong("network", text, "network name/id is not specified")
    return network


def _edit_log(template: Json, options: Options) -> None:
    if not options.is_given("log-driver") and not options.is_given("log-opt"):
        return
    driver = dict(template.get("LogDriver") or {})
    if options.is_given("log-driver"):
        driver = {"Name": options.text("log-driver")}
    if options.is_given("log-opt"):
        driver["Options"] = {key: value or "" for key, value in map(split_pair, options.list("log-opt"))}
    template["LogDriver"] = driver


def _without_nothing(section: Json) -> Json:
    return {key: value for key, value in section.items() if value not in (None, 0, "", [])}
