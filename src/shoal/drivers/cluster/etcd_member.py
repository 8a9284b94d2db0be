"""The etcd process of a manager: started, watched, started again, ended.

It outlives an engine that was killed, and the next engine adopts it: like the containers, a manager's vote does not
depend on the engine's process. (A death signal from the parent would take the quorum away with two killed engines.)
Which process it is, is found in /proc by its arguments, that name the data directory; it is signalled through a pidfd
only, so never another one that has its pid by now.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shoal.drivers.cluster.etcd_client import EtcdClient, TlsFiles
from shoal.drivers.cluster.etcd_messages import Empty, Status
from shoal.drivers.runtime.processes import command_line, wait_readable
from shoal.errors import DriverError, Unavailable

_STOP_S = 5.0
_PAUSE_S = 0.2
_MAX_PAUSE_S = 5.0
_LOOK_S = 0.05
_LOG_BYTES = 4 * 1024 * 1024
_LAST_WORDS_BYTES = 4000
_REMOVED = b"the member has been permanently removed from the cluster"
# A cluster's store is some ten megabytes: less garbage for a little more work.
_ENVIRONMENT = {"GOGC": "40", "GOMAXPROCS": "2"}
_LIMITS = (
    "--max-txn-ops=20000",
    f"--max-request-bytes={32 * 1024 * 1024}",
    f"--quota-backend-bytes={4 * 1024 * 1024 * 1024}",
    "--auto-compaction-mode=periodic",
    "--auto-compaction-retention=5m",
    "--snapshot-count=5000",
    "--max-snapshots=2",
    "--max-wals=2",
    "--pre-vote=true",
    "--logger=zap",
    "--log-level=warn",
    "--log-outputs=stderr",
)

log = logging.getLogger("shoal.cluster.etcd")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberSettings:
    """How one member runs.

    listen_peer, peer_url: where it listens for the others, and where they find it
    client_url: for this manager alone, so on a loopback address: with any certificate of the CA one is let in there
    tls: of its server and client sides both, so the certificate says both uses, and names the host of `peer_url`
    allowed_name: a DNS name that certificates of peers must have (managers' have it, workers' do not); "" = whatever
        the CA has signed. (With the same check for clients etcd's JSON gateway refuses its own calls)
    """

    name: str
    cluster_id: str
    data: Path
    listen_peer: str
    peer_url: str
    client_url: str
    tls: TlsFiles | None = None
    allowed_name: str = ""
    binary: str = "etcd"

    def argv(self, initial_cluster: str, *, is_existing: bool) -> list[str]:
        """The command. initial_cluster: "name=peer URL,…" of all members, read by etcd at its first start only"""
        argv = [
            self.binary,
            f"--name={self.name}",
            f"--data-dir={self.data}",
            f"--listen-peer-urls={self.listen_peer}",
            f"--listen-client-urls={self.client_url}",
            f"--advertise-client-urls={self.client_url}",
            f"--initial-advertise-peer-urls={self.peer_url}",
            f"--initial-cluster={initial_cluster or f'{self.name}={self.peer_url}'}",
            f"--initial-cluster-state={'existing' if is_existing else 'new'}",
            f"--initial-cluster-token={self.cluster_id}",
            *_LIMITS,
        ]
        return argv + self._tls_flags() if self.tls else argv

    def _tls_flags(self) -> list[str]:
        assert self.tls is not None
        flags: list[str] = []
        for side in ("", "peer-"):
            flags += [
                f"--{side}cert-file={self.tls.certificate}",
                f"--{side}key-file={self.tls.key}",
                f"--{side}trusted-ca-file={self.tls.ca}",
                f"--{side}client-cert-auth=true",
            ]
        # Where a call comes from says nothing: managers may be behind address translation.
        flags.append("--experimental-peer-skip-client-san-verification=true")
        if self.allowed_name:
            flags.append(f"--peer-cert-allowed-hostname={self.allowed_name}")
        return flags


class EtcdMember:
    """One member, kept running from `start` to `stop`."""

    def __init__(self, settings: MemberSettings) -> None:
        self._settings = settings
        self._argv: list[str] = []
        self._process: _Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._log = settings.data.with_name(f"{settings.data.name}.log")
        self.is_removed = False  #: by the others, as etcd has said when it ended; it is not started again

    @property
    def pid(self) -> int:
        """0 = it does not run just now."""
        return self._process.pid if self._process else 0

    async def start(self, initial_cluster: str = "", *, is_existing: bool = False) -> None:
        """It runs, not yet ready: adopted where an earlier engine has left it, ended first where that one's settings
        were others.

        Raises: DriverError where there is no etcd
        """
        self._argv = self._command(initial_cluster, is_existing=is_existing)
        self.is_removed = False
        left = find(self._settings.data)
        if left is not None and _lasting(left.argv) != _lasting(self._argv):
            await left.end()
            left = None
        self._process = left or self._spawn()
        self._keeper = asyncio.create_task(self._keep())

    def _command(self, initial_cluster: str, *, is_existing: bool) -> list[str]:
        binary = shutil.which(self._settings.binary)
        if binary is None:
            raise DriverError(
                f'cannot find "{self._settings.binary}", which managers need from the second one on',
                hint="apt-get install etcd-server",
            )
        return [binary, *self._settings.argv(initial_cluster, is_existing=is_existing)[1:]]

    async def release(self) -> None:
        """Nobody looks after it any more; it runs on, and the next `start` adopts it. Idempotent."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.wait([keeper])
        self._process = None

    async def stop(self) -> None:
        """It has ended; leadership among the members is handed over first. Idempotent."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.wait([keeper])
        process, self._process = self._process, None
        if process is not None:
            await process.end()

    async def wait_ready(self, deadline_s: float = 30.0) -> None:
        """It answers, and knows a leader. Raises: Unavailable, with what etcd said last"""
        try:
            async with asyncio.timeout(deadline_s):
                await self._wait_ready()
        except TimeoutError as error:
            raise Unavailable(f"etcd is not ready after {deadline_s:g} s: {self.last_words()}") from error

    async def _wait_ready(self) -> None:
        client = EtcdClient([self._settings.client_url], self._settings.tls)
        await client.open()
        try:
            while True:
                with contextlib.suppress(Unavailable):
                    status = await client.call("maintenance/status", Empty(), Status, alone=True, deadline_s=1)
                    if status.leader:
                        return
                await asyncio.sleep(_LOOK_S)
        finally:
            await client.close()

    async def force_new_cluster(self) -> None:
        """Start as the only member, with all that this one knows; the others are forgotten and must join anew.

        For a survivor without a quorum. Raises: as `start` and `wait_ready`
        """
        await self.stop()
        await end_leftover(self._settings.data)
        self._argv = self._command("", is_existing=False)
        self._process = self._spawn("--force-new-cluster=true")
        try:
            await self.wait_ready()
        finally:
            # With this flag it would forget those who have joined since, at its next start.
            await self.stop()
        await self.start()
        await self.wait_ready()

    def last_words(self) -> str:
        """The end of its log."""
        lines = self._end_of_log().decode(errors="replace").splitlines()
        return lines[-1] if lines else "it said nothing"

    def _end_of_log(self) -> bytes:
        with contextlib.suppress(OSError), self._log.open("rb") as file:
            file.seek(max(0, self._log.stat().st_size - _LAST_WORDS_BYTES))
            return file.read()
        return b""

    async def _keep(self) -> None:
        pause_s = _PAUSE_S
        loop = asyncio.get_running_loop()
        while True:
            since = loop.time()
            if self._process is not None:
                await self._process.wait()
                self._process = None
            if _REMOVED in self._end_of_log():
                log.info("the other managers have removed this one from their store")
                self.is_removed = True
                return
            pause_s = _PAUSE_S if loop.time() - since > _MAX_PAUSE_S else min(pause_s * 2, _MAX_PAUSE_S)
            log.warning("etcd has ended, it starts again in %.1f s: %s", pause_s, self.last_words())
            await asyncio.sleep(pause_s)
            try:
                self._process = self._spawn()
            except OSError as error:
                log.error("etcd does not start: %s", error)

    def _spawn(self, *flags: str) -> "_Process":
        # A file, no pipe: nobody reads it while no engine runs. What a removed member has said is not of the next one.
        is_new = not self._settings.data.exists()
        if self._log.exists() and (is_new or self._log.stat().st_size > _LOG_BYTES):
            self._log.unlink()
        self._settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._settings.data.chmod(0o700)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ETCD_")}
        pid = os.posix_spawn(
            self._argv[0],
            [*self._argv, *flags],
            environment | _ENVIRONMENT,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(self._log), os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
        )
        return _Process(pid)


class _Process:
    """A running etcd; ours, or one that an earlier engine has left."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._pidfd = -1  # where there is no such process any more
        self._pidfd = os.pidfd_open(pid)
        self.argv = command_line(pid)

    async def wait(self) -> None:
        """It has ended."""
        # A descriptor of its own: two may wait.
        watched = os.dup(self._pidfd)
        try:
            await wait_readable(watched)
        finally:
            os.close(watched)
        # No child of ours where an earlier engine has started it.
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG)  # noqa: ASYNC222 - it has ended

    async def end(self) -> None:
        """It is asked to end, then made to."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wait(), _STOP_S)
                return

    def __del__(self) -> None:
        if self._pidfd >= 0:
            os.close(self._pidfd)


def find(data: Path) -> _Process | None:
    """The etcd of ours that runs on this data directory."""
    wanted = f"--data-dir={data}"
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        # Gone in the meantime, or somebody else's.
        with contextlib.suppress(OSError):
            if wanted in command_line(pid) and Path(f"/proc/{pid}").stat().st_uid == os.geteuid():
                process = _Process(pid)
                if wanted in process.argv:
                    return process
    return None


async def end_leftover(data: Path) -> None:
    """No etcd of ours runs on this data directory: before it is removed."""
    process = find(data)
    if process is not None:
        await process.end()


def _lasting(argv: Sequence[str]) -> list[str]:
    """Without what is for the first start only."""
    return [argument for argument in argv[1:] if argument and not argument.startswith("--initial-cluster")]
