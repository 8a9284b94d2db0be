"""The routes of a cluster, with a real manager behind them; answers are of the contract where it is at hand."""

import base64
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from shoal.contracts.cluster.control import SwarmInit, SwarmJoin
from shoal.model.cluster.cluster import Cluster
from shoal.model.cluster.task import Task, TaskState, TaskStatus
from shoal.model.network import NetworkSpec
from shoal.swarm.pki.authority import new_authority
from tests.support import api_contract
from tests.support.managers import MANAGER, WORKER, open_manager, task
from tests.support.swarm_api import SwarmApi

SERVICE: dict[str, Any] = {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "busybox"}}}


@pytest.fixture
async def api() -> AsyncIterator[SwarmApi]:
    async with open_manager() as manager:
        cluster = manager.ledger.view.cluster
        assert isinstance(cluster, Cluster)
        seal = manager.ledger.seal.seal
        secrets = {"worker": seal(b"w" * 16), "manager": seal(b"m" * 16)}
        pem = new_authority(1).certificate
        await manager.ledger.write([replace(cluster, ca_certificate=pem, sealed_tokens=secrets)])
        yield SwarmApi(manager)


def filtered(path: str, **filters: list[str]) -> str:
    return f"{path}?filters={quote(json.dumps(filters))}"


async def version(api: SwarmApi, path: str) -> int:
    _, body = await api.call("GET", path)
    return int(body["Version"]["Index"])


async def test_a_service_from_its_making_to_its_end(api: SwarmApi) -> None:
    status, made = await api.call("POST", "/services/create", SERVICE)
    assert (status, made["Warnings"]) == (201, None)
    path = f"/services/{made['ID']}"
    for reference in (made["ID"], made["ID"][:12], "web"):
        assert (await api.call("GET", f"/services/{reference}"))[1]["ID"] == made["ID"]
    changed = SERVICE | {"Mode": {"Replicated": {"Replicas": 4}}}
    now = await version(api, path)
    assert await api.call("POST", f"{path}/update?version={now}", changed) == (200, {"Warnings": None})
    _, body = await api.call("GET", path)
    assert body["Spec"]["Mode"] == {"Replicated": {"Replicas": 4}}
    assert body["PreviousSpec"]["Mode"] == {"Replicated": {"Replicas": 1}}
    assert await api.call("DELETE", path) == (200, None)
    assert await api.call("GET", path) == (404, {"message": f"service {made['ID']} not found"})


async def test_an_update_names_the_version_that_it_is_made_from(api: SwarmApi) -> None:
    await api.made("/services/create", SERVICE)
    status, body = await api.call("POST", "/services/web/update?version=1", SERVICE)
    assert (status, "update out of sequence" in body["message"]) == (500, True)
    for text in ("", "?version=", "?version=x", "?version=-1"):
        status, body = await api.call("POST", f"/services/web/update{text}", SERVICE)
        assert status == 400 and body["message"].startswith("invalid service version '")


async def test_a_rollback_is_to_what_was_before(api: SwarmApi) -> None:
    await api.made("/services/create", SERVICE)
    now = await version(api, "/services/web")
    status, body = await api.call("POST", f"/services/web/update?version={now}&rollback=previous", {})
    assert status == 400 and "previous spec" in body["message"]
    await api.call("POST", f"/services/web/update?version={now}", SERVICE | {"Labels": {"a": "b"}})
    now = await version(api, "/services/web")
    assert (await api.call("POST", f"/services/web/update?version={now}&rollback=previous", {}))[0] == 200
    assert (await api.call("GET", "/services/web"))[1]["Spec"]["Labels"] == {}
    status, body = await api.call("POST", f"/services/web/update?version={now}&rollback=next", SERVICE)
    assert (status, body["message"]) == (400, "unrecognized rollback option next")


async def test_extra_keys_survive_a_client_that_does_not_know_them(api: SwarmApi) -> None:
    own = {"Image": "busybox", "HostConfig": {"Privileged": True}}
    await api.made("/services/create", {"Name": "web", "TaskTemplate": {"ContainerSpec": own}})
    now = await version(api, "/services/web")
    await api.call("POST", f"/services/web/update?version={now}", SERVICE | {"Labels": {"a": "b"}})
    body = (await api.call("GET", "/services/web"))[1]
    assert body["Spec"]["TaskTemplate"]["ContainerSpec"]["HostConfig"] == {"Privileged": True}


async def test_warnings_name_keys_that_have_no_effect(api: SwarmApi) -> None:
    _, made = await api.call("POST", "/services/create", SERVICE | {"Colour": "red"})
    assert made["Warnings"] == ["Colour: Shoal does not know this key, it has no effect"]


