"""The same command lines of a cluster, by the real docker CLI and by ours: the same output, the same requests.

Both speak with the same answers (tests/support/fake_swarm.py). "docker" in a text is "shoal" in ours.
"""

import difflib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_engine import Answer
from tests.support.fake_swarm import SELF, FakeSwarm, swarm

pytestmark = pytest.mark.skipif(shutil.which("docker") is None, reason="the docker CLI is not installed")

SHOAL = [sys.executable, "-m", "shoal.cli"]

#: lists, inspections, and what changes say
SAME_OUTPUT = """
node ls
node ls -q
node ls --format '{{.ID}} {{.Hostname}} {{.Self}} {{.TLSStatus}} {{.ManagerStatus}} {{.EngineVersion}}'
node ls --format 'table {{.Hostname}}\\t{{.TLSStatus}}\\t{{.Availability}}'
node inspect self --pretty
node inspect host-10 host-2 --pretty
node inspect host-2 nope
node inspect self -f '{{.Description.Hostname}} {{.Spec.Role}}'
node inspect nope
node ps
node ps -q host-2
node ps nope
node update --availability drain --label-add a=b --label-rm zone host-2
node update --label-rm nope host-2
node update --availability x nope
node promote host-10 host-2
node demote pop-os host-10 nope
node rm -f host-2 nope
service ls
service ls -q
service ls --format 'table {{.Name}}\\t{{.Replicas}}\\t{{.Ports}}'
service ls -f mode=global
service ps web
service ps web --no-trunc
service ps web agent --no-resolve
service ps web -q
service ps web --format '{{.ID}} {{.Name}} {{.Node}} {{.CurrentState}} {{.Error}}'
service ps web --format 'table {{.Name}}\\t{{.Error}}'
service ps -f desired-state=running web
service ps nope web
service ps nope
service inspect web --pretty
service inspect job-9 job-10 agent --pretty
service inspect nope web -f '{{.ID}}'
service inspect -f json --pretty web
service logs web
service logs nope
service rm web nope
service scale -d web=5 job-10=3
service scale web=x
service scale agent=3
service scale -d nope=1
service rollback -d web
service rollback -d nope
service create -d nope
service create -d --replicas 3 --mode global img
service create -d --mode x img
service create -d --max-concurrent 2 img
service create -d --mode replicated-job --update-delay 3s img
service create -d --mode global --replicas-max-per-node 3 img
service create -d --no-resolve-image --secret nope img
service create -d --no-resolve-image --config nope img
service create -d --no-resolve-image --secret password-9 --secret source=password-10,target=password-9 img
service create -d --health-cmd x --no-healthcheck img
service update -d --rollback --image x web
service update -d --replicas 3 agent
service update -d --secret-add nope agent
service update -d --health-cmd x --no-healthcheck web
service update -d nope
secret ls
secret ls -q
secret ls --format '{{.ID}} {{.Name}} {{.Label "a"}} {{.Labels}} {{.CreatedAt}}'
secret inspect --pretty password-9 password-10
secret inspect nope password-9
secret create s -
secret create s /nonexistent
secret create s
secret rm password-9 nope
config ls
config ls -q
config inspect --pretty app-9
config inspect app-10 -f '{{.Spec.Name}}'
config create c -
config rm nope app-9
swarm init
swarm init --autolock --advertise-addr 1.2.3.4
swarm init --availability x
swarm join --token SWMTKN-1-a-b 1.2.3.4:2377
swarm join-token worker
swarm join-token -q manager
swarm join-token --rotate worker
swarm join-token --rotate -q manager
swarm join-token nope
swarm leave
swarm update --task-history-limit 3
swarm update --autolock
swarm ca
swarm ca --rotate -d
swarm ca --cert-expiry 50h
swarm unlock
swarm unlock-key
swarm unlock-key -q
swarm unlock-key --rotate
"""

