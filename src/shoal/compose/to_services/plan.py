"""`plan_stack`: what a stack wants and what the cluster has -> steps in order. Nothing that is as wanted is touched.

Networks, then secrets and configs, then services, each after those that it depends on; what nobody uses any more goes
last. A network that differs can't be changed: that is a Conflict, before anything is done.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from shoal.compose.noun import Noun, field
from shoal.compose.to_services.diff import differences, plain
from shoal.compose.to_services.files import KINDS, WantedFile
from shoal.compose.to_services.labels import CONTENT, MANUAL, VERSION_OF
from shoal.compose.to_services.observed import Found, ObservedStack
from shoal.compose.to_services.service import WantedService
from shoal.compose.to_services.stack import NODE_NETWORKS, Stack, WantedNetwork
from shoal.errors import Conflict, NotFound

#: A key of Shoal's own that an update does not have stays as it was; an empty one takes it away.
_NO_EXTRAS: Mapping[str, Any] = {"HostConfig": {}, "Config": {}}
_FIXED = ("Driver", "Internal", "Attachable", "EnableIPv6")


class Step(Noun):
    """One thing to do.

    action: create, update, remove or keep
    kind: network, secret, config or service
    id, version: of what is there already
    body: of the call; of a service: secrets and configs without ids are those that earlier steps make
    changes: of an update, a line for each field
    """

    action: str
    kind: str
    name: str
    id: str = ""
    version: int = 0
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    changes: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """What docker says of it; services that stay are "updated" too."""
        if self.action == "create":
            return f"Creating {self.kind} {self.name}"
        if self.action == "remove":
            return f"Removing {self.kind} {self.name}"
        return f"Updating service {self.name} (id: {self.id})" if self.kind == "service" else ""


class _Chosen(Noun):
    """The object that stands for a secret or config of the file; id "" where a step makes it."""

    name: str
    id: str = ""


def plan_stack(stack: Stack, observed: ObservedStack, *, prune: bool = False) -> tuple[Step, ...]:
    """The steps that bring the cluster to what the stack wants.

    prune: what belongs to the stack and is not in its file is removed
    Raises: NotFound for an external object that is not there; Conflict for a network that would have to change
    """
    steps: list[Step] = []
    gone = [one for one in observed.services.values() if one.name not in {s.name for s in stack.services}]
    if prune:
        steps += [_removal(one) for one in gone]
    steps += _network_steps(stack.networks, observed)
    chosen: dict[tuple[str, str], _Chosen] = {}
    for wanted in stack.files:
        step, chosen[wanted.kind, wanted.name] = _file_step(wanted, observed.files(wanted.kind))
        steps += [step] if step else []
    service_steps = _service_steps(stack.services, observed, chosen)
    steps += service_steps
    left = () if prune else gone
    steps += _unused_files(stack, observed, chosen, [*service_steps], left, prune=prune)
    if prune:
        wanted_names = {one.name for one in stack.networks}
        mine = (one for one in observed.networks.values() if one.stack == stack.name)
        steps += [_removal(one) for one in mine if one.name not in wanted_names]
    return tuple(steps)


def plan_removal(name: str, observed: ObservedStack) -> tuple[Step, ...]:
    """Everything of a stack, in docker's order: services, secrets, configs, networks."""
    steps = [_removal(one) for _, one in sorted(observed.services.items()) if one.stack == name]
    for objects in (observed.secrets, observed.configs, observed.networks):
        steps += [_removal(one) for one in objects.values() if one.stack == name]
    return tuple(steps)


def _removal(one: Found) -> Step:
    return Step(action="remove", kind=one.kind, name=one.name, id=one.id, version=one.version)


# -- networks


def _network_steps(networks: Iterable[WantedNetwork], observed: ObservedStack) -> Iterator[Step]:
    for wanted in networks:
        found = observed.networks.get(wanted.name)
        if wanted.external:
            _check_external(wanted, found)
        elif found is None:
            yield Step(action="create", kind="network", name=wanted.name, body=wanted.body)
        else:
            _check_same(wanted, found)


