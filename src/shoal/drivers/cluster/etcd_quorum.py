"""One manager's member of the etcd that the managers share: implements contracts.cluster.quorum.Quorum."""

import asyncio
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from shoal.contracts.cluster.quorum import QuorumMember, QuorumSettings
from shoal.contracts.cluster.store import ClusterStore
from shoal.drivers.cluster.copying import Content, fill
from shoal.drivers.cluster.etcd_client import TlsFiles
from shoal.drivers.cluster.etcd_member import EtcdMember, MemberSettings, end_leftover, find
from shoal.drivers.cluster.etcd_members import EtcdMembers
from shoal.drivers.cluster.etcd_store import EtcdClusterStore

#: name in managers' certificates, and in no worker's
_MANAGERS = "swarm-manager"


class EtcdQuorum:
    """data: its directory    secrets: directory in memory, for its certificate and key"""

    def __init__(self, data: Path, secrets: Path, settings: QuorumSettings) -> None:
        self._data = data
        self._secrets = secrets
        self._settings = settings
        self._tls = TlsFiles(ca=secrets / "ca.pem", certificate=secrets / "certificate.pem", key=secrets / "key.pem")
        self._client_url = f"https://127.0.0.1:{settings.local_port}"
        self.address = f"https://{_bracketed(settings.advertise)}:{settings.port}"
        self._member = EtcdMember(
            MemberSettings(
                name=settings.name,
                cluster_id=settings.cluster_id,
                data=data,
                listen_peer=f"https://{_bracketed(settings.listen)}:{settings.port}",
                peer_url=self.address,
                client_url=self._client_url,
                tls=self._tls,
                allowed_name=_MANAGERS,
            )
        )
        self._members = EtcdMembers([self._client_url], self._tls)
        self._is_open = False
        self._is_running = False
        self._started_with = secrets / "ca-in-memory.pem"

    @property
    def is_removed(self) -> bool:
        """See the contract."""
        return self._member.is_removed

    def store(self) -> ClusterStore:
        """See the contract."""
        return self._store()

    def _store(self) -> EtcdClusterStore:
        return EtcdClusterStore([self._client_url], self._settings.cluster_id, self._tls)

    async def trust(self, certificate: str, key: str, trusted: str) -> None:
        """See the contract. etcd reads its certificate anew by itself, its CAs only at its start.

        A CA that comes needs no start: its certificates are sent with the old one's signature. One that goes does.
        """
        self._secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path, text in ((self._tls.ca, trusted), (self._tls.key, key), (self._tls.certificate, certificate)):
            _write(path, text)
        if self._is_running:
            await self._trust_again()

    async def _trust_again(self) -> None:
        """It starts anew where it has CAs in memory that are trusted no more."""
        try:
            in_memory = self._started_with.read_text()
        except FileNotFoundError:
            in_memory = ""
        if not _certificates(in_memory) <= _certificates(self._tls.ca.read_text()):
            await self._member.stop()
            self._note_start()
            await self._member.start()

    def _note_start(self) -> None:
        _write(self._started_with, self._tls.ca.read_text())

    async def begin(self, members: str = "") -> None:
        """See the contract."""
        await self._end()
        await self._start(members, is_existing=bool(members))

    async def resume(self) -> None:
        """See the contract."""
        if not self._is_running:
            await self._start("", is_existing=True)

    async def _start(self, members: str, *, is_existing: bool) -> None:
        is_adopted = find(self._data) is not None
        if not is_adopted:
            self._note_start()
        await self._member.start(members, is_existing=is_existing)
        self._is_running = True
        if is_adopted:
            await self._trust_again()
        await self._open_members()

    async def _open_members(self) -> None:
        if not self._is_open:
            self._is_open = True
            await self._members.open()

    async def wait_ready(self) -> None:
        """See the contract."""
        await self._member.wait_ready()

    async def fill(self, values: Mapping[str, bytes], epoch: int) -> None:
        """See the contract."""
        store = self._store()
        await store.open()
        try:
            await fill(store, Content(values=values, epoch=epoch, revision=0))
        finally:
            await store.close()

    async def members(self) -> tuple[QuorumMember, ...]:
        """See the contract."""
        found = await self._members.list()
        return tuple(QuorumMember(str(m.id), m.name, ",".join(m.peer_urls), not m.is_learner) for m in found)

    async def add(self, name: str, address: str) -> tuple[str, str]:
        """See the contract."""
        member_id, members = await self._members.add(name, address)
        return str(member_id), members

    async def promote(self, member_id: str) -> None:
        """See the contract."""
        await self._members.promote(int(member_id))

    async def leader(self) -> str:
        """See the contract."""
        leader = (await self._members.status()).leader
        return str(leader) if leader else ""

    async def hand_over(self) -> None:
        """See the contract."""
        await self._members.hand_over()

    async def remove(self, member_id: str) -> None:
        """See the contract."""
        await self._members.remove(int(member_id))

    async def survive(self) -> None:
        """See the contract."""
        self._note_start()
        await self._member.force_new_cluster()
        self._is_running = True
        await self._open_members()

    async def release(self) -> None:
        """See the contract."""
        await self._close_members()
        await self._member.release()
        self._is_running = False

    async def erase(self) -> None:
        """See the contract."""
        await self._close_members()
        await self._end()
        await asyncio.to_thread(shutil.rmtree, self._secrets, ignore_errors=True)

    async def _end(self) -> None:
        await self._member.stop()
        await end_leftover(self._data)
        self._is_running = False
        await asyncio.to_thread(shutil.rmtree, self._data, ignore_errors=True)

    async def _close_members(self) -> None:
        if self._is_open:
            self._is_open = False
            await self._members.close()


def _certificates(text: str) -> set[str]:
    return {part.strip() for part in text.split("-----END CERTIFICATE-----") if part.strip()}


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _write(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
        file.write(text)
    new.rename(path)
