"""Prometheus, Grafana and node_exporter watching this host, and Shoal's own metrics."""

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.support.browser import keep
from tests.support.dashboards import drawn_board
from tests.support.engine import EngineProcess, engine_with_busybox, wait_for
from tests.support.examples import Example
from tests.support.ports import free_port
from tests.support.prometheus import Prometheus, panel_queries
from tests.support.stand_ins import engine_with_stand_ins
from tests.support.swarm import SERVE, OneNode

NAME = "monitoring"
IMAGES = ("prom/prometheus:v2.53.0", "prom/node-exporter:v1.8.2", "grafana/grafana:11.2.0", "busybox:latest")
VARIABLES = {"node": "this-host", "project": ".*"}
EATEN_BYTES = 48 << 20
WRITTEN_BYTES = 1 << 20
#: rates need two; pictures look better with more
READINGS = 14 if os.environ.get("SHOAL_SCREENSHOTS") == "write" else 2


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    """Where the engine and node_exporter, both on the host's own network, serve their metrics here."""
    return {"9323": free_port(), "9100": free_port()}


@pytest.fixture(scope="module")
def engine(ports: dict[str, int]) -> Iterator[EngineProcess]:
    metrics = ("--metrics-addr", f"host-gateway:{ports['9323']}")
    with engine_with_stand_ins(*IMAGES, flags=(*metrics, "--address-pool", "10.77.0.0/16:24")) as engine:
        cluster = OneNode(engine)
        cluster.init()
        yield engine
        cluster.leave()