def _check_external(wanted: WantedNetwork, found: Found | None) -> None:
    if wanted.name in NODE_NETWORKS:
        return
    if found is None:
        raise NotFound(
            f'network "{wanted.name}" is declared as external, but could not be found. '
            "You need to create a swarm-scoped network before the stack is deployed",
            hint=f"shoal network create -d overlay {wanted.name}",
        )
    scope = found.spec.get("Scope", "")
    if scope != "swarm":
        raise Conflict(
            f'network "{wanted.name}" is declared as external, but it is not in the right scope: '
            f'"{scope}" instead of "swarm"'
        )


def _check_same(wanted: WantedNetwork, found: Found) -> None:
    """Raise where the network that is there is not as wanted."""
    body, spec = wanted.body, found.spec
    lines = [
        f"{key}: {spec.get(key)} -> {body.get(key)}"
        for key in _FIXED
        if (spec.get(key) or False) != (body.get(key) or False)
    ]
    for key in ("Options", "Labels"):
        has = spec.get(key) or {}
        lines += [
            f"{key}.{name}: {has.get(name)} -> {value}"
            for name, value in (body.get(key) or {}).items()
            if has.get(name) != value
        ]
    lines += _pool_differences((body.get("IPAM") or {}).get("Config") or (), (spec.get("IPAM") or {}).get("Config"))
    if lines:
        raise Conflict(
            f"network {wanted.name} is there, and networks can't change: " + "; ".join(lines),
            hint="remove the stack first, or give the network another name",
        )


def _pool_differences(wanted: Iterable[Mapping[str, Any]], found: Any) -> list[str]:
    known = [plain(one) for one in found or ()]
    missing = [one for one in wanted if not any(dict(one).items() <= has.items() for has in known)]
    return [f"IPAM: no pool {dict(one)}" for one in missing]


# -- secrets and configs


def _file_step(wanted: WantedFile, known: Mapping[str, Found]) -> tuple[Step | None, _Chosen]:
    """The object for a secret or config: the one with its plain name, or a version named by its content."""
    kind = wanted.kind[:-1]
    found = known.get(wanted.name)
    if wanted.external:
        if found is None:
            raise NotFound(f"{kind} not found: {wanted.name}", hint=f"shoal {kind} create {wanted.name} FILE")
        return None, _Chosen(name=found.name, id=found.id)
    body, found = _object_for(wanted, known)
    if found is None:
        return Step(action="create", kind=kind, name=body["Name"], body=body), _Chosen(name=body["Name"])
    chosen = _Chosen(name=found.name, id=found.id)
    changes = differences({"Labels": found.labels}, {"Labels": body["Labels"]})
    if not changes:
        return None, chosen
    spec = {**found.spec, "Labels": body["Labels"]}
    step = Step(
        action="update", kind=kind, name=found.name, id=found.id, version=found.version, body=spec, changes=changes
    )
    return step, chosen


def _object_for(wanted: WantedFile, known: Mapping[str, Found]) -> tuple[Mapping[str, Any], Found | None]:
    """(its body, what is there of it): under the plain name, or as a version where another content has that name."""
    plainly = known.get(wanted.name)
    version = known.get(wanted.versioned_name)
    if plainly is not None and _has_content(plainly, wanted):
        return wanted.body, plainly
    if plainly is None and version is None:
        return wanted.body, None
    labels = {**wanted.body["Labels"], VERSION_OF: wanted.name}
    return {**wanted.body, "Name": wanted.versioned_name, "Labels": labels}, version


def _has_content(found: Found, wanted: WantedFile) -> bool:
    if (found.spec.get("Templating") or {}) != (wanted.body.get("Templating") or {}):
        return False
    if wanted.kind == "secrets":
        return found.labels.get(CONTENT) == wanted.digest
    return base64.b64decode(found.spec.get("Data") or "") == base64.b64decode(wanted.body["Data"])