async def test_services_are_listed_with_their_counts_when_asked(api: SwarmApi) -> None:
    identity = await api.made("/services/create", SERVICE)
    await api.manager.ledger.write([running(identity)])
    _, found = await api.call("GET", "/services?status=true")
    assert found[0]["ServiceStatus"] == {"RunningTasks": 1, "DesiredTasks": 1, "CompletedTasks": 0}
    _, found = await api.call("GET", "/services")
    assert "ServiceStatus" not in found[0]
    assert (await api.call("GET", filtered("/services", name=["db"])))[1] == []
    assert (await api.call("GET", filtered("/services", colour=["red"])))[0] == 400


async def test_inspect_adds_what_nobody_said_when_asked(api: SwarmApi) -> None:
    await api.made("/services/create", SERVICE)
    plain = (await api.call("GET", "/services/web"))[1]["Spec"]
    full = (await api.call("GET", "/services/web?insertDefaults=true"))[1]["Spec"]
    assert "UpdateConfig" not in plain and full["UpdateConfig"]["Parallelism"] == 1
    assert full["TaskTemplate"]["RestartPolicy"]["Condition"] == "any"


async def test_a_registry_login_that_can_not_be_read_is_refused(api: SwarmApi) -> None:
    status, _ = await api.call("POST", "/services/create", SERVICE, **{"X-Registry-Auth": "!"})
    assert status == 400
    login = base64.urlsafe_b64encode(b'{"username": "ann", "password": "x"}').decode()
    assert (await api.call("POST", "/services/create", SERVICE, **{"X-Registry-Auth": login}))[0] == 201
    [service] = api.manager.ledger.view.services.values()
    assert api.manager.ledger.seal.unseal(service.registry_auth).decode() == login


def login_of(name: str) -> str:
    return base64.urlsafe_b64encode(f'{{"username": "{name}", "password": "x"}}'.encode()).decode()


@pytest.mark.parametrize(
    ("query", "header", "kept"),
    [
        ("", "", "second"),
        ("&registryAuthFrom=spec", "", "second"),
        ("&registryAuthFrom=previous-spec", "", "first"),
        ("&registryAuthFrom=previous-spec", "third", "third"),
        ("&registryAuthFrom=spec&rollback=previous", "third", "first"),
    ],
)
async def test_an_update_without_a_login_keeps_that_of_a_spec(
    api: SwarmApi, query: str, header: str, kept: str
) -> None:
    def with_login(name: str) -> dict[str, str]:
        return {"X-Registry-Auth": login_of(name)} if name else {}

    async def update(image: str, query: str, **headers: str) -> tuple[int, Any]:
        version = (await api.call("GET", "/services/web"))[1]["Version"]["Index"]
        task = {"ContainerSpec": {"Image": image}}
        path = f"/services/web/update?version={version}{query}"
        return await api.call("POST", path, SERVICE | {"TaskTemplate": task}, **headers)

    assert (await api.call("POST", "/services/create", SERVICE, **with_login("first")))[0] == 201
    refused, answer = await update("b", "&registryAuthFrom=previous-spec")
    assert (refused, answer["message"]) == (400, "service does not have a previous spec")
    assert (await update("b", "&registryAuthFrom=nowhere"))[0] == 400
    assert (await update("b", "", **with_login("second")))[0] == 200
    assert (await update("c", query, **with_login(header)))[0] == 200
    [service] = api.manager.ledger.view.services.values()
    assert api.manager.ledger.seal.unseal(service.registry_auth).decode() == login_of(kept)


@pytest.mark.parametrize(
    ("body", "status"),
    [(SERVICE | {"Name": "-"}, 400), (SERVICE | {"Mode": {"Replicated": {"Replicas": -1}}}, 400), ([], 400), ({}, 400)],
)
async def test_services_that_are_refused(api: SwarmApi, body: Any, status: int) -> None:
    assert (await api.call("POST", "/services/create", body))[0] == status


async def test_a_name_that_is_taken(api: SwarmApi) -> None:
    await api.made("/services/create", SERVICE)
    status, body = await api.call("POST", "/services/create", SERVICE)
    assert status == 409 and "name conflicts with an existing object" in body["message"]


def running(service_id: str, task_id: str = "t1", **changes: Any) -> Task:
    status = TaskStatus(state=TaskState.RUNNING, at=5, container_id=f"c-{task_id}")
    return replace(task(task_id, service_id=service_id), status=status, **changes)


