"""Environment variables that links of the first file format give.

`links: [db]` to a container that exposes 3306 gives `DB_NAME`, `DB_PORT=tcp://db:3306`, `DB_PORT_3306_TCP`,
`DB_PORT_3306_TCP_ADDR`, `_PORT`, `_PROTO`; the same under the container's name (`APP_DB_1_PORT_3306_TCP_ADDR`). The
address is the linked name, which resolves on the project's network, so that it stays right when the target restarts.
"""

import re
from collections.abc import Mapping

from shoal.compose.observed import ObservedState
from shoal.compose.project import Project, Service


def link_variables(project: Project, observed: ObservedState, service: Service, name: str) -> dict[str, str]:
    """Variables for every link of `service`; none unless the project's files are of the first format.

    name: of the container that gets them
    """
    if not project.link_environment:
        return {}
    variables: dict[str, str] = {}
    for link in service.links:
        target_name, _, alias = link.partition(":")
        target = project.services.get(target_name)
        if target is None:
            continue
        ports = _ports(project, observed, target)
        container = project.container_name(target, 1)
        for known_as, host in ((alias or target_name, alias or target_name), (container, target_name)):
            variables |= _variables(known_as, host, f"/{name}/{known_as}", ports)
    return variables


def _ports(project: Project, observed: ObservedState, target: Service) -> list[tuple[int, str]]:
    """What the target exposes by its file and its image, lowest first."""
    found = {(port.target, port.protocol) for port in target.ports}
    for entry in (*target.expose, *observed.exposed_ports(project.image_of(target))):
        number, _, protocol = entry.partition("/")
        if number.isdecimal():
            found.add((int(number), protocol or "tcp"))
    return sorted(found)


def _variables(known_as: str, host: str, name: str, ports: list[tuple[int, str]]) -> Mapping[str, str]:
    prefix = re.sub(r"[^A-Z0-9]", "_", known_as.upper())
    variables = {f"{prefix}_NAME": name}
    if ports:
        port, protocol = ports[0]
        variables[f"{prefix}_PORT"] = f"{protocol}://{host}:{port}"
    for port, protocol in ports:
        stem = f"{prefix}_PORT_{port}_{protocol.upper()}"
        variables[stem] = f"{protocol}://{host}:{port}"
        variables[f"{stem}_ADDR"] = host
        variables[f"{stem}_PORT"] = str(port)
        variables[f"{stem}_PROTO"] = protocol
    return variables
