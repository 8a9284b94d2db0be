"""Prometheus, Grafana, Alertmanager, node_exporter and cAdvisor, as Compose and as a stack."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.apps import fetch
from tests.support.browser import keep
from tests.support.dashboards import Board, drawn_board
from tests.support.engine import EngineProcess, wait_for
from tests.support.examples import Example
from tests.support.prometheus import Prometheus, panel_queries
from tests.support.stand_ins import engine_with_stand_ins
from tests.support.swarm import OneNode

pytestmark = pytest.mark.heavy

NAME = "prometheus-stack"
IMAGES = (
    "prom/prometheus:v2.53.0",
    "prom/node-exporter:v1.8.2",
    "prom/alertmanager:v0.27.0",
    "gcr.io/cadvisor/cadvisor:v0.49.1",
    "grafana/grafana:11.2.0",
    "python:3.12-alpine",
    "busybox:latest",
)
DASHBOARD = "grafana/provisioning/dashboards/host-and-containers.json"
VARIABLES = {"node": ".*", "interval": "1m"}
EATEN_BYTES = 48 << 20
READY_S = 60


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    with engine_with_stand_ins(*IMAGES, flags=("--address-pool", "10.78.0.0/16:24")) as engine:
        yield engine


class Stack:
    """One of the two ways to run it."""

    def __init__(self, example: Example) -> None:
        self.example = example
        self.prometheus = Prometheus(example.port("prometheus", 9090))

    def alerts(self) -> list[dict[str, Any]]:
        """What Alertmanager has delivered, newest first."""
        found: list[dict[str, Any]] = json.loads(fetch(self.example.port("receiver", 8000), "/alerts"))
        return found

    def has_received(self, status: str, **labels: str) -> bool:
        return any(a["status"] == status and labels.items() <= a["labels"].items() for a in self.alerts())

    def wait_until_measured(self) -> None:
        """Every target twice read, cAdvisor's containers among them."""
        wait_for("all targets are up", lambda: self.prometheus.targets() == dict.fromkeys(JOBS, "up"), READY_S)
        twice = 'min(count_over_time(container_last_seen{name!="",image!=""}[1m]))'
        wait_for("two readings of each", lambda: (self.prometheus.value(twice) or 0) >= 2, READY_S)
        idle = 'count_over_time(node_cpu_seconds_total{mode="idle"}[1m])'
        wait_for("two of the machine", lambda: (self.prometheus.value(f"min({idle})") or 0) >= 2, READY_S)
        wait_for("an alert", lambda: self.prometheus.query("ALERTS"), READY_S)


JOBS = ("prometheus", "alertmanager", "node-exporter", "cadvisor")


