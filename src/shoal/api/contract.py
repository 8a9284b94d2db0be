"""Every operation of the Docker Engine API v1.51: what is not served is answered 501 and says so.

Source: the contract's `paths`; a test compares where the contract is at hand. docs/api-coverage.md is made from it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shoal.api.http.router import Route


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the contract; `tag` is its noun."""

    tag: str
    method: str
    path: str
    operation: str


OPERATIONS = (
    Operation("Container", "GET", "/containers/json", "ContainerList"),
    Operation("Container", "POST", "/containers/create", "ContainerCreate"),
    Operation("Container", "GET", "/containers/{id}/json", "ContainerInspect"),
    Operation("Container", "GET", "/containers/{id}/top", "ContainerTop"),
    Operation("Container", "GET", "/containers/{id}/logs", "ContainerLogs"),
    Operation("Container", "GET", "/containers/{id}/changes", "ContainerChanges"),
    Operation("Container", "GET", "/containers/{id}/export", "ContainerExport"),
    Operation("Container", "GET", "/containers/{id}/stats", "ContainerStats"),
    Operation("Container", "POST", "/containers/{id}/resize", "ContainerResize"),
    Operation("Container", "POST", "/containers/{id}/start", "ContainerStart"),
    Operation("Container", "POST", "/containers/{id}/stop", "ContainerStop"),
    Operation("Container", "POST", "/containers/{id}/restart", "ContainerRestart"),
    Operation("Container", "POST", "/containers/{id}/kill", "ContainerKill"),
    Operation("Container", "POST", "/containers/{id}/update", "ContainerUpdate"),
    Operation("Container", "POST", "/containers/{id}/rename", "ContainerRename"),
    Operation("Container", "POST", "/containers/{id}/pause", "ContainerPause"),
    Operation("Container", "POST", "/containers/{id}/unpause", "ContainerUnpause"),
    Operation("Container", "POST", "/containers/{id}/attach", "ContainerAttach"),
    Operation("Container", "GET", "/containers/{id}/attach/ws", "ContainerAttachWebsocket"),
    Operation("Container", "POST", "/containers/{id}/wait", "ContainerWait"),
    Operation("Container", "DELETE", "/containers/{id}", "ContainerDelete"),
    Operation("Container", "HEAD", "/containers/{id}/archive", "ContainerArchiveInfo"),
    Operation("Container", "GET", "/containers/{id}/archive", "ContainerArchive"),
    Operation("Container", "PUT", "/containers/{id}/archive", "PutContainerArchive"),
    Operation("Container", "POST", "/containers/prune", "ContainerPrune"),
    Operation("Image", "GET", "/images/json", "ImageList"),
    Operation("Image", "POST", "/build", "ImageBuild"),
    Operation("Image", "POST", "/build/prune", "BuildPrune"),
    Operation("Image", "POST", "/images/create", "ImageCreate"),
    Operation("Image", "GET", "/images/{name}/json", "ImageInspect"),
    Operation("Image", "GET", "/images/{name}/history", "ImageHistory"),
    Operation("Image", "POST", "/images/{name}/push", "ImagePush"),
    Operation("Image", "POST", "/images/{name}/tag", "ImageTag"),
    Operation("Image", "DELETE", "/images/{name}", "ImageDelete"),
    Operation("Image", "GET", "/images/search", "ImageSearch"),
    Operation("Image", "POST", "/images/prune", "ImagePrune"),
    Operation("System", "POST", "/auth", "SystemAuth"),
    Operation("System", "GET", "/info", "SystemInfo"),
    Operation("System", "GET", "/version", "SystemVersion"),
    Operation("System", "GET", "/_ping", "SystemPing"),
    Operation("System", "HEAD", "/_ping", "SystemPingHead"),
    Operation("Image", "POST", "/commit", "ImageCommit"),
    Operation("System", "GET", "/events", "SystemEvents"),
    Operation("System", "GET", "/system/df", "SystemDataUsage"),
    Operation("Image", "GET", "/images/{name}/get", "ImageGet"),
    Operation("Image", "GET", "/images/get", "ImageGetAll"),
    Operation("Image", "POST", "/images/load", "ImageLoad"),
    Operation("Exec", "POST", "/containers/{id}/exec", "ContainerExec"),
    Operation("Exec", "POST", "/exec/{id}/start", "ExecStart"),
    Operation("Exec", "POST", "/exec/{id}/resize", "ExecResize"),
    Operation("Exec", "GET", "/exec/{id}/json", "ExecInspect"),
    Operation("Volume", "GET", "/volumes", "VolumeList"),
    Operation("Volume", "POST", "/volumes/create", "VolumeCreate"),
    Operation("Volume", "GET", "/volumes/{name}", "VolumeInspect"),
    Operation("Volume", "PUT", "/volumes/{name}", "VolumeUpdate"),
    Operation("Volume", "DELETE", "/volumes/{name}", "VolumeDelete"),
    Operation("Volume", "POST", "/volumes/prune", "VolumePrune"),
    Operation("Network", "GET", "/networks", "NetworkList"),
    Operation("Network", "GET", "/networks/{id}", "NetworkInspect"),
    Operation("Network", "DELETE", "/networks/{id}", "NetworkDelete"),
    Operation("Network", "POST", "/networks/create", "NetworkCreate"),
    Operation("Network", "POST", "/networks/{id}/connect", "NetworkConnect"),
    Operation("Network", "POST", "/networks/{id}/disconnect", "NetworkDisconnect"),
    Operation("Network", "POST", "/networks/prune", "NetworkPrune"),
    Operation("Plugin", "GET", "/plugins", "PluginList"),
    Operation("Plugin", "GET", "/plugins/privileges", "GetPluginPrivileges"),
    Operation("Plugin", "POST", "/plugins/pull", "PluginPull"),
    Operation("Plugin", "GET", "/plugins/{name}/json", "PluginInspect"),
    Operation("Plugin", "DELETE", "/plugins/{name}", "PluginDelete"),
    Operation("Plugin", "POST", "/plugins/{name}/enable", "PluginEnable"),
    Operation("Plugin", "POST", "/plugins/{name}/disable", "PluginDisable"),
    Operation("Plugin", "POST", "/plugins/{name}/upgrade", "PluginUpgrade"),
    Operation("Plugin", "POST", "/plugins/create", "PluginCreate"),
    Operation("Plugin", "POST", "/plugins/{name}/push", "PluginPush"),
    Operation("Plugin", "POST", "/plugins/{name}/set", "PluginSet"),
    Operation("Node", "GET", "/nodes", "NodeList"),
    Operation("Node", "GET", "/nodes/{id}", "NodeInspect"),
    Operation("Node", "DELETE", "/nodes/{id}", "NodeDelete"),
    Operation("Node", "POST", "/nodes/{id}/update", "NodeUpdate"),
    Operation("Swarm", "GET", "/swarm", "SwarmInspect"),
    Operation("Swarm", "POST", "/swarm/init", "SwarmInit"),
    Operation("Swarm", "POST", "/swarm/join", "SwarmJoin"),
    Operation("Swarm", "POST", "/swarm/leave", "SwarmLeave"),
    Operation("Swarm", "POST", "/swarm/update", "SwarmUpdate"),
    Operation("Swarm", "GET", "/swarm/unlockkey", "SwarmUnlockkey"),
    Operation("Swarm", "POST", "/swarm/unlock", "SwarmUnlock"),
    Operation("Service", "GET", "/services", "ServiceList"),
    Operation("Service", "POST", "/services/create", "ServiceCreate"),
    Operation("Service", "GET", "/services/{id}", "ServiceInspect"),
    Operation("Service", "DELETE", "/services/{id}", "ServiceDelete"),
    Operation("Service", "POST", "/services/{id}/update", "ServiceUpdate"),
    Operation("Service", "GET", "/services/{id}/logs", "ServiceLogs"),
    Operation("Task", "GET", "/tasks", "TaskList"),
    Operation("Task", "GET", "/tasks/{id}", "TaskInspect"),
    Operation("Task", "GET", "/tasks/{id}/logs", "TaskLogs"),
    Operation("Secret", "GET", "/secrets", "SecretList"),
    Operation("Secret", "POST", "/secrets/create", "SecretCreate"),
    Operation("Secret", "GET", "/secrets/{id}", "SecretInspect"),
    Operation("Secret", "DELETE", "/secrets/{id}", "SecretDelete"),
    Operation("Secret", "POST", "/secrets/{id}/update", "SecretUpdate"),
    Operation("Config", "GET", "/configs", "ConfigList"),
    Operation("Config", "POST", "/configs/create", "ConfigCreate"),
    Operation("Config", "GET", "/configs/{id}", "ConfigInspect"),
    Operation("Config", "DELETE", "/configs/{id}", "ConfigDelete"),
    Operation("Config", "POST", "/configs/{id}/update", "ConfigUpdate"),
    Operation("Distribution", "GET", "/distribution/{name}/json", "DistributionInspect"),
    Operation("Session", "POST", "/session", "Session"),
)