#: command lines that are wrong: the first line of what is said, and the exit status
SAME_REFUSAL = """
service create
service create -p 80:x img
service create -p target=a img
service create -p published=1 img
service create -p mode=x,target=1 img
service create -p nope=1 img
service create -p published=5000-5001,target=6000-6001 img
service create --replicas -1 img
service create --secret source=a,b img
service create --secret target=a img
service create --placement-pref x=y img
service create --placement-pref xy img
service create --generic-resource g img
service create --limit-cpu x img
service create --limit-memory x img
service create --host x img
service create --dns x img
service create --ulimit x img
service create --network a=b img
service create --network name=x,y img
service create --nope img
service update
service update --publish-rm x web
service scale
service scale web
service ls -f x
node ls x
node ps -f x
config create c
swarm join
swarm join-token
"""

SAME_REQUESTS = """
service create -d --name web -p 8080:8080 --replicas 3 --no-resolve-image je12emy/gsd:first_container
service create -d --no-resolve-image --mode global -e A=1 -e HOME --limit-cpu 1.5 --reserve-memory 50m img c1 -x c2
service create -d --no-resolve-image --constraint node.role==manager --placement-pref spread=node.labels.dc img
service create -d --no-resolve-image --health-cmd 'x y' --health-interval 1s --health-retries 3 img
service create -d --no-resolve-image --host a:1.2.3.4 --dns 8.8.8.8 --dns-search lan --dns-option ndots:1 img
service create -d --no-resolve-image --stop-grace-period 3s --stop-signal INT --label a=b --container-label c=d img
service create -d --no-resolve-image -u 1:2 -w /x -t --read-only --init --cap-add net_admin --sysctl a=b img
service create -d --no-resolve-image --ulimit nofile=1:2 --log-driver json-file --log-opt a=b --endpoint-mode dnsrr img
service create -d --no-resolve-image --hostname '{{.Node.Hostname}}' --entrypoint 'a "b c"' --group 5 img
service create -d --no-resolve-image -p published=80,target=90,mode=host,protocol=udp -p 5000-5002:6000-6002 img
service create -d --no-resolve-image -p 53/udp --mode replicated-job --max-concurrent 2 --replicas 5 img
service create -d --no-resolve-image --no-healthcheck img
service create -d --no-resolve-image --mode replicated-job img
service create -d --no-resolve-image --mode global-job img
service create -d --no-resolve-image --mount type=volume,source=v,target=/v --mount type=bind,src=/a,dst=/b,ro img
service create -d --no-resolve-image --mount type=tmpfs,dst=/t,tmpfs-size=1m --generic-resource g=2 img
service create -d --no-resolve-image --oom-score-adj 5 --isolation default --replicas-max-per-node 3 --limit-pids 4 img
service create -d --no-resolve-image --rollback-order start-first --update-parallelism 0 --update-delay 2s img
service create -d --no-resolve-image --update-failure-action rollback --update-max-failure-ratio 0.3 img
service create -d --no-resolve-image --secret password-9 --secret source=password-10,target=x,mode=0400,uid=5 img
service create -d --no-resolve-image --config app-9 --config source=app-10,target=/x img
service create -d --no-resolve-image --cap-add ALL --cap-drop chown --cap-add chown img
service update -d --image new:1 --no-resolve-image web
service update -d --args 'a b' --env-add A=2 --env-add C=3 --env-rm B --label-add x=y --label-rm b web
service update -d --container-label-add z --container-label-rm a web
service update -d --constraint-add node.role==worker --constraint-rm node.labels.zone==a web
service update -d --placement-pref-add spread=node.labels.x --placement-pref-rm spread=node.labels.zone web
service update -d --publish-add 9090:90 --publish-rm 8080 web
service update -d --publish-rm 9999 web
service update -d --mount-add type=volume,source=n,target=/n --mount-rm /data web
service update -d --network-rm shop_net web
service update -d --network-add shop_net agent
service update -d --force --replicas 7 --limit-memory 0 --limit-cpu 0 --reserve-memory 1g web
service update -d --rollback web
service update -d --dns-add 1.1.1.1 --dns-rm 8.8.8.8 --dns-search-rm lan --host-add h:1.1.1.1 --host-rm db:1.2.3.4 web
service update -d --group-add 7 --ulimit-add nproc=3 --ulimit-rm nofile --sysctl-add a=b web
service update -d --sysctl-rm net.core.somaxconn --cap-add CHOWN --cap-drop NET_ADMIN web
service update -d --no-healthcheck web
service update -d --health-interval 5s web
service update -d --restart-condition none --restart-delay 1s --restart-max-attempts 9 --restart-window 2s web
service update -d --update-parallelism 0 --rollback-parallelism 0 --stop-grace-period 9s --user x --workdir /y web
service update -d --tty=false --read-only=false --init=false --entrypoint 'a "b c"' --endpoint-mode dnsrr web
service update -d --log-driver none --replicas-max-per-node 0 --oom-score-adj 3 --limit-pids 0 web
service update -d --update-order start-first agent
service update -d --with-registry-auth agent
service update -d --env-rm NOPE --mount-rm /nope --label-rm nope --secret-rm nope agent
service update -d --secret-add source=password-9,target=pw --secret-rm password web
service update -d --config-add app-9 --config-rm app web
service scale -d web=5
service rollback -d web
node update --availability drain --label-add a=b --label-add c --label-rm zone host-2
node promote host-10
secret create -l a=b --template-driver golang s -
config create -l a=b c -
swarm init --availability drain --cert-expiry 48h --data-path-addr eth0 --data-path-port 4790 --force-new-cluster
swarm init --listen-addr 1.2.3.4 --task-history-limit 3 --dispatcher-heartbeat 2s --default-addr-pool 10.1.0.0/16
swarm init --listen-addr :2378 --autolock --default-addr-pool-mask-length 26
swarm join --token T --listen-addr 0.0.0.0:2378 --advertise-addr eth0 --availability pause 1.2.3.4:2377
swarm update --autolock=false --task-history-limit 7 --cert-expiry 720h --dispatcher-heartbeat 3s
swarm join-token --rotate worker
swarm ca --rotate -d --cert-expiry 50h
swarm leave -f
network create -d overlay --attachable --subnet 10.9.0.0/16 --internal --label a=b net
network create -d overlay --ingress --opt encrypted ingress2
"""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FakeSwarm]:
    with FakeSwarm(tmp_path) as engine:
        yield engine


