"""What the cluster has of a stack, from the list calls of Docker's API."""

from collections.abc import Iterable, Mapping
from typing import Any

from shoal.compose.noun import Noun, field
from shoal.compose.to_services.labels import NAMESPACE


class Found(Noun):
    """An object of the cluster.

    spec: as the API shows it; of a network the whole answer
    previous, update_status: of a service
    """

    kind: str
    id: str
    name: str
    version: int = 0
    spec: Mapping[str, Any] = field(default_factory=dict, repr=False)
    previous: Mapping[str, Any] = field(default_factory=dict, repr=False)
    update_status: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def labels(self) -> Mapping[str, str]:
        """Never None."""
        return self.spec.get("Labels") or {}

    @property
    def stack(self) -> str:
        """The stack that it belongs to, "" for none."""
        return self.labels.get(NAMESPACE, "")


class ObservedStack(Noun):
    """{name: object} of all networks, secrets and configs, and of the stack's services."""

    services: Mapping[str, Found] = field(default_factory=dict)
    networks: Mapping[str, Found] = field(default_factory=dict)
    secrets: Mapping[str, Found] = field(default_factory=dict)
    configs: Mapping[str, Found] = field(default_factory=dict)

    def files(self, kind: str) -> Mapping[str, Found]:
        """The secrets or the configs."""
        return self.secrets if kind == "secrets" else self.configs


Entries = Iterable[Mapping[str, Any]]


def observed_stack(services: Entries, networks: Entries, secrets: Entries, configs: Entries) -> ObservedStack:
    """The state that the four list calls answered with."""
    found_networks = [
        Found(kind="network", id=one.get("Id") or one.get("ID") or "", name=one["Name"], spec=one) for one in networks
    ]
    names = {one.id: one.name for one in found_networks}
    return ObservedStack(
        services={one.name: one for one in (_service(entry, names) for entry in services)},
        networks={one.name: one for one in found_networks},
        secrets={one.name: one for one in (_found("secret", entry) for entry in secrets)},
        configs={one.name: one for one in (_found("config", entry) for entry in configs)},
    )


def _found(kind: str, entry: Mapping[str, Any]) -> Found:
    spec = entry.get("Spec") or {}
    version = int((entry.get("Version") or {}).get("Index") or 0)
    return Found(kind=kind, id=entry["ID"], name=spec.get("Name") or "", version=version, spec=spec)


def _service(entry: Mapping[str, Any], networks: Mapping[str, str]) -> Found:
    found = _found("service", entry)
    return Found(
        kind="service",
        id=found.id,
        name=found.name,
        version=found.version,
        spec=_with_names(found.spec, networks),
        previous=entry.get("PreviousSpec") or {},
        update_status=entry.get("UpdateStatus") or {},
    )


def _with_names(spec: Mapping[str, Any], networks: Mapping[str, str]) -> Mapping[str, Any]:
    """The spec with networks by name: they are stored by id."""
    template = spec.get("TaskTemplate") or {}
    attached = template.get("Networks") or spec.get("Networks") or ()
    named = [{**one, "Target": networks.get(one.get("Target", ""), one.get("Target", ""))} for one in attached]
    without = {key: value for key, value in spec.items() if key != "Networks"}
    return {**without, "TaskTemplate": {**template, "Networks": named}}