def unserved(routes: Iterable[Route]) -> Sequence[Operation]:
    """Operations of the contract that no route serves."""
    served = {route.operation for route in routes}
    return [operation for operation in OPERATIONS if operation.operation not in served]


def render_coverage(routes: Iterable[Route]) -> str:
    """The page docs/api-coverage.md: each operation of the contract, and Shoal's own."""
    routes = list(routes)
    served = {route.operation for route in routes}
    lines = [
        "# API coverage",
        "",
        "Made from the router and the contract of the Docker Engine API v1.51 by `make docs`; a test keeps it current.",
        "An operation that is not served answers 501 and says so.",
        "",
        f"Served: {sum(o.operation in served for o in OPERATIONS)} of {len(OPERATIONS)} operations.",
    ]
    for tag in dict.fromkeys(o.tag for o in OPERATIONS):
        lines += ["", f"## {tag}", "", "| operation | path | served |", "| --- | --- | --- |"]
        for o in OPERATIONS:
            if o.tag == tag:
                answer = "yes" if o.operation in served else "no (501)"
                lines.append(f"| {o.operation} | `{o.method} {o.path}` | {answer} |")
    lines += ["", "## Shoal's own", "", "| operation | path |", "| --- | --- |"]
    lines += [f"| {r.operation} | `{r.method} {r.path}` |" for r in routes if r.operation.startswith("Shoal")]
    return "\n".join(lines) + "\n"
