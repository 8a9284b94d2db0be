"""Command lines about a cluster, given to shoal and to the docker CLI on the same manager: they must say the same.

As `test_same_as_docker`. What differs on purpose: JSON has no `\\u003e` for `>`;
the first task of a replicated job is `job.1`, as its container is, and not `job.NODE`.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_same_as_docker import said
from tests.support.engine import EngineProcess, engine_with_busybox, wait_for
from tests.support.ports import free_port

pytestmark = pytest.mark.skipif(shutil.which("docker") is None, reason="the docker CLI is not installed here")

ALIKE = """
service ls
service ls -q
service ls --format {{.ID}}|{{.Name}}|{{.Mode}}|{{.Replicas}}|{{.Image}}|{{.Ports}}
service ls --filter name=web
service ls --filter mode=global --format json
service ls --filter mode=x
service ls --filter label=l=1
service ls --filter nope=x
service ps web
service ps web glob
service ps -q web
service ps --no-trunc web
service ps --no-resolve web
service ps --filter desired-state=running web
service ps --filter desired-state=nope web
service ps --filter nope=x web
service ps --filter name=web.1 web
service ps --filter node=self web
service ps --format {{.ID}}|{{.Name}}|{{.Image}}|{{.Node}}|{{.DesiredState}}|{{.Error}}|{{.Ports}} web
service ps --format json web
service ps --no-trunc wait
service ps job
service ps web nope
service ps nope
service inspect --pretty web
service inspect --pretty glob
service inspect --pretty job
service inspect --pretty -f x web
service inspect -f {{.Spec.Name}}|{{json|.Endpoint}}|{{.Version.Index}} web
service inspect nope
service logs --raw job
service logs nope
service scale glob=3
service scale nope=2
service scale web=-1
service update --replicas 3 glob
service update --network-add nope web
service rollback job
service rm nope
service create --mode global --replicas 3 busybox
service create --name web busybox
service create -d --no-resolve-image --name p -p PORT:80 busybox
node ls
node ls -q
node ls --format {{.ID}}|{{.Self}}|{{.Hostname}}|{{.Status}}|{{.Availability}}|{{.ManagerStatus}}|{{.TLSStatus}}
node ls --format json
node ls --filter role=worker
node ls --filter role=nope
node ls --filter nope=1
node inspect self
node inspect --pretty self
node inspect -f {{.Status.Addr}}|{{.ManagerStatus.Addr}}|{{json|.Spec}} self
node inspect nope
node ps
node ps self
node ps --format {{.Name}}|{{.Node}}
node ps nope
node rm nope
node update --availability drain nope
node demote nope
secret ls
secret ls -q
secret ls --format {{.ID}}|{{.Name}}|{{.Labels}}|{{.Driver}}
secret ls --filter name=tok --format json
secret ls --filter nope=x
secret inspect tok
secret inspect --pretty tok
secret inspect tok nope
secret rm tok
secret rm nope
secret create tok /etc/hostname
config ls
config inspect conf
config inspect --pretty conf
config rm conf
config create conf /etc/hostname
network ls
network ls --filter scope=swarm
network ls --filter driver=overlay --format json
network inspect onet
network inspect ingress
network inspect -v onet
network rm ingress
network create -d overlay onet
stack ls
stack ls --format {{.Name}}|{{.Services}}
stack ls --format json
stack ps st
stack ps -q st
stack ps --no-trunc --format {{.ID}}|{{.Name}}|{{.Image}}|{{.DesiredState}} st
stack ps --filter desired-state=running st
stack ps nope
stack services st
stack services -q st
stack services --filter name=st_a --format {{.Name}}|{{.Replicas}} st
stack services nope
stack rm nope
swarm init
swarm join-token worker
swarm join-token -q manager
swarm join-token nope
swarm unlock-key
swarm unlock
swarm ca
info -f {{json|.Swarm}}
inspect tok
inspect conf
inspect --type node self
inspect --type secret tok
inspect --type task nope
ps --filter label=com.docker.swarm.service.name=web --format {{.Names}}|{{.Image}}|{{.Command}}
events --since 1h --until 0s --filter type=service
events --since 1h --until 0s --filter type=node
events --since 1h --until 0s --filter type=secret
events --since 1h --until 0s --filter type=config
events --since 1h --until 0s --filter type=network --filter scope=swarm
node --help
secret --help
config --help
""".strip().splitlines()

STACK = "services:\n  a:\n    image: busybox\n    command: sleep 10000\n    deploy: {replicas: 2}\n"


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[EngineProcess]:
    """A manager with services of each kind, one that fits nowhere, a stack, a secret, a config, a network."""
    folder: Path = tmp_path_factory.mktemp("stage")
    (folder / "stack.yaml").write_text(STACK)
    (folder / "value").write_text("value")
    with engine_with_busybox() as engine:
        address = f"127.0.0.1:{free_port()}"
        engine.shoal("swarm", "init", "--listen-addr", address, "--advertise-addr", address)
        for noun, name in (("secret", "tok"), ("config", "conf")):
            engine.shoal(noun, "create", "-l", "k=v", name, str(folder / "value"))
        engine.shoal("network", "create", "-d", "overlay", "--subnet", "10.44.0.0/24", "--label", "k=v", "onet")
        start(engine, port, folder)
        yield engine
        engine.shoal("swarm", "leave", "--force")


def start(engine: EngineProcess, port: int, folder: Path) -> None:
    words = """--replicas 2 --network onet --secret tok --config source=conf,target=/c,mode=0400,uid=1 -e A=b
    --label l=1 --container-label cl=1 --mount type=volume,source=vol,target=/v --limit-cpu .5
    --constraint node.role==manager --placement-pref spread=node.labels.x --limit-memory 64m --reserve-memory 8m
    --update-parallelism 2
    --update-delay 2s --health-cmd true --health-interval 5s --stop-grace-period 1s --user 1 --workdir /tmp
    --host a:1.2.3.4 --dns 1.1.1.1 --cap-add NET_ADMIN --ulimit nofile=100 --log-opt max-size=1m --hostname h"""
    create = ("service", "create", "-d", "-q", "--no-resolve-image", "--name")
    sleep = ("busybox", "sleep", "10000")
    engine.shoal(*create, "web", "-p", f"{port}:80", *words.split(), *sleep)
    engine.shoal(*create, "glob", "--mode", "global", *sleep)
    engine.shoal(*create, "job", "--mode", "global-job", "busybox", "echo", "out")
    engine.shoal(*create, "wait", "--constraint", "node.labels.x==y", *sleep)
    engine.shoal("stack", "deploy", "-d", "-c", str(folder / "stack.yaml"), "st")

    def settled() -> bool:
        rows = engine.shoal("service", "ls", "--format", "{{.Name}} {{.Replicas}}").stdout.split("\n")
        return {"web 2/2", "glob 1/1", "job 0/0 (1/1 completed)", "st_a 2/2", "wait 0/1"} <= set(rows)

    wait_for("all services are as they should be", settled, 30)


@pytest.mark.parametrize("line", ALIKE)
def test_shoal_and_docker_say_the_same(stage: EngineProcess, port: int, line: str) -> None:
    words = [word.replace("|", " ").replace("PORT", str(port)) for word in line.split()]
    for _ in range(3):  # "2 seconds ago" may pass between the two
        shoal, docker = stage.shoal(*words, check=False), stage.docker(*words, check=False)
        if said(shoal) == said(docker):
            break
    assert said(shoal) == said(docker)
