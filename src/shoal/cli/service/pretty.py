"""`service inspect --pretty`: a service for people, line by line as docker prints it."""

from __future__ import annotations

from shoal.cli.units import ago_text, binary_size_text, parse_time_s

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    Json = Mapping[str, Any]

_BILLION = 10**9


def pretty_service(service: Json, network_names: Mapping[str, str], now_s: float) -> str:
    """All lines. network_names: {id: name}"""
    spec = service["Spec"]
    template = spec.get("TaskTemplate") or {}
    container = template.get("ContainerSpec") or {}
    lines = [
        "",
        f"ID:\t\t{service['ID']}",
        f"Name:\t\t{spec['Name']}",
        *_pairs("Labels:", " ", spec.get("Labels"), "="),
        *_mode(spec.get("Mode") or {}),
        *_update_status(service.get("UpdateStatus"), now_s),
        *_placement(template.get("Placement") or {}),
        *_update("UpdateConfig", "Update order:      ", spec.get("UpdateConfig")),
        *_update("RollbackConfig", "Rollback order:    ", spec.get("RollbackConfig")),
        *_container(container),
        *_container_lists(container),
        *_log_driver(template.get("LogDriver")),
        *_resources(template.get("Resources")),
        *_networks(template.get("Networks") or spec.get("Networks") or (), network_names),
        f"Endpoint Mode:\t{(spec.get('EndpointSpec') or {}).get('Mode') or 'vip'}",
    ]
    ports = _ports((service.get("Endpoint") or {}).get("Ports") or ())
    text = "\n".join([*lines, *ports]) + (" " if ports else "")
    return text + _health(container.get("Healthcheck"))


def _pairs(title: str, indent: str, pairs: Mapping[str, str] | None, sign: str) -> list[str]:
    if not pairs:
        return []
    return [title, *(f"{indent}{key}{sign + value if value else ''}" for key, value in sorted(pairs.items()))]


def _mode(mode: Json) -> list[str]:
    if mode.get("Global") is not None:
        return ["Service Mode:\tGlobal"]
    replicated = mode.get("Replicated")
    if replicated is None:
        return ["Service Mode:"]
    replicas = replicated.get("Replicas")
    return ["Service Mode:\tReplicated", *([f" Replicas:\t{replicas}"] if replicas is not None else [])]


def _update_status(status: Json | None, now_s: float) -> list[str]:
    if not status or not status.get("State"):
        return []
    lines = ["UpdateStatus:", f" State:\t\t{status['State']}"]
    started = parse_time_s(str(status.get("StartedAt") or ""))
    if started:
        lines.append(f" Started:\t{ago_text(started, now_s).lower()}")
    completed = parse_time_s(str(status.get("CompletedAt") or ""))
    if status["State"] == "completed" and completed:
        lines.append(f" Completed:\t{ago_text(completed, now_s).lower()}")
    return [*lines, f" Message:\t{status.get('Message', '')}"]


def _placement(placement: Json) -> list[str]:
    lines = ["Placement:"]
    if placement.get("Constraints"):
        lines.append(f" Constraints:\t[{' '.join(placement['Constraints'])}]")
    labels = [(one.get("Spread") or {}).get("SpreadDescriptor") for one in placement.get("Preferences") or ()]
    if labels:
        lines.append(f" Preferences:   [{' '.join(f'spread={label}' for label in labels)}]")
    if placement.get("MaxReplicas"):
        lines.append(f" Max Replicas Per Node:   {placement['MaxReplicas']}")
    return lines


def _update(title: str, order: str, config: Json | None) -> list[str]:
    if config is None:
        return []
    lines = [f"{title}:", f" Parallelism:\t{config.get('Parallelism', 0)}"]
    if config.get("Delay"):
        lines.append(f" Delay:\t\t{go_duration(config['Delay'])}")
    lines.append(f" On failure:\t{config.get('FailureAction', '')}")
    if config.get("Monitor"):
        lines.append(f" Monitoring Period: {go_duration(config['Monitor'])}")
    return [*lines, f" Max failure ratio: {config.get('MaxFailureRatio') or 0:g}", f" {order}{config.get('Order', '')}"]


def _container(container: Json) -> list[str]:
    lines = ["ContainerSpec:", f" Image:\t\t{container.get('Image', '')}"]
    for title, key in (("Args:\t\t", "Args"), ("Env:\t\t", "Env")):
        if container.get(key):
            lines.append(f" {title}{''.join(f'{word} ' for word in container[key])}")
    if container.get("Dir"):
        lines.append(f" Dir:\t\t{container['Dir']}")
    if container.get("Init") is not None:
        lines.append(f" Init:\t\t{str(container['Init']).lower()}")
    if container.get("User"):
        lines.append(f" User: {container['User']}")
    return lines


