"""`kill -9` of the engine at each step of `shoal compose up` and `down`; the same command, given again, finishes."""

from pathlib import Path

import pytest

from tests.support.apps import App, fetch
from tests.support.crashing import CrashingEngine
from tests.support.ports import free_port
from tests.support.traces import traces, wait_until_as


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture
def app(crashing: CrashingEngine, tmp_path: Path, port: int) -> App:
    made = App(crashing, tmp_path, "shop")
    made.write(f"""
services:
  web:
    image: busybox
    command: sh -c 'echo ok >/www/index.html; exec httpd -f -p 80 -h /www'
    stop_signal: SIGKILL
    ports: ["127.0.0.1:{port}:80"]
    volumes: [pages:/www]
    depends_on: [db]
  db: {{image: busybox, command: sleep 1000, stop_signal: SIGKILL}}
volumes: {{pages: {{}}}}
""")
    return made


def test_up(crashing: CrashingEngine, app: App, port: int) -> None:
    before = traces(crashing)
    deaths = []
    for step in crashing.each_effect(lambda: app.compose("up", "-d", check=False), points=7):
        deaths.append(step)
        app.compose("up", "-d")
        assert fetch(port) == "ok\n"
        assert app.states() == {"web-1": "running", "db-1": "running"}
        assert crashing.docker("exec", "shop-web-1", "ping", "-c1", "-W2", "db").returncode == 0
        app.down()
        wait_until_as(crashing, before)
    assert len(deaths) > 6


def test_down(crashing: CrashingEngine, app: App) -> None:
    before = traces(crashing)
    app.compose("up", "-d")
    for _ in crashing.each_effect(lambda: app.compose("down", "-v", "-t", "0", check=False), points=5):
        app.down()
        assert app.containers() == []
        wait_until_as(crashing, before)
        app.compose("up", "-d")
    app.down()


def test_a_command_whose_engine_dies_says_so(crashing: CrashingEngine, app: App) -> None:
    results = []
    for _ in crashing.each_step(lambda: results.append(app.compose("up", "-d", check=False))):
        break
    (result,) = results
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert f"the engine at unix://{crashing.socket} closed the connection" in result.stderr
    app.down()
