"""Bad input to a cluster: docker's message and exit status, and nothing of it left behind."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine import EngineProcess, engine_with_busybox, wait_for
from tests.support.ports import free_port

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: real namespaces, mounts and networks")

SAID = "Error response from daemon: rpc error: code = "
NAME = "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]"

#: command -> (exit status, what it says)
REFUSED = {
    # what is not there
    "node inspect nope": (1, "Error response from daemon: node nope not found"),
    "node update --availability drain nope": (1, "Error response from daemon: node nope not found"),
    "node ps nope": (1, "Error response from daemon: node nope not found"),
    "node rm nope": (1, "Error response from daemon: node nope not found"),
    "service inspect nope": (1, "Error: no such service: nope"),
    "service ps nope": (1, "no such service: nope"),
    "service rm nope": (1, "Error response from daemon: service nope not found"),
    "service update --replicas 2 nope": (1, "Error response from daemon: service nope not found"),
    "service scale nope=2": (1, "nope: Error response from daemon: service nope not found"),
    "service rollback nope": (1, "Error response from daemon: service nope not found"),
    "service rollback web": (1, f"{SAID}FailedPrecondition desc = service web does not have a previous spec"),
    "service logs nope": (1, "no such task or service: nope"),
    "secret rm nope": (1, "Error response from daemon: secret nope not found"),
    "config inspect nope": (1, "Error response from daemon: config nope not found"),
    "network inspect nope": (1, "Error response from daemon: network nope not found"),
    "service create --network nope busybox": (1, "network nope not found"),
    "service create --secret nope busybox": (1, "secret not found: nope"),
    "service create --config nope busybox": (1, "config not found: nope"),
    "stack ps nope": (1, "nothing found in stack: nope"),
    "stack deploy -c /nope x": (1, "open /nope: no such file or directory"),
    # names
    "service create --name a/b busybox": (1, "name must be valid as a DNS name component"),
    f"service create --name {'a' * 64} busybox": (1, "name must be 63 characters or fewer"),
    "service create --name web busybox": (1, f"{SAID}AlreadyExists desc = name conflicts with an existing object: "),
    "service create UPPER": (1, 'ContainerSpec: "UPPER" is not a valid repository/tag'),
    "secret create a/b FILE": (1, f"{SAID}InvalidArgument desc = {NAME}"),
    f"config create {'a' * 65} FILE": (1, f"{SAID}InvalidArgument desc = {NAME}"),
    "secret create tok FILE": (1, f"{SAID}AlreadyExists desc = secret tok already exists"),
    "network create -d overlay back": (1, "Error response from daemon: network with name back already exists"),
    # numbers, times, words
    "service create --replicas -1 busybox": (125, 'strconv.ParseUint: parsing "-1": invalid syntax'),
    "service scale web=-1": (1, 'web: invalid replicas value -1: strconv.ParseUint: parsing "-1": invalid syntax'),
    "service create --mode nope busybox": (1, "Unknown mode: nope, only replicated and global supported"),
    "service create --mode global --replicas 3 busybox": (1, "replicas can only be used with replicated or"),
    "service scale glob=3": (1, "glob: scale can only be used with replicated or replicated-job mode"),
    "service create --max-concurrent 2 busybox": (1, "max-concurrent can only be used with replicated-job mode"),
    "service create --restart-delay x busybox": (125, 'time: invalid duration "x"'),
    "service create --restart-delay -1s busybox": (1, "TaskSpec: restart-delay cannot be negative"),
    "service create --restart-condition x busybox": (1, "RestartPolicy.Condition: expected one of none, on-failure,"),
    "service create --restart-window -1s busybox": (1, "TaskSpec: restart-window cannot be negative"),
    "service create --update-delay -1s busybox": (1, "TaskSpec: update-delay cannot be negative"),
    "service create --update-monitor -1s busybox": (1, "TaskSpec: update-monitor cannot be negative"),
    "service create --update-order x busybox": (
        1,
        'UpdateConfig.Order: expected one of stop-first, start-first, got "x"',
    ),
    "service create --update-failure-action x busybox": (1, "UpdateConfig.FailureAction: expected one of pause,"),
    "service create --update-max-failure-ratio 2 busybox": (
        1,
        "update-maxfailureratio cannot be less than 0 or bigger",
    ),
    "service create --rollback-failure-action rollback busybox": (1, "RollbackConfig.FailureAction: expected one of"),
    "service create --stop-grace-period x busybox": (125, 'time: invalid duration "x"'),
    "service create --stop-signal NOPE busybox": (1, "invalid signal: NOPE"),
    "service create --health-interval 1us busybox": (1, "Interval in Healthcheck cannot be less than 1ms"),
    "service create --health-cmd x --no-healthcheck busybox": (1, "--no-healthcheck conflicts with --health-* options"),
    "service create --reserve-memory 1k busybox": (1, "invalid memory value 1024: Must be at least 4MiB"),
    "service create --limit-cpu 0.00001 busybox": (1, "Must be at least 0.001"),
    "service create --reserve-cpu x busybox": (125, "failed to parse x as a rational number"),
    "service create --cap-add NOPE busybox": (1, 'invalid CapAdd: unknown capability: "CAP_NOPE"'),
    "service create --dns nope busybox": (125, "IP address is not correctly formatted: nope"),
    "service create --env =x busybox": (125, "invalid environment variable: =x"),
    "service create --schedule x busybox": (1, "invalid cron expression 'x'"),
    "service create --nope busybox": (125, "unknown flag: --nope"),
    "service create": (1, "'shoal service create' requires at least 1 argument"),
    "secret create": (1, "'shoal secret create' requires at least 1 and at most 2 arguments"),
    "node update --availability nope self": (
        1,
        'invalid availability "nope", only active, pause and drain are supported',
    ),
    "swarm update --cert-expiry 1m": (1, "minimum certificate expiry time is 1h0m0s"),
    "swarm join-token nope": (1, "unknown role nope"),
    # where tasks run
    "service create --constraint nope busybox": (1, "constraint expected one operator from ==, !="),
    "service create --constraint node.role=x busybox": (1, "constraint expected one operator from ==, !="),
    "service create --constraint a==b==c busybox": (1, "key 'a' is invalid"),
    "service create --placement-pref nope=x busybox": (125, "unsupported placement preference nope"),
    # ports, mounts, networks
    "service create -p 99999:80 busybox": (125, "invalid hostPort: 99999"),
    "service create -p 8080:80 -p 8080:81 busybox": (1, "EndpointSpec: duplicate published ports provided"),
    "service create -p PORT:80 busybox": (1, "port 'PORT' is already in use by service 'web' ("),
    "service create --endpoint-mode dnsrr -p 8080:80 busybox": (1, "ingress mode can't be used with dnsrr mode"),
    "service create --endpoint-mode nope busybox": (1, 'EndpointSpec.Mode: expected one of vip, dnsrr, got "nope"'),
    "service create --mount type=volume busybox": (125, "target is required"),
    "service create --mount target=/x --mount target=/x busybox": (1, "duplicate mount target"),
    "service update --mount-add target=/x --mount-add target=/x web": (1, "duplicate mount target"),
    "service create --mount target=rel busybox": (1, "invalid mount path: 'rel' mount path must be absolute"),
    "service create --network back --network back busybox": (1, "network back is there 2 times"),
    "service create --network ingress busybox": (1, "Service cannot be explicitly attached to the ingress network"),
    # what is in use
    "secret rm tok": (1, f"{SAID}InvalidArgument desc = secret 'tok' is in use by the following service: web"),
    "config rm conf": (1, f"{SAID}InvalidArgument desc = config 'conf' is in use by the following service: web"),
    "network rm back": (1, "is in use by service "),
    # sizes
    "secret create no /dev/null": (1, "error reading from /dev/null: data is empty"),
    "config create no /dev/null": (1, 'Error reading content from "/dev/null": error reading from /dev/null: data is'),
    "secret create big BIG_SECRET": (1, "secret data must be larger than 0 and less than 512000 bytes"),
    "config create big BIG_CONFIG": (1, "config data must be larger than -1 and less than 1000KB"),
    "stack deploy -c BIG_FILE x": (1, "10"),
    # the cluster itself
    "swarm init": (1, "Error response from daemon: This node is already part of a swarm."),
    "swarm join --token x 127.0.0.1:1": (1, "Error response from daemon: This node is already part of a swarm."),
    "swarm leave": (1, "Removing the last manager erases all current state of the swarm. Use `--force`"),
    "node rm self": (1, "is a cluster manager and is a member of the raft cluster. It must be demoted"),
    "node demote NODE": (1, f"{SAID}FailedPrecondition desc = attempting to demote the last manager of the swarm"),
}


class Stage:
    """A manager with the services web and glob, a secret, a config and a network; files by their word."""

    def __init__(self, engine: EngineProcess, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.words = {"PORT": str(free_port()), "NODE": ""}

    def make(self) -> None:
        for word, size in (("BIG_SECRET", 512_001), ("BIG_CONFIG", 1_024_001), ("FILE", 5), ("BIG_FILE", 10 << 20)):
            path = self.folder / word.lower()
            path.write_bytes(b"services: {}\n#" + b"x" * size)
            self.words[word] = str(path)
        shoal = self.engine.shoal
        address = f"127.0.0.1:{free_port()}"
        shoal("swarm", "init", "--listen-addr", address, "--advertise-addr", address)
        self.words["NODE"] = shoal("node", "ls", "-q").stdout.strip()
        shoal("secret", "create", "tok", self.words["FILE"])
        shoal("config", "create", "conf", self.words["FILE"])
        shoal("network", "create", "-d", "overlay", "back")
        uses = ("--network", "back", "--secret", "tok", "--config", "conf", "-p", f"{self.words['PORT']}:80")
        self.create("web", *uses)
        self.create("glob", "--mode", "global")

    def create(self, name: str, *flags: str, image: str = "busybox", command: str = "sleep 10000") -> None:
        shown = ("-d", "-q", "--no-resolve-image", "--stop-grace-period", "1s", "--name", name)
        self.engine.shoal("service", "create", *shown, *flags, image, *command.split())

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        return self.engine.shoal(*[self.filled(word) for word in line.split()], check=False)

    def filled(self, text: str) -> str:
        for word, value in self.words.items():
            text = value if text == word else text.replace("PORT", self.words["PORT"]) if word == "PORT" else text
        return text

    def things(self) -> dict[str, list[str]]:
        """Everything that commands could have left."""
        found = {
            noun: self.engine.shoal(noun, "ls", "-q").stdout.split() for noun in ("service", "secret", "config", "node")
        }
        found["network"] = self.engine.shoal("network", "ls", "-q", "--no-trunc").stdout.split()
        found["volume"] = self.engine.shoal("volume", "ls", "-q").stdout.split()
        return found

    def ps(self, service: str, *columns: str) -> str:
        template = " | ".join(f"{{{{.{column}}}}}" for column in columns)
        return self.engine.shoal("service", "ps", "--no-trunc", "--format", template, service).stdout


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with engine_with_busybox() as engine:
        stage = Stage(engine, tmp_path_factory.mktemp("bad"))
        stage.make()
        try:
            yield stage
        finally:
            engine.shoal("swarm", "leave", "--force", check=False)


@pytest.fixture(scope="module")
def before(stage: Stage) -> dict[str, list[str]]:
    return stage.things()


@pytest.mark.parametrize("line", REFUSED)
def test_is_refused(stage: Stage, before: dict[str, list[str]], line: str) -> None:
    status, message = REFUSED[line]
    done = stage.run(line)
    assert stage.filled(message) in done.stderr
    assert done.returncode == status, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr


def test_nothing_of_all_that_is_left(stage: Stage, before: dict[str, list[str]]) -> None:
    assert stage.things() == before


def test_a_stack_with_a_secret_that_is_not_defined_changes_nothing(stage: Stage, before: dict[str, list[str]]) -> None:
    path = stage.folder / "compose.yaml"
    path.write_text("services:\n  a:\n    image: busybox\n    secrets: [s]\n")
    done = stage.run(f"stack deploy -c {path} x")
    assert (done.returncode, done.stdout) == (1, "")
    assert 'compose.yaml:4:15: service "a" refers to undefined secret s' in done.stderr
    assert stage.things() == before


def test_the_ingress_network_goes_after_a_yes_only(stage: Stage, before: dict[str, list[str]]) -> None:
    done = stage.engine.shoal("network", "rm", "ingress", input="n\n")
    assert "WARNING! Before removing the routing-mesh network" in done.stdout
    assert stage.things() == before


def test_a_token_of_another_cluster_is_refused(stage: Stage) -> None:
    with EngineProcess() as other:
        address = stage.engine.shoal("node", "inspect", "-f", "{{.ManagerStatus.Addr}}", "self").stdout.strip()
        token = stage.engine.shoal("swarm", "join-token", "-q", "worker").stdout.strip()
        listen = ("--listen-addr", f"127.0.0.1:{free_port()}", "--advertise-addr", "127.0.0.1")
        head, digest, secret = token.rsplit("-", 2)
        for wrong in (f"{head}-{'0' * len(digest)}-{secret}", f"{head}-{digest}-{'0' * len(secret)}", "nonsense"):
            done = other.shoal("swarm", "join", *listen, "--token", wrong, address, check=False)
            assert done.returncode == 1
            assert done.stderr.startswith("Error response from daemon: "), done.stderr
            assert "Traceback" not in done.stderr
        assert other.shoal("info", "-f", "{{.Swarm.LocalNodeState}}").stdout == "inactive\n"
    assert len(stage.things()["node"]) == 1


def test_a_version_that_is_not_the_last_is_out_of_sequence(stage: Stage) -> None:
    service = stage.engine.call("GET", "/services/web")[1]
    path = f"/services/{service['ID']}/update?version={service['Version']['Index'] - 1}"
    status, answer = stage.engine.call("POST", path, service["Spec"])
    assert "update out of sequence" in answer["message"]
    assert status in (400, 409, 500)
    assert stage.engine.call("GET", "/services/web")[1]["Version"] == service["Version"]


def test_networks_that_every_node_has_are_networks_of_services(stage: Stage) -> None:
    for name in ("bridge", "host"):
        assert stage.engine.call("GET", f"/networks/{name}?scope=swarm")[1]["Name"] == name
    assert stage.engine.call("GET", "/networks/nope?scope=swarm")[0] == 404


def test_two_mounts_at_one_place_are_refused_by_the_engine(stage: Stage) -> None:
    mounts = [{"Type": "volume", "Source": name, "Target": "/x"} for name in ("aa", "bb")]
    spec = {"Name": "twice", "TaskTemplate": {"ContainerSpec": {"Image": "busybox", "Mounts": mounts}}}
    status, answer = stage.engine.call("POST", "/services/create", spec)
    assert (status, answer["message"]) == (400, "ContainerSpec: duplicate mount point: /x")


def test_a_constraint_that_no_node_meets_makes_the_service_wait(stage: Stage) -> None:
    stage.create("lonely", "--constraint", "node.labels.moon==full")
    why = "no suitable node (scheduling constraints not satisfied on 1 node)"
    wait_for("the reason", lambda: why in stage.ps("lonely", "CurrentState", "Error"))
    assert stage.ps("lonely", "CurrentState").startswith("Pending")
    stage.engine.shoal("service", "rm", "lonely")


def test_an_image_that_cannot_be_had_says_so_and_is_not_tried_all_the_time(stage: Stage) -> None:
    stage.create("nowhere", image="localhost:1/nowhere:1")
    wait_for("it is rejected", lambda: "Rejected" in stage.ps("nowhere", "CurrentState", "Error"))
    assert "localhost:1/nowhere:1" in stage.ps("nowhere", "Image", "Error")

    def starts() -> list[int]:
        return sorted(
            task["CreatedAt"] for task in stage.engine.call("GET", '/tasks?filters={"service":["nowhere"]}')[1]
        )

    wait_for("it was tried four times", lambda: len(starts()) >= 4)
    assert len(starts()) <= 6
    stage.engine.shoal("service", "rm", "nowhere")


@pytest.mark.parametrize(("action", "state"), [("pause", "paused"), ("rollback", "rollback_completed")])
def test_an_update_to_an_image_that_crashes(stage: Stage, action: str, state: str) -> None:
    name = f"crash-{action}"
    flags = ("--update-monitor", "1s", "--rollback-monitor", "100ms", "--update-failure-action", action)
    stage.create(name, *flags)
    wait_for("it runs", lambda: "Running" in stage.ps(name, "CurrentState"))
    stage.engine.shoal("service", "update", "-d", "-q", "--args", "false", name)

    def is_over() -> bool:
        service = stage.engine.call("GET", f"/services/{name}")[1]
        return bool(service.get("UpdateStatus", {}).get("State") == state)

    wait_for(f"the update is {state}", is_over, 20)
    args = stage.engine.call("GET", f"/services/{name}")[1]["Spec"]["TaskTemplate"]["ContainerSpec"]["Args"]
    assert args == (["false"] if action == "pause" else ["sleep", "10000"])
    stage.engine.shoal("service", "rm", name)


def test_a_drained_node_stops_what_no_other_can_take(stage: Stage) -> None:
    stage.create("moved")
    wait_for("it runs", lambda: "Running" in stage.ps("moved", "CurrentState"))
    stage.engine.shoal("node", "update", "--availability", "drain", "self")

    def waits() -> bool:
        rows = stage.ps("moved", "CurrentState", "Error")
        return "Shutdown" in rows and "no suitable node" in rows

    try:
        wait_for("the task has ended, the next one waits", waits)
    finally:
        stage.engine.shoal("node", "update", "--availability", "active", "self")
    wait_for("it runs again", lambda: stage.ps("moved", "CurrentState").startswith("Running"))
    stage.engine.shoal("service", "rm", "moved")
