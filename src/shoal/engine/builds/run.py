"""RUN: a program in the root of a stage, by the container runtime, with the network and the mounts that it asks for."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from shoal.contracts.build import Dressing
from shoal.dockerfile.instructions import Instruction
from shoal.dockerfile.vertices import MountVertex, RunVertex
from shoal.engine.builds.errors import StepFailed
from shoal.engine.builds.mounts import StepMounts, open_mounts
from shoal.engine.builds.network import StageNetwork
from shoal.engine.builds.tools import Job, Tools
from shoal.engine.builds.transcript import Output
from shoal.engine.containers.host import devices
from shoal.engine.containers.host.profiles import seccomp_of
from shoal.errors import InvalidArgument
from shoal.model.container import Container, ContainerSpec, HostSpec
from shoal.oci.runtime_spec import Surroundings, generate
from shoal.oci.users import find_user

CERTIFICATES = "/dev/shoal/ca-certificates.crt"
SCRIPT = "/dev/shoal/script"
#: programs and libraries that bring certificates of their own, and the variable that names others
CERTIFICATE_VARIABLES = (
    "SSL_CERT_FILE",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
    "CARGO_HTTP_CAINFO",
    "AWS_CA_BUNDLE",
)


class StepRun:
    """One RUN of one stage."""

    def __init__(self, tools: Tools, job: Job, network: StageNetwork, stage: int) -> None:
        """`network` is the stage's."""
        self._tools = tools
        self._job = job
        self._network = network
        self._stage = stage

    async def run(
        self,
        root: Path,
        vertex: RunVertex,
        instruction: Instruction,
        chains: Mapping[MountVertex, str],
        step_id: str,
    ) -> Dressing:
        """Run to the end. The root then holds what the program changed and what `tidy` takes away.

        Raises: StepFailed, InvalidArgument, DriverError
        """
        files, job = self._tools.drivers.files, self._job
        await files.make_directory(root, vertex.workdir, (0, 0))
        output = Output(job.transcript, self._stage)
        async with AsyncExitStack() as held:
            mounts = await open_mounts(self._tools, job, vertex.mounts, chains, held)
            spec = await self._spec(root, vertex, mounts, step_id)
            dressing = await files.dress(root, _mount_points(spec), self._tools.settings.certificates)
            try:
                status = await self._tools.drivers.runner.run(step_id, spec, output)
            finally:
                await files.undress(dressing)
        if status:
            raise StepFailed(instruction, vertex.argv, status, output.tail)
        return dressing

    async def _spec(self, root: Path, vertex: RunVertex, mounts: StepMounts, step_id: str) -> dict[str, Any]:
        settings, request = self._tools.settings, self._job.request
        joined = await self._network.join(vertex.network)
        host = HostSpec(
            resources=request.resources,
            network_mode=joined.mode,
            shm_bytes=request.shm_bytes,
            privileged=vertex.insecure,
        )
        container = Container(
            id=step_id,
            name=f"build-{step_id[:12]}",
            spec=ContainerSpec(image="", env=self._env(vertex, mounts), workdir=vertex.workdir, host=host),
            argv=vertex.argv,
            image_id="",
            created_at=0,
        )
        self._add_files(vertex, mounts)
        seccomp = seccomp_of(host, settings.permits)
        compiled = settings.compile_seccomp(seccomp) if seccomp else {}
        around = Surroundings(
            rootfs=str(root),
            cgroup=settings.cgroup_of(step_id),
            files=joined.files,
            netns_path=joined.netns_path,
            user=await self._user(root, vertex.user),
            devices=devices.all_devices() if vertex.insecure else (),
            seccomp=None if compiled else seccomp,
            annotations=compiled,
        )
        spec, warnings = generate(container, mounts.points, around, settings.permits)
        for warning in warnings:
            self._warn(warning)
        return spec

    def _warn(self, warning: str) -> None:
        if warning not in self._job.warned:
            self._job.warned.add(warning)
            self._job.transcript.say(self._stage, f"[Warning] {warning}\n")

    def _env(self, vertex: RunVertex, mounts: StepMounts) -> tuple[str, ...]:
        env = [*vertex.proxies, *vertex.env, *mounts.env]
        if self._tools.settings.certificates is not None:
            named = {entry.partition("=")[0] for entry in env}
            env += [f"{name}={CERTIFICATES}" for name in CERTIFICATE_VARIABLES if name not in named]
        return tuple(env)

    def _add_files(self, vertex: RunVertex, mounts: StepMounts) -> None:
        # Below /dev, which is a file system of the step's own: mount points there never enter the image.
        if self._tools.settings.certificates is not None:
            mounts.bind(self._tools.settings.certificates, CERTIFICATES, writable=False)
        if vertex.script:
            script = self._job.folder / f"script-{self._tools.settings.new_id()[:12]}"
            script.write_text(vertex.script)
            script.chmod(0o755)
            mounts.bind(script, SCRIPT, writable=False)

    async def _user(self, root: Path, user: str) -> Any:
        files = self._tools.drivers.files
        return find_user(user, await files.read_text(root, "/etc/passwd"), await files.read_text(root, "/etc/group"))


async def owner_of(tools: Tools, root: Path, chown: str) -> tuple[int, int]:
    """(uid, gid) of `--chown`; a uid alone is the gid as well.

    Raises: InvalidArgument in Docker's words
    """
    name, colon, _ = chown.partition(":")
    if name.isdigit() and not colon:
        return int(name), int(name)
    files = tools.drivers.files
    passwd, group = await files.read_text(root, "/etc/passwd"), await files.read_text(root, "/etc/group")
    try:
        user = find_user(chown, passwd, group)
    except InvalidArgument as error:
        raise InvalidArgument(
            f"unable to convert uid/gid chown string to host mapping: can't find {chown}: {error.message}"
        ) from error
    return user.uid, user.gid


def _mount_points(spec: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """(path, is a directory) of the mounts, those below others left out: they are made inside of these."""
    points: list[tuple[str, bool]] = []
    for mount in spec["mounts"]:
        path = mount["destination"]
        if not any(path.startswith(f"{above}/") for above, _ in points):
            is_file = mount.get("type") == "bind" and not Path(mount["source"]).is_dir()
            points.append((path, not is_file))
    return points