def _container_lists(container: Json) -> list[str]:
    lines: list[str] = []
    add, drop = container.get("CapabilityAdd"), container.get("CapabilityDrop")
    if add or drop:
        lines.append("Capabilities:")
        lines += [f" {word}: {', '.join(names)}" for word, names in (("Add", add), ("Drop", drop)) if names]
    lines += _pairs("SysCtls:", " ", container.get("Sysctls"), ": ")
    limits = container.get("Ulimits")
    if limits:
        lines += ["Ulimits:", *(f" {one['Name']}: {one.get('Soft', 0)}:{one.get('Hard', 0)}" for one in limits)]
    mounts = container.get("Mounts")
    if mounts:
        lines.append("Mounts:")
        for mount in mounts:
            lines += [
                f" Target:\t{mount.get('Target', '')}",
                f"  Source:\t{mount.get('Source', '')}",
                f"  ReadOnly:\t{str(bool(mount.get('ReadOnly'))).lower()}",
                f"  Type:\t\t{mount.get('Type', '')}",
            ]
    for word in ("Config", "Secret"):
        references = container.get(f"{word}s")
        if references:
            lines.append(f"{word}s:")
            for one in references:
                lines += [f" Target:\t{(one.get('File') or {}).get('Name', '')}", f"  Source:\t{one[f'{word}Name']}"]
    return lines


def _log_driver(driver: Json | None) -> list[str]:
    if driver is None:
        return []
    name = [f" Name:\t\t{driver['Name']}"] if driver.get("Name") else []
    options = sorted((driver.get("Options") or {}).items())
    return ["Log Driver:", *name, " LogOpts:", *(f"  {key}{f':       {v}' if v else ''}" for key, v in options), ""]


def _resources(resources: Json | None) -> list[str]:
    if resources is None:
        return []
    lines = ["Resources:"]
    for title, key in (("Reservations", "Reservations"), ("Limits", "Limits")):
        amounts = resources.get(key) or {}
        found = []
        if amounts.get("NanoCPUs"):
            found.append(f"  CPU:\t\t{amounts['NanoCPUs'] / _BILLION:g}")
        if amounts.get("MemoryBytes"):
            found.append(f"  Memory:\t{binary_size_text(amounts['MemoryBytes'])}")
        if amounts.get("Pids"):
            found.append(f"  PIDs:\t\t{amounts['Pids']}")
        if found:
            lines += [f" {title}:", *found]
    return lines


def _networks(networks: Sequence[Json], names: Mapping[str, str]) -> list[str]:
    if not networks:
        return []
    words = "".join(f" {names.get(one.get('Target', ''), one.get('Target', ''))}" for one in networks)
    return [f"Networks:{words} "]


def _ports(ports: Sequence[Json]) -> list[str]:
    if not ports:
        return []
    lines = ["Ports:"]
    for port in ports:
        lines += [
            f" PublishedPort = {port.get('PublishedPort', 0)}",
            f"  Protocol = {port.get('Protocol', 'tcp')}",
            f"  TargetPort = {port.get('TargetPort', 0)}",
            f"  PublishMode = {port.get('PublishMode', 'ingress')}",
        ]
    return lines


def _health(check: Json | None) -> str:
    if check is None:
        return "\n\n"
    lines = [
        "",
        " Healthcheck:",
        f"  Interval = {go_duration(check.get('Interval') or 0)}",
        f"  Retries = {check.get('Retries') or 0}",
        f"  StartPeriod =\t{go_duration(check.get('StartPeriod') or 0)}",
        f"  Timeout =\t{go_duration(check.get('Timeout') or 0)}",
    ]
    tests = check.get("Test") or ()
    if tests:
        lines += ["  Tests:", *(f"\t Test = {word}" for word in tests)]
    return "\n".join(lines) + (" " if tests else "") + "\n\n"


def go_duration(nanoseconds: int) -> str:
    """ "1m30s", "1.5s", "250ms": as Go prints a duration."""
    if nanoseconds == 0:
        return "0s"
    for unit, size in (("ns", 1), ("µs", 1000), ("ms", 10**6)):
        if nanoseconds < size * 1000:
            return f"{nanoseconds / size:.6f}".rstrip("0").rstrip(".") + unit
    seconds, rest = divmod(nanoseconds, _BILLION)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    text = f"{seconds}{fraction}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
