"""Compose projects from texts, and an engine that is only a value: plans applied to what was observed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from shoal.compose.load import LoadOptions, LoadResult, Source, load
from shoal.compose.observed import (
    ObservedContainer,
    ObservedMount,
    ObservedNetwork,
    ObservedState,
    ObservedVolume,
)
from shoal.compose.operations import BuildImage, Call, Operation, Plan, Pull
from shoal.compose.project import Project

FOLDER = "/srv/app"


def load_text(
    *texts: str, files: Mapping[str, str] | None = None, env: Mapping[str, str] | None = None, **options: Any
) -> LoadResult:
    """The project of the texts (compose.yaml, then compose-2.yaml, …) in the folder /srv/app.

    files: other files that can be read, by path below that folder
    """
    names = ["compose.yaml", *(f"compose-{number}.yaml" for number in range(2, len(texts) + 1))]
    known = {f"{FOLDER}/{path}" if not path.startswith("/") else path: text for path, text in (files or {}).items()}
    known |= {f"{FOLDER}/{name}": text for name, text in zip(names, texts, strict=True)}

    def read(path: str) -> str:
        if path not in known:
            raise FileNotFoundError(2, "No such file or directory", path)
        return known[path]

    sources = [Source(path=f"{FOLDER}/{name}", text=text, shown=name) for name, text in zip(names, texts, strict=True)]
    settings: dict[str, Any] = {"working_dir": FOLDER, "home": "/home/me", **options}
    return load(sources, env or {}, LoadOptions(**settings), read)


def project_of(*texts: str, **options: Any) -> Project:
    """The project of the texts; warnings are forgotten."""
    return load_text(*texts, **options).project


def service_of(text: str, **options: Any) -> Any:
    """The service `a` of a project that is `services: {a: …}` with `text` (indented as needed) as its body."""
    body = "\n".join(f"    {line}" for line in text.strip("\n").splitlines())
    image = "" if "image:" in text or "build:" in text else "    image: busybox\n"
    return project_of(f"services:\n  a:\n{image}{body}\n", **options).services["a"]


def with_images(state: ObservedState, project: Project) -> ObservedState:
    """The state with every image of the project there."""
    images = dict(state.images)
    for service in project.services.values():
        for one in (service, *service.pre_start):
            name = project.image_of(one)
            images[name if ":" in name.rpartition("/")[2] else f"{name}:latest"] = image_id(name)
    return replace(state, images=images)


def image_id(reference: str) -> str:
    """A made-up image id."""
    return "sha256:" + (reference.encode().hex() * 64)[:64]


def after(state: ObservedState, plan: Plan) -> ObservedState:
    """The state once `plan` is carried out in its order, by an engine that does as it is told."""
    done: set[str] = set()
    for operation in plan.operations:
        assert set(operation.depends_on) <= done, f"{operation.id} comes before what it depends on"
        done.add(operation.id)
        state = _apply(state, operation)
    return state


def _apply(state: ObservedState, operation: Operation) -> ObservedState:
    if isinstance(operation, (Pull, BuildImage)):
        name = operation.reference if ":" in operation.reference else f"{operation.reference}:latest"
        return replace(state, images={**state.images, name: image_id(operation.reference)})
    if not isinstance(operation, Call):
        return state
    request = operation.request
    kind, _, rest = request.path.lstrip("/").partition("/")
    name, _, verb = unquote(rest).partition("/")
    if kind == "networks":
        return _network(state, request.method, name, verb, request.body)
    if kind == "volumes":
        volumes = dict(state.volumes)
        if request.method == "DELETE":
            users = [c.name for c in state.containers.values() if any(m.name == name for m in c.mounts)]
            assert not users, f"volume {name} is in use by {users}"
            del volumes[name]
        else:
            volumes[request.body["Name"]] = ObservedVolume(name=request.body["Name"], labels=request.body["Labels"])
        return replace(state, volumes=volumes)
    if kind == "images":
        return replace(state, images={key: value for key, value in state.images.items() if not key.startswith(rest)})
    return _container(state, request.method, name, verb, dict(request.query), request.body)


def _network(state: ObservedState, method: str, name: str, verb: str, body: Any) -> ObservedState:
    networks, containers = dict(state.networks), dict(state.containers)
    if method == "DELETE":
        users = [c.name for c in containers.values() if name in c.networks]
        assert not users, f"network {name} is in use by {users}"
        del networks[name]
    elif verb == "disconnect":
        container = containers[body["Container"]]
        left = {key: value for key, value in container.networks.items() if key != name}
        containers[container.name] = replace(container, networks=left)
    else:
        assert body["Name"] not in networks
        serial = len(networks) + 1
        networks[body["Name"]] = ObservedNetwork(id=f"net{serial}-{id(body)}", name=body["Name"], labels=body["Labels"])
    return replace(state, networks=networks, containers=containers)


def _container(
    state: ObservedState, method: str, name: str, verb: str, query: dict[str, str], body: Any
) -> ObservedState:
    containers = dict(state.containers)
    if name == "create":
        new = _created(state, query["name"], body)
        assert new.name not in containers, f"name {new.name} is taken"
        containers[new.name] = new
    elif method == "DELETE":
        del containers[name]
    elif verb == "rename":
        assert query["name"] not in containers, f"name {query['name']} is taken"
        containers[query["name"]] = replace(containers.pop(name), name=query["name"])
    else:
        states = {"start": "running", "restart": "running", "unpause": "running", "pause": "paused"}
        containers[name] = replace(containers[name], state=states.get(verb, "exited"))
    return replace(state, containers=containers)


def _created(state: ObservedState, name: str, body: Any) -> ObservedContainer:
    endpoints = (body.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
    for network in endpoints:
        assert network in state.networks, f"{name} joins {network}, which is not there"
    host = body["HostConfig"]
    mounts = []
    for bind in host.get("Binds", ()):
        source, target = bind.split(":")[:2]
        is_volume = not source.startswith("/")
        assert not is_volume or source in state.volumes, f"{name} mounts {source}, which is not there"
        kind = "volume" if is_volume else "bind"
        mounts.append(ObservedMount(type=kind, name=source if is_volume else "", source=source, destination=target))
    for position, mount in enumerate(host.get("Mounts", ())):
        anonymous = f"{position:02x}{name.encode().hex():0<62}"[:64] if mount["Type"] == "volume" else ""
        source = mount.get("Source", anonymous)
        mounts.append(ObservedMount(type=mount["Type"], name=source, source=source, destination=mount["Target"]))
    return ObservedContainer(
        id=(name.encode().hex() * 64)[:64],
        name=name,
        image=body["Image"],
        image_id=state.image_id(body["Image"]),
        state="created",
        labels=body["Labels"],
        networks={network: state.networks[network].id for network in endpoints},
        mounts=tuple(mounts),
    )
