"""Reads say that they may be old while the managers have no quorum."""

from dataclasses import replace

from tests.support.managers import open_manager
from tests.support.swarm_api import SwarmApi


async def test_what_may_be_old_says_so() -> None:
    async with open_manager() as manager:
        api = SwarmApi(manager)
        assert await api.header("GET", "/services", "Warning") is None
        api.membership.now = replace(api.membership.now, has_quorum=False)
        told = '110 shoal "the managers have no quorum: what is shown may be old"'
        for path in ("/services", "/tasks", "/nodes", "/secrets", "/configs", "/nodes/self"):
            assert await api.header("GET", path, "Warning") == told
        assert await api.header("POST", "/services/create", "Warning") is None