@pytest.fixture(scope="module")
def monitoring(
    engine: EngineProcess, ports: dict[str, int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Example]:
    """Up, by the one command, beside a container that has some memory and a service of two tasks."""
    example = Example(engine, NAME, tmp_path_factory.mktemp("example"))
    for file in ("docker-compose.yml", "prometheus/prometheus.yml"):
        text = (example.folder / file).read_text()
        example.write(re.sub(r":(9100|9323)\b", lambda found: f":{ports[found[1]]}", text), file)
    write = f"dd if=/dev/zero of=/written bs=4096 count={WRITTEN_BYTES // 4096} oflag=direct"
    eat = f"{write}; head -c {EATEN_BYTES} /dev/zero > /eaten/file; exec sleep 1000"
    engine.shoal("run", "-d", "--name", "eater", "--tmpfs", "/eaten", "--memory", "256m", "busybox", "sh", "-c", eat)
    engine.shoal("run", "--name", "failed", "busybox", "sh", "-c", "exit 3", check=False)
    engine.shoal("service", "create", "--detach", "--name", "twins", "--replicas", "2", "busybox", *SERVE)
    example.start()
    yield example
    example.down()
    engine.shoal("service", "rm", "twins")
    engine.shoal("rm", "-f", "eater")


@pytest.fixture(scope="module")
def prometheus(monitoring: Example) -> Prometheus:
    """Once all targets are up and were read often enough."""
    prometheus = Prometheus(monitoring.port("prometheus", 9090))
    wait_for("all targets are up", lambda: set(prometheus.targets().values()) == {"up"}, 40)
    wait_for(
        "readings of each",
        lambda: (prometheus.value("min(count_over_time(up[5m]))") or 0) >= READINGS,
        120,
    )
    return prometheus


def test_the_three_targets_are_up(prometheus: Prometheus) -> None:
    assert prometheus.targets() == {"prometheus": "up", "node": "up", "shoal": "up"}


@pytest.mark.parametrize("dashboard", ["host", "shoal"])
def test_every_panel_has_values(monitoring: Example, prometheus: Prometheus, dashboard: str) -> None:
    path = monitoring.folder / f"grafana/dashboards/{dashboard}.json"
    queries = list(panel_queries(path, VARIABLES))
    assert len(queries) > 10
    silent = [f"{title}: {expression}" for title, expression in queries if not prometheus.query(expression)]
    assert not silent


def test_node_exporter_sees_this_host_and_not_its_container(prometheus: Prometheus) -> None:
    total = re.search(r"MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    assert total and prometheus.value("node_memory_MemTotal_bytes") == int(total[1]) * 1024
    devices = {line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()[2:]}
    # node_exporter tells nothing of links at a scrape during which one has gone, as those of other tests do.
    found = wait_for("links are seen", lambda: prometheus.query("max_over_time(node_network_up[1m])"), 60)
    assert {"eth0", "lo"} & devices <= {labels.partition("device=")[2].partition(",")[0] for labels in found}
    assert prometheus.query('node_filesystem_size_bytes{mountpoint="/"}')


def test_shoals_metrics_say_of_containers_what_commands_say(engine: EngineProcess, prometheus: Prometheus) -> None:
    running = engine.shoal("ps", "-q").stdout.split()
    assert prometheus.value('shoal_containers{state="running"}') == len(running)
    assert len(prometheus.query('shoal_container_state{state="running"}')) == len(running)
    memory = prometheus.value('shoal_container_memory_working_set_bytes{name="eater"}')
    assert memory is not None and EATEN_BYTES <= memory < EATEN_BYTES + (8 << 20)
    assert prometheus.value('shoal_container_memory_limit_bytes{name="eater"}') == 256 << 20
    assert prometheus.value('shoal_container_exit_code{name="failed"}') == 3
    written = prometheus.value('sum(shoal_container_block_written_bytes_total{name="eater"})')
    assert written is not None and WRITTEN_BYTES <= written < 2 * WRITTEN_BYTES
    health = 'shoal_container_health{project="monitoring",service="prometheus",status="healthy"}'
    assert prometheus.value(health) == 1
    received = "shoal_container_network_receive_bytes_total"
    assert (prometheus.value(f'{received}{{service="prometheus"}}') or 0) > 10_000  # what it has scraped
    assert not prometheus.query(f'{received}{{service="node-exporter"}}')  # the host's network is not its own


def test_shoals_metrics_tell_of_the_cluster(prometheus: Prometheus) -> None:
    wait_for("both tasks run", lambda: prometheus.value('shoal_service_tasks_running{service="twins"}') == 2, 30)
    assert prometheus.value('shoal_service_tasks_desired{service="twins"}') == 2
    assert prometheus.value('shoal_cluster_node{role="manager",state="ready",leader="true"}') == 1
    assert len(prometheus.query('shoal_container_state{service="twins",state="running"}')) == 2


def test_the_page_is_as_promtool_wants_it(engine: EngineProcess, monitoring: Example) -> None:
    status, page = engine.call("GET", "/metrics")
    assert status == 200
    checked = subprocess.run(
        [*monitoring.argv("exec", "-T", "prometheus"), "promtool", "check", "metrics"],
        input=page,
        capture_output=True,
        cwd=monitoring.folder,
        env=monitoring.env,
        timeout=60,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_only_metrics_are_on_their_own_address(engine: EngineProcess, ports: dict[str, int]) -> None:
    gateway = engine.shoal("network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}").stdout.strip()
    base = f"http://{gateway}:{ports['9323']}"
    with urllib.request.urlopen(f"{base}/metrics", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert b"shoal_engine_info{" in answer.read()
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{base}/containers/json", timeout=10)


def test_the_host_is_drawn_in_the_browser(monitoring: Example, prometheus: Prometheus, page: Page) -> None:
    """On the page that Grafana opens with, without a login."""
    board = drawn_board(page, f"http://127.0.0.1:{monitoring.port('grafana', 3000)}/?from=now-1m&to=now")
    assert len(board.coloured_pixels()) == 5
    legend = board.legend("Memory")
    total = prometheus.value("node_memory_MemTotal_bytes") or 0
    assert set(legend) == {"used", "caches that can be given back", "free"}
    assert sum(legend.values()) == pytest.approx(total, rel=0.02)
    assert any(cells[0] == "/" for cells in board.cells("File systems"))
    page.evaluate("scrollTo(0, 0)")
    keep(page, NAME, "host")


def test_containers_and_services_are_drawn_in_the_browser(
    engine: EngineProcess, monitoring: Example, prometheus: Prometheus, page: Page
) -> None:
    board = drawn_board(page, f"http://127.0.0.1:{monitoring.port('grafana', 3000)}/d/shoal?from=now-1m&to=now")
    assert len(board.coloured_pixels()) == 8
    running = engine.shoal("ps", "--format", "{{.Names}}").stdout.split()
    assert board.stat("Containers running") == str(len(running))
    legend = board.legend("Memory by container")
    assert set(legend) == set(running)
    assert legend["eater"] * 1.01 >= EATEN_BYTES and legend["eater"] < EATEN_BYTES + (8 << 20)
    rows = {cells[0]: cells[1:] for cells in board.cells("Containers")}
    assert rows["monitoring-prometheus-1"][:4] == [IMAGES[0], NAME, "prometheus", "running"]
    assert rows["failed"][3] == "exited"
    tasks = board.legend("Tasks of each service of the cluster")
    assert tasks == {"twins running": 2, "twins wanted": 2}
    page.evaluate("scrollTo(0, 0)")
    keep(page, NAME, "shoal")


def test_an_engine_that_has_no_address_for_metrics_is_left_alone_and_its_user_told(tmp_path: Path) -> None:
    """It has settings of its own: only the engine that run.sh has started itself is started again."""
    with engine_with_busybox("--address-pool", "10.77.0.0/16:24") as engine:
        example = Example(engine, NAME, tmp_path)
        scrapes, port = (example.folder / "prometheus/prometheus.yml").read_text(), free_port()
        example.write(scrapes.replace("9323", str(port)), "prometheus/prometheus.yml")
        env = {**example.env, "PATH": f"{Path(sys.executable).parent}:{example.env['PATH']}"}
        told = subprocess.run(
            ["./start.sh"], cwd=example.folder, env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert told.returncode == 1 and f'metrics-addr = "host-gateway:{port}"' in told.stderr
        assert engine.shoal("ps", "-aq").stdout == ""