def lines_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def run(engine: FakeSwarm, program: list[str], line: str) -> subprocess.CompletedProcess[str]:
    engine.asked.clear()
    env = {**os.environ, "DOCKER_HOST": engine.host, "SHOAL_HOST": engine.host, "HOME": "/home/ann"}
    env["DOCKER_CONFIG"] = str(engine.path.parent / "config")
    return subprocess.run(
        [*program, *shlex.split(line)], env=env, capture_output=True, text=True, input="data\n", timeout=60, check=False
    )


def as_ours(text: str) -> str:
    return re.sub(r"(?<!com\.)docker", "shoal", text.replace("docker: ", "")).replace("shoal: ", "")


@pytest.mark.parametrize("line", lines_of(SAME_OUTPUT))
def test_the_same_is_printed(line: str, engine: FakeSwarm) -> None:
    theirs, ours = run(engine, ["docker"], line), run(engine, SHOAL, line)
    assert as_ours(theirs.stdout).splitlines() == ours.stdout.splitlines()
    assert as_ours(theirs.stderr).splitlines() == as_ours(ours.stderr).splitlines()
    assert theirs.returncode == ours.returncode
    assert theirs.stdout or theirs.stderr or "ca --rotate" in line


@pytest.mark.parametrize("noun", ["node ls", "service ls", "service ps web", "secret ls", "config ls", "node ps"])
def test_the_same_fields_are_there_as_json(noun: str, engine: FakeSwarm) -> None:
    theirs, ours = (run(engine, program, f"{noun} --format json") for program in (["docker"], SHOAL))
    assert [json.loads(one) for one in theirs.stdout.splitlines()] == [
        json.loads(one) for one in ours.stdout.splitlines()
    ]


@pytest.mark.parametrize("noun", ["node inspect self host-10", "service inspect web job-9", "config inspect app-9"])
def test_the_same_objects_are_inspected(noun: str, engine: FakeSwarm) -> None:
    theirs, ours = (run(engine, program, noun) for program in (["docker"], SHOAL))
    assert without_empty(json.loads(theirs.stdout)) == without_empty(json.loads(ours.stdout))


@pytest.mark.parametrize("line", lines_of(SAME_REFUSAL))
def test_the_same_is_refused(line: str, engine: FakeSwarm) -> None:
    theirs, ours = run(engine, ["docker"], line), run(engine, SHOAL, line)
    assert theirs.returncode == ours.returncode != 0
    said = [as_ours(one.stderr).splitlines()[0] for one in (theirs, ours)]
    assert difflib.SequenceMatcher(None, *said).ratio() == 1.0 or said[1].startswith(said[0]), said


