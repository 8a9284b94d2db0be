"""The list of members that an etcd cluster has, and its changes."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from shoal.drivers.cluster.etcd_client import UNHEALTHY, EtcdClient, EtcdRefusal, TlsFiles
from shoal.drivers.cluster.etcd_messages import Empty, LeaseId, Member, MemberAdd, Members, Status, Target
from shoal.errors import Conflict, Unavailable

_LOOK_S = 0.1
_HEALTHY_S = 15.0
_PROPOSAL_S = 2.0
_NOT_IN_SYNC = "etcdserver: can only promote a learner member which is in sync with leader"


class EtcdMembers:
    """Asked of any member. A new one is a learner first: without a vote, so the others go on whatever becomes of it."""

    def __init__(self, endpoints: Sequence[str], tls: TlsFiles | None = None) -> None:
        self._client = EtcdClient(endpoints, tls)

    async def open(self) -> None:
        """Ready to ask."""
        await self._client.open()

    async def close(self) -> None:
        """Idempotent."""
        await self._client.close()

    async def list(self) -> Sequence[Member]:
        """As the asked member knows them. Raises: Unavailable"""
        return (await self._client.call("cluster/member/list", Empty(), Members)).members

    async def status(self) -> Status:
        """Of the member that answers, also without a leader. Raises: Unavailable"""
        return await self._client.call("maintenance/status", Empty(), Status, alone=True)

    async def add(self, name: str, peer_url: str) -> tuple[int, str]:
        """(id of the new learner, `initial_cluster` for its `EtcdMember.start`). Adding it again is no error.

        A cluster whose members have not all been there for 5 s takes nobody: it is waited for.
        Raises: Conflict while another one has not been promoted yet; Unavailable
        """
        members = await self.list()
        mine = next((member for member in members if peer_url in member.peer_urls), None)
        if mine is None:
            answer = await self._add(MemberAdd((peer_url,), is_learner=True))
            members, mine = answer.members, answer.member
        names = {member.id: member.name for member in members} | {mine.id: name}
        urls = [(names[member.id], url) for member in members for url in member.peer_urls]
        return mine.id, ",".join(f"{known}={url}" for known, url in urls if known)

    async def _add(self, request: MemberAdd) -> Members:
        try:
            return await self._client.call("cluster/member/add", request, Members, again=False, deadline_s=_HEALTHY_S)
        except EtcdRefusal as refusal:
            if "learner" in refusal.message:
                raise Conflict(refusal.message, hint="another manager is just joining: try again") from refusal
            raise
        except Unavailable as error:
            if UNHEALTHY in error.message:
                error.hint = "a manager does not answer the others: bring it back, or remove it"
            raise

    async def promote(self, member_id: int, deadline_s: float = 30.0) -> None:
        """It votes, as soon as it has caught up. Raises: Unavailable when it has not until then"""
        try:
            async with asyncio.timeout(deadline_s):
                while not await self._is_promoted(member_id):  # noqa: ASYNC110 - another process is asked
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError as error:
            raise Unavailable(f"the new manager's store has not caught up within {deadline_s:g} s") from error

    async def _is_promoted(self, member_id: int) -> bool:
        try:
            await self._client.call("cluster/member/promote", LeaseId(ID=member_id), Members)
        except EtcdRefusal as refusal:
            if refusal.message == _NOT_IN_SYNC:
                return False
            # Its earlier answer was lost.
            return any(member.id == member_id and not member.is_learner for member in await self.list())
        return True

    async def hand_over(self) -> None:
        """Another voting member leads, if the one that answers did. Raises: Unavailable where none of them can"""
        status = await self.status()
        own = status.header.member_id
        if status.leader != own:
            return
        others = [member.id for member in await self.list() if member.id != own and not member.is_learner]
        for member_id in others:
            # etcd waits for some seconds for one that does not answer.
            with suppress(EtcdRefusal, Unavailable):
                await self._client.call("maintenance/transfer-leadership", Target(id=member_id), Empty)
                return
        if others:
            raise Unavailable("no other member of the cluster's store can lead it")

    async def remove(self, member_id: int) -> None:
        """It is none any more; its process ends by itself. Idempotent. Raises: Unavailable, EtcdRefusal"""
        failure: Unavailable | None = None
        try:
            async with asyncio.timeout(_HEALTHY_S):
                while (failure := await self._not_removed(member_id)) is not None:  # noqa: ASYNC110 - as above
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            raise failure or Unavailable(f"the managers' store does not answer within {_HEALTHY_S:g} s") from None

    async def _not_removed(self, member_id: int) -> Unavailable | None:
        """Why it may be there still. What is proposed while the lead changes is lost, which etcd sees after 7 s."""
        try:
            await self._client.call("cluster/member/remove", LeaseId(ID=member_id), Members, deadline_s=_PROPOSAL_S)
        except Unavailable as error:
            return error
        except EtcdRefusal:
            if any(member.id == member_id for member in await self.list()):
                raise
        return None
