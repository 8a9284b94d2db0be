"""The network of a stage's RUN steps: one sandbox, made when the first step needs it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shoal.engine.builds.tools import Job, Tools
from shoal.model.network import JoinRequest

_DEFAULTS = ("", "default")
_OF_CONTAINER = "container:"
_LOCALHOST = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Where a step's network is.

    netns_path: None = the host's; "" = a new empty namespace
    files: {"/etc/hosts": path on the host}
    """

    mode: str
    netns_path: str | None
    files: Mapping[str, str]


class StageNetwork:
    """Joins once, for the steps of one stage, which run one after the other."""

    def __init__(self, tools: Tools, job: Job, stage: int) -> None:
        """`stage` is its index."""
        self._tools = tools
        self._job = job
        self._sandbox_id = ""
        self._joined: Joined | None = None
        self._folder = job.folder / f"stage-{stage}"
        self._name = f"build-{job.id[:12]}-{stage}"

    async def join(self, wanted: str) -> Joined:
        """The network for a step. wanted: of the instruction: default, none or host"""
        mode = self._job.request.network_mode if wanted in _DEFAULTS else wanted
        if mode == "none":
            return Joined(mode="none", netns_path="", files=self._files("none", _LOCALHOST, ""))
        if mode == "host":
            hosts = self._extra_hosts() + _read("/etc/hosts")
            return Joined(mode="host", netns_path=None, files=self._files("host", hosts, _read("/etc/resolv.conf")))
        if self._joined is None:
            self._joined = await self._join("bridge" if mode in _DEFAULTS else mode)
        return self._joined

    async def _join(self, mode: str) -> Joined:
        if mode.startswith(_OF_CONTAINER):
            mode = _OF_CONTAINER + self._tools.settings.container_id(mode.removeprefix(_OF_CONTAINER))
        files = self._files("net", "", "")
        self._sandbox_id = self._tools.settings.new_id()
        sandbox = await self._tools.networks.join(
            JoinRequest(
                container_id=self._sandbox_id,
                name=self._name,
                hostname=self._sandbox_id[:12],
                network_mode=mode,
                extra_hosts=self._job.request.extra_hosts,
                hosts_path=files["/etc/hosts"],
                resolv_conf_path=files["/etc/resolv.conf"],
            )
        )
        owner = self._tools.networks.sandbox(sandbox.shares) if sandbox.shares else None
        if owner is not None:
            # In another one's network: its names, and itself in its hosts.
            Path(files["/etc/hosts"]).write_text(owner.hosts)
            Path(files["/etc/resolv.conf"]).write_text(owner.resolv_conf)
        return Joined(mode=mode, netns_path=sandbox.netns_path, files=files)

    def _extra_hosts(self) -> str:
        pairs = (entry.replace("=", ":", 1).partition(":") for entry in self._job.request.extra_hosts)
        return "".join(f"{address}\t{name}\n" for name, _, address in pairs if address != "host-gateway")

    def _files(self, kind: str, hosts: str, resolv_conf: str) -> dict[str, str]:
        """Files of the step on the host, written where they are not there yet."""
        self._folder.mkdir(parents=True, exist_ok=True)
        texts = {"/etc/hosts": hosts, "/etc/resolv.conf": resolv_conf}
        paths = {inside: self._folder / f"{kind}-{Path(inside).name}" for inside in texts}
        for inside, path in paths.items():
            if not path.exists():
                path.write_text(texts[inside])
        return {inside: str(path) for inside, path in paths.items()}

    async def close(self) -> None:
        """Leave."""
        if self._sandbox_id:
            await self._tools.networks.leave(self._sandbox_id)


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