@pytest.mark.parametrize("line", lines_of(SAME_REQUESTS))
def test_the_same_changes_are_asked_for(line: str, engine: FakeSwarm) -> None:
    theirs, ours = (changes(engine, program, line) for program in (["docker"], SHOAL))
    assert theirs == ours
    assert len(theirs) == 1


def changes(engine: FakeSwarm, program: list[str], line: str) -> list[Any]:
    """The requests that change something."""
    run(engine, program, line)
    asked = [one for one in engine.asked if one.method not in ("GET", "HEAD")]
    return [[one.method, one.path, told_query(one.query), told_body(one.body)] for one in asked]


def told_query(query: dict[str, list[str]]) -> dict[str, Any]:
    as_bits = {"true": "1", "false": "0"}
    found = {key: [as_bits.get(value, value) for value in values] for key, values in query.items()}
    return {key: values for key, values in found.items() if values != ["0"]}


def told_body(data: bytes) -> Any:
    """What a body says: lists that are sets are sorted, and what docker sends as its own default is left out."""
    body = without_empty(json.loads(data)) if data else {}
    task = body.get("TaskTemplate", {})
    container = task.get("ContainerSpec", {})
    for key in ("Env", "Mounts", "Groups", "Hosts", "Ulimits", "Secrets", "Configs", "CapabilityAdd", "CapabilityDrop"):
        if key in container:
            container[key] = sorted(container[key], key=str)
    if "Ports" in body.get("EndpointSpec", {}):
        body["EndpointSpec"]["Ports"].sort(key=str)
    for network in task.get("Networks", []):
        network["Target"] = network["Target"].replace("shop_net", "net5c3d4e5f6g7h8i9j0k1l2m")
    if "SubnetSize" in body and body["SubnetSize"] == 24:
        del body["SubnetSize"]
    return body


def without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, "", {}, [], 0, False)}
    return [without_empty(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("state", ["manager", "worker", "inactive", "error"])
def test_info_says_the_same_of_the_cluster(state: str, engine: FakeSwarm) -> None:
    managers = [{"NodeID": SELF, "Addr": "192.168.1.108:2377"}, {"NodeID": SELF, "Addr": "192.168.1.109:2377"}]
    part = {"NodeID": SELF, "NodeAddr": "192.168.1.108", "LocalNodeState": "active", "RemoteManagers": managers}
    cluster = {**swarm(), "DefaultAddrPool": ["10.0.0.0/8"], "SubnetSize": 16, "DataPathPort": 4789}
    found = {
        "manager": {**part, "ControlAvailable": True, "Managers": 2, "Nodes": 5, "Cluster": cluster},
        "worker": {**part, "ControlAvailable": False},
        "inactive": {"LocalNodeState": "inactive"},
        "error": {**part, "LocalNodeState": "error", "Error": "certificates have expired"},
    }
    engine.answers["GET /info"] = Answer(body={"ID": "e", "Swarm": found[state]})
    told = []
    for program in (["docker"], SHOAL):
        lines = run(engine, program, "info").stdout.splitlines()
        start = next(number for number, line in enumerate(lines) if line.startswith(" Swarm:"))
        end = next(n for n in range(start + 1, len(lines) + 1) if n == len(lines) or not lines[n].startswith("  "))
        told.append(lines[start:end])
    assert told[0] == told[1]


def test_a_rotation_of_the_ca_is_waited_for(engine: FakeSwarm) -> None:
    old, new = swarm(), {**swarm(), "TLSInfo": {"TrustRoot": "new root\n"}}
    under_way = [old, old, {**new, "RootRotationInProgress": True}, new]
    looks = iter(under_way)
    engine.answers["GET /swarm"] = lambda asked: Answer(body=next(looks, new))
    done = run(engine, SHOAL, "swarm ca --rotate")
    assert (done.returncode, done.stdout) == (0, "new root\n")
    assert done.stderr == "rotated CA certificates: 0/3 nodes\n"
    assert next(looks, None) is None, "looked at until it was over"