async def test_tasks(api: SwarmApi) -> None:
    identity = await api.made("/services/create", SERVICE)
    await api.manager.ledger.write([running(identity)])
    _, body = await api.call("GET", "/tasks/t1")
    assert (body["ServiceID"], body["NodeID"], body["Status"]["State"]) == (identity, WORKER, "running")
    assert [t["ID"] for t in (await api.call("GET", filtered("/tasks", service=["web"])))[1]] == ["t1"]
    assert (await api.call("GET", filtered("/tasks", service=["other"])))[0] == 404
    assert (await api.call("GET", "/tasks/none")) == (404, {"message": "task none not found"})


async def test_nodes(api: SwarmApi) -> None:
    _, found = await api.call("GET", "/nodes")
    assert {node["ID"] for node in found} == {MANAGER, WORKER}
    now = await version(api, f"/nodes/{WORKER}")
    spec = {"Role": "worker", "Availability": "drain", "Labels": {"a": "b"}}
    assert await api.call("POST", f"/nodes/{WORKER}/update?version={now}", spec) == (200, None)
    _, body = await api.call("GET", f"/nodes/{WORKER}")
    assert body["Spec"] == spec
    assert (await api.call("POST", f"/nodes/{WORKER}/update?version={now}", {"Role": "x"}))[0] == 400
    assert (await api.call("DELETE", f"/nodes/{MANAGER}"))[0] == 400
    assert (await api.call("DELETE", f"/nodes/{WORKER}?force=1")) == (200, None)
    assert (await api.call("GET", f"/nodes/{WORKER}"))[0] == 404


async def test_the_swarm(api: SwarmApi) -> None:
    _, body = await api.call("GET", "/swarm")
    assert body["JoinTokens"]["Worker"].startswith("SWMTKN-1-") and body["TLSInfo"]["CertIssuerSubject"]
    now = body["Version"]["Index"]
    spec = body["Spec"] | {"Orchestration": {"TaskHistoryRetentionLimit": 2}}
    assert await api.call("POST", f"/swarm/update?version={now}&rotateWorkerToken=true", spec) == (200, None)
    _, after = await api.call("GET", "/swarm")
    assert after["Spec"]["Orchestration"] == {"TaskHistoryRetentionLimit": 2}
    assert after["JoinTokens"]["Worker"] != body["JoinTokens"]["Worker"]
    assert after["JoinTokens"]["Manager"] == body["JoinTokens"]["Manager"]
    assert await api.call("GET", "/swarm/unlockkey") == (200, {"UnlockKey": ""})
    spec["EncryptionConfig"] = {"AutoLockManagers": True}
    await api.call("POST", f"/swarm/update?version={after['Version']['Index']}", spec)
    assert re.fullmatch(r"SWMKEY-1-\S+", (await api.call("GET", "/swarm/unlockkey"))[1]["UnlockKey"])


async def test_coming_into_and_going_out_of_a_swarm(api: SwarmApi) -> None:
    assert await api.call("POST", "/swarm/init", {"ListenAddr": "0.0.0.0:2377"}) == (200, MANAGER)
    join = {"RemoteAddrs": ["a:2377"], "JoinToken": "SWMTKN-1-x", "ListenAddr": "0.0.0.0:2377"}
    assert await api.call("POST", "/swarm/join", join) == (200, None)
    assert await api.call("POST", "/swarm/unlock", {"UnlockKey": "SWMKEY-1-x"}) == (200, None)
    assert api.membership.said == [
        SwarmInit(),
        SwarmJoin(remotes=("a:2377",), token="SWMTKN-1-x"),
        "SWMKEY-1-x",
    ]
    assert (await api.call("POST", "/swarm/leave"))[0] == 503
    assert await api.call("POST", "/swarm/leave?force=1") == (200, None)
    assert (await api.call("POST", "/swarm/join", {"RemoteAddrs": []}))[0] == 400


@pytest.mark.parametrize("kind", ["secrets", "configs"])
async def test_secrets_and_configs(api: SwarmApi, kind: str) -> None:
    data = base64.b64encode(b"abc").decode()
    identity = await api.made(f"/{kind}/create", {"Name": "key", "Data": data, "Labels": {"a": "b"}})
    path = f"/{kind}/{identity}"
    _, body = await api.call("GET", path)
    assert body["Spec"]["Name"] == "key"
    assert body["Spec"].get("Data") == (data if kind == "configs" else None)
    now = body["Version"]["Index"]
    for spec in ({"Name": "other"}, {"Name": "key", "Data": base64.b64encode(b"new").decode()}):
        status, answer = await api.call("POST", f"{path}/update?version={now}", spec)
        assert status == 400 and "only updates to Labels are allowed" in answer["message"]
    same = {"Name": "key", "Data": data, "Labels": {"c": "d"}}
    assert await api.call("POST", f"{path}/update?version={now}", same) == (200, None)
    assert [item["Spec"]["Labels"] for item in (await api.call("GET", f"/{kind}"))[1]] == [{"c": "d"}]
    assert (await api.call("POST", f"/{kind}/create", {"Name": "key", "Data": data}))[0] == 409
    assert await api.call("DELETE", path) == (204, None)
    assert await api.call("GET", path) == (404, {"message": f"{kind[:-1]} {identity} not found"})


