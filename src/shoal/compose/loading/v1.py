"""Files of the first format: services at the top level, joined by links instead of networks.

They become files of today: `dockerfile`, `net`, `log_driver` move to where they live now. Every service joins the
project's network; links keep giving the environment variables of old (`DB_PORT_3306_TCP_ADDR`, see `planning.links`),
with the linked name in place of an address. Volumes named in passing are the engine's own, as they were then.
"""

from typing import Any

from shoal.compose.keys.table import ROOT
from shoal.compose.loading.tree import Map

_SIGNS = frozenset(("image", "build", "extends"))


def is_v1(document: Map) -> bool:
    """Whether services stand at the top level."""
    if not document or any(key in ROOT.keys for key in document):
        return False
    named = [value for key, value in document.items() if not key.startswith("x-")]
    return all(isinstance(v, Map) for v in named) and any(_SIGNS & v.keys() for v in named)


def upgraded(document: Map) -> Map:
    """The file in today's format."""
    services = Map(((name, _service(value)) for name, value in document.items() if not name.startswith("x-")))
    services.mark, services.marks = document.mark, document.marks
    result = Map(((key, value) for key, value in document.items() if key.startswith("x-")), document.mark)
    result["services"] = services
    volumes = Map()
    for name in _named_volumes(services):
        volumes[name] = Map({"name": name})
    if volumes:
        result["volumes"] = volumes
    return result


def _service(value: Any) -> Any:
    if not isinstance(value, Map):
        return value
    service = value.like(value)
    service.marks = dict(value.marks)
    _move_dockerfile(service)
    _move(service, "net", "network_mode")
    mode = service.get("network_mode")
    if isinstance(mode, str) and mode.startswith("container:"):
        service["network_mode"] = "service:" + mode.removeprefix("container:")
    if "log_driver" in service or "log_opt" in service:
        logging = Map({"driver": service.pop("log_driver", "json-file")})
        if options := service.pop("log_opt", None):
            logging["options"] = options
        service["logging"] = logging
    return service


def _move_dockerfile(service: Map) -> None:
    dockerfile = service.get("dockerfile")
    if dockerfile is not None and isinstance(service.get("build", "."), str):
        service["build"] = Map({"context": service.get("build", "."), "dockerfile": dockerfile})
        del service["dockerfile"]


def _move(service: Map, old: str, new: str) -> None:
    if old in service and new not in service:
        service[new] = service.pop(old)
        if old in service.marks:
            service.marks[new] = service.marks[old]


def _named_volumes(services: Map) -> list[str]:
    names: dict[str, None] = {}
    for service in services.values():
        volumes = service.get("volumes") if isinstance(service, Map) else None
        for entry in volumes if isinstance(volumes, list) else ():
            source, colon, _ = str(entry).partition(":")
            if colon and source and source[0] not in "./~$":
                names[source] = None
    return list(names)