def _unused_files(
    stack: Stack,
    observed: ObservedStack,
    chosen: Mapping[tuple[str, str], _Chosen],
    steps: Iterable[Step],
    left: Iterable[Found],
    *,
    prune: bool,
) -> Iterator[Step]:
    """Versions that no service names or could go back to; with `prune` also what the file does not have any more."""
    used = {(kind, name) for kind in KINDS for name in _named(kind, steps, left, observed)}
    used |= {(kind, one.name) for (kind, _), one in chosen.items()}
    names = {(wanted.kind, wanted.name) for wanted in stack.files}
    for kind in KINDS:
        for one in observed.files(kind).values():
            base = one.labels.get(VERSION_OF, one.name)
            is_old = (kind, base) in names or VERSION_OF in one.labels
            if one.stack == stack.name and (kind, one.name) not in used and (is_old or prune):
                yield _removal(one)


def _named(kind: str, steps: Iterable[Step], left: Iterable[Found], observed: ObservedStack) -> Iterator[str]:
    """Names of the secrets or configs that services use when the steps are done, or would if they were rolled back."""
    specs: list[Mapping[str, Any]] = []
    for step in steps:
        found = observed.services.get(step.name)
        specs.append(step.body)
        if found is not None:
            specs.append(found.spec if step.action == "update" else found.previous)
    for found in left:
        specs += [found.spec, found.previous]
    for spec in specs:
        container = (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}
        for ref in container.get(kind.capitalize()) or ():
            yield ref.get(f"{kind[:-1].capitalize()}Name", "")


# -- services


def _service_steps(
    services: Iterable[WantedService], observed: ObservedStack, chosen: Mapping[tuple[str, str], _Chosen]
) -> list[Step]:
    steps: list[Step] = []
    changed: set[str] = set()
    for wanted in services:
        body = _with_files(wanted.body, chosen)
        found = observed.services.get(wanted.name)
        if found is None:
            steps.append(Step(action="create", kind="service", name=wanted.name, body=body))
            continue
        step = _update(wanted, found, body, changed)
        if step.action == "update":
            changed.add(wanted.name)
        steps.append(step)
    return steps


def _update(wanted: WantedService, found: Found, body: dict[str, Any], changed: set[str]) -> Step:
    force = int((found.spec.get("TaskTemplate") or {}).get("ForceUpdate") or 0)
    compared = body
    if MANUAL in found.labels and "Schedule" not in body:  # how often it was run is not the file's
        compared = {**body, "Mode": found.spec.get("Mode") or {}}
    changes = differences(found.spec, compared)
    causes = [f"depends_on: {name} changes" for name in wanted.restarts_with if name in changed]
    template = {**body["TaskTemplate"], "ForceUpdate": force + bool(causes)}
    template["ContainerSpec"] = {**_NO_EXTRAS, **template["ContainerSpec"]}
    return Step(
        action="update" if changes or causes else "keep",
        kind="service",
        name=wanted.name,
        id=found.id,
        version=found.version,
        body={"Schedule": {}, "DependsOn": {}, **body, "TaskTemplate": template},
        changes=(*changes, *causes),
    )


def _with_files(body: Mapping[str, Any], chosen: Mapping[tuple[str, str], _Chosen]) -> dict[str, Any]:
    """The body with the objects that stand for its secrets and configs."""
    template = body["TaskTemplate"]
    container = dict(template["ContainerSpec"])
    for kind in KINDS:
        id_key, name_key = f"{kind[:-1].capitalize()}ID", f"{kind[:-1].capitalize()}Name"
        refs = []
        for ref in container.get(kind.capitalize()) or ():
            one = chosen[kind, ref[name_key]]
            refs.append({"File": ref["File"], id_key: one.id, name_key: one.name})
        if refs:
            container[kind.capitalize()] = refs
    return {**body, "TaskTemplate": {**template, "ContainerSpec": container}}


def with_ids(body: Mapping[str, Any], ids: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """A service's body with the ids of secrets and configs that were made meanwhile.

    ids: {("secret" or "config", name): id}
    """
    template = body["TaskTemplate"]
    container = dict(template["ContainerSpec"])
    for kind in ("Secret", "Config"):
        refs = container.get(f"{kind}s") or ()
        if refs:
            filled = [{**ref, f"{kind}ID": ref[f"{kind}ID"] or ids[kind.lower(), ref[f"{kind}Name"]]} for ref in refs]
            container[f"{kind}s"] = filled
    return {**body, "TaskTemplate": {**template, "ContainerSpec": container}}