async def test_a_secret_in_use_stays(api: SwarmApi) -> None:
    identity = await api.made("/secrets/create", {"Name": "key", "Data": "YWJj"})
    wanted = {"SecretID": identity, "SecretName": "key", "File": {"Name": "key", "UID": "0", "GID": "0", "Mode": 292}}
    container = {"Image": "busybox", "Secrets": [wanted]}
    await api.made("/services/create", {"Name": "web", "TaskTemplate": {"ContainerSpec": container}})
    status, body = await api.call("DELETE", "/secrets/key")
    assert status == 400 and "secret 'key' is in use by the following service: web" in body["message"]


async def test_every_answer_is_of_the_contract(api: SwarmApi) -> None:
    """One after the other; a call that changes something stands before those that show it."""
    network = await api.manager.networks.create(NetworkSpec(name="net", driver="overlay"))
    spec = SERVICE | {"TaskTemplate": SERVICE["TaskTemplate"] | {"Networks": [{"Target": "net"}]}}
    service = (await api.call("POST", "/services/create", spec))[1]["ID"]
    await api.manager.ledger.write([running(service)])
    assert network
    secret = (await api.call("POST", "/secrets/create", {"Name": "key", "Data": "YWJj"}))[1]["ID"]
    config = (await api.call("POST", "/configs/create", {"Name": "key", "Data": "YWJj"}))[1]["ID"]
    node_spec = {"Role": "worker", "Availability": "active"}
    calls: list[tuple[str, str, str, Any]] = [
        ("GET", "/swarm", "/swarm", None),
        ("POST", "/swarm/init", "/swarm/init", {"ListenAddr": ""}),
        ("POST", "/swarm/init", "/swarm/init", {"DataPathPort": 1}),
        ("POST", "/swarm/join", "/swarm/join", {}),
        ("POST", "/swarm/leave", "/swarm/leave", None),
        ("POST", "/swarm/update", "/swarm/update?version=1", {}),
        ("GET", "/swarm/unlockkey", "/swarm/unlockkey", None),
        ("GET", "/nodes", "/nodes", None),
        ("GET", "/nodes/{id}", f"/nodes/{MANAGER}", None),
        ("GET", "/nodes/{id}", "/nodes/none", None),
        ("POST", "/nodes/{id}/update", f"/nodes/{WORKER}/update?version=1", node_spec),
        ("DELETE", "/nodes/{id}", "/nodes/none", None),
        ("GET", "/services", "/services?status=1", None),
        ("GET", "/services/{id}", f"/services/{service}?insertDefaults=1", None),
        ("GET", "/services/{id}", "/services/none", None),
        ("POST", "/services/create", "/services/create", SERVICE),
        ("POST", "/services/create", "/services/create", SERVICE | {"Name": "other"}),
        ("POST", "/services/create", "/services/create", {}),
        ("POST", "/services/{id}/update", f"/services/{service}/update?version=1", SERVICE),
        ("POST", "/services/{id}/update", "/services/none/update?version=1", SERVICE),
        ("DELETE", "/services/{id}", "/services/other", None),
        ("GET", "/tasks", "/tasks", None),
        ("GET", "/tasks/{id}", "/tasks/t1", None),
        ("GET", "/tasks/{id}", "/tasks/none", None),
        ("GET", "/secrets", "/secrets", None),
        ("GET", "/secrets/{id}", f"/secrets/{secret}", None),
        ("POST", "/secrets/create", "/secrets/create", {"Name": "two", "Data": "YWJj"}),
        ("POST", "/secrets/create", "/secrets/create", {"Name": "two", "Data": "YWJj"}),
        ("POST", "/secrets/{id}/update", f"/secrets/{secret}/update?version=1", {"Name": "key"}),
        ("DELETE", "/secrets/{id}", f"/secrets/{secret}", None),
        ("GET", "/configs", "/configs", None),
        ("GET", "/configs/{id}", f"/configs/{config}", None),
        ("POST", "/configs/create", "/configs/create", {"Name": "two", "Data": "YWJj"}),
        ("POST", "/configs/{id}/update", f"/configs/{config}/update?version=1", {"Name": "other"}),
        ("DELETE", "/configs/{id}", f"/configs/{config}", None),
        ("DELETE", "/configs/{id}", "/configs/none", None),
    ]
    for method, path, called, body in calls:
        status, answer = await api.call(method, called, body)
        assert api_contract.faults_of_answer(method, path, status, answer) == [], (method, called)