@pytest.fixture(scope="module")
def composed(engine: EngineProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Up, by the one command, beside a container that has some memory."""
    example = Example(engine, NAME, tmp_path_factory.mktemp("example"))
    eat = f"head -c {EATEN_BYTES} /dev/zero > /eaten/file; exec sleep 1000"
    engine.shoal("run", "-d", "--name", "eater", "--tmpfs", "/eaten", "busybox", "sh", "-c", eat)
    example.start()
    stack = Stack(example)
    stack.wait_until_measured()
    yield stack
    example.down()
    engine.shoal("rm", "-f", "eater")


def signed_in(stack: Stack, page: Page) -> Board:
    """The dashboard, after a login with the password of config.monitoring."""
    base = f"http://127.0.0.1:{stack.example.port('grafana', 3000)}"
    assert page.request.post(f"{base}/login", data={"user": "admin", "password": "foobar"}).ok
    return drawn_board(page, f"{base}/d/stack?from=now-2m&to=now")


@pytest.fixture(scope="module")
def deployed(engine: EngineProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack on a cluster of one node, all its tasks running."""
    example = Example(engine, NAME, tmp_path_factory.mktemp("stack"), files=("docker-stack.yml",))
    cluster = OneNode(engine)
    cluster.init()
    example.env |= {"DOCKER_SOCKET": f"/rootfs{engine.socket}", "DOCKER_ROOT": str(engine.root)}
    try:
        example.deploy("monitor")
        stack = Stack(example)
        stack.wait_until_measured()
        yield stack
        engine.shoal("stack", "rm", "monitor")
    finally:
        cluster.leave()  # with it all tasks go


def running_names(engine: EngineProcess) -> set[str]:
    return set(engine.shoal("ps", "--format", "{{.Names}}").stdout.split())


def names_seen(stack: Stack, metric: str) -> set[str]:
    found = stack.prometheus.query(f'sum by (name) ({metric}{{name!="",image!=""}})')
    return {labels.removeprefix("name=") for labels in found}


def test_cadvisor_sees_every_container_of_shoal(engine: EngineProcess, composed: Stack) -> None:
    assert names_seen(composed, "container_memory_working_set_bytes") == running_names(engine)
    memory = composed.prometheus.value('container_memory_working_set_bytes{name="eater",image="busybox"}')
    assert memory is not None and EATEN_BYTES <= memory < EATEN_BYTES + (8 << 20)
    prometheus = 'name="prometheus-stack-prometheus-1"'
    assert composed.prometheus.value(f"sum(container_network_receive_bytes_total{{{prometheus}}})")
    assert composed.prometheus.value(f"sum(container_cpu_usage_seconds_total{{{prometheus}}})")
    assert composed.prometheus.value(f"container_fs_usage_bytes{{{prometheus}}}")  # the snapshot's own changes
    label = 'container_label_com_docker_compose_service="grafana"'
    assert composed.prometheus.query(f"container_last_seen{{{label}}}")


def test_every_panel_has_values(composed: Stack) -> None:
    queries = list(panel_queries(composed.example.folder / DASHBOARD, VARIABLES))
    assert len(queries) > 20
    silent = list(queries)

    def all_told() -> bool:
        silent[:] = [(title, expression) for title, expression in silent if not composed.prometheus.query(expression)]
        return not silent

    try:
        wait_for("each has values", all_told, READY_S)  # rates of what a scrape now and then misses come late
    except AssertionError as error:
        raise AssertionError(f"{error}: {silent}") from None


def test_containers_are_drawn_in_the_browser(engine: EngineProcess, composed: Stack, page: Page) -> None:
    """The dashboard's panels are singlestat, graph and table of the old schema."""
    board = signed_in(composed, page)
    assert len(board.coloured_pixels()) == 7
    legend = board.legend("Memory of containers")
    assert set(legend) == running_names(engine)
    eater = composed.prometheus.value('container_memory_working_set_bytes{name="eater"}')
    assert legend["eater"] == pytest.approx(eater, rel=0.02)
    assert board.stat("Containers running") == str(len(legend))
    assert {name for _image, name, _memory in board.cells("Containers seen")} == set(legend)


def test_an_alert_fires_and_is_delivered(composed: Stack, page: Page) -> None:
    wait_for("the watchdog's alert", lambda: composed.has_received("firing", alertname="Watchdog"), READY_S)
    page.goto(f"http://127.0.0.1:{composed.example.port('receiver', 8000)}/")
    expect(page.get_by_role("row", name="firing Watchdog Alerts are delivered")).to_be_visible()


def test_a_service_that_is_stopped_is_told_of_until_it_runs_again(composed: Stack, page: Page) -> None:
    missing = {"alertname": "TargetMissing", "job": "node-exporter"}
    assert not composed.has_received("firing", **missing)
    composed.example.compose("stop", "-t", "0", "node-exporter")
    wait_for("node-exporter is missed", lambda: composed.has_received("firing", **missing), READY_S)
    composed.example.compose("start", "node-exporter")
    wait_for("it is there again", lambda: composed.has_received("resolved", **missing), READY_S)
    page.goto(f"http://127.0.0.1:{composed.example.port('receiver', 8000)}/")
    expect(page.get_by_role("row", name="resolved TargetMissing node-exporter")).to_be_visible()
    keep(page, NAME, "alerts")
    signed_in(composed, page).panel("CPU of containers").evaluate("panel => panel.scrollIntoView()")
    keep(page, NAME, "dashboard")


def test_the_stack_watches_its_node(engine: EngineProcess, composed: Stack, deployed: Stack) -> None:
    """After `composed`, whose containers run on meanwhile: they are on the same machine."""
    names = names_seen(deployed, "container_memory_working_set_bytes")
    assert {name for name in names if name.startswith("monitor_prometheus.1.")}
    wait_for("the watchdog's alert", lambda: deployed.has_received("firing", alertname="Watchdog"), READY_S)
    assert "ok" in fetch(deployed.example.port("grafana", 3000), "/api/health")


def test_tasks_are_where_the_stack_wants_them(engine: EngineProcess, deployed: Stack) -> None:
    status, services = engine.call("GET", "/services?status=1")
    assert status == 200
    specs = {service["Spec"]["Name"].removeprefix("monitor_"): service for service in services}
    for name in ("node-exporter", "cadvisor"):
        assert "Global" in specs[name]["Spec"]["Mode"]
    for name in ("prometheus", "alertmanager", "grafana", "receiver"):
        assert specs[name]["Spec"]["TaskTemplate"]["Placement"]["Constraints"] == ["node.role==manager"]
    counts = {name: service["ServiceStatus"] for name, service in specs.items()}
    assert all(count["RunningTasks"] == count["DesiredTasks"] == 1 for count in counts.values()), counts
