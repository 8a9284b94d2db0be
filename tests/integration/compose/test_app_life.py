"""Apps brought up, changed, looked into and taken down by `shoal compose` on a real engine."""

import json
from pathlib import Path

from tests.support.apps import App, fetch
from tests.support.engine import EngineProcess, wait_for
from tests.support.ports import free_port
from tests.support.registry import RegistryProcess

SLEEPER = "{image: busybox, command: sleep 1000, stop_signal: SIGKILL}"


def web_app(port: int, greeting: str = "hello") -> str:
    """`init` writes the page, `db` gets healthy after a while, `web` serves once both are so."""
    return f"""
services:
  web:
    image: busybox
    command: httpd -f -p 80 -h /www
    stop_signal: SIGKILL
    ports: ["127.0.0.1:{port}:80"]
    volumes: [pages:/www]
    networks: [front]
    depends_on:
      init: {{condition: service_completed_successfully}}
      db: {{condition: service_healthy}}
  db:
    image: busybox
    command: sh -c 'sleep 0.3; touch /ready; exec sleep 1000'
    stop_signal: SIGKILL
    networks: [front]
    healthcheck: {{test: ["CMD", "test", "-e", "/ready"], interval: 10s, start_period: 9s, start_interval: 100ms}}
  init:
    image: busybox
    command: ["sh", "-c", "echo {greeting} > /www/index.html"]
    volumes: [pages:/www]
networks:
  front:
volumes:
  pages:
"""


def test_an_app_with_conditions_comes_up_serves_and_goes_without_a_trace(app: App) -> None:
    port = free_port()
    app.write(web_app(port))
    up = app.compose("up", "-d")
    assert fetch(port) == "hello\n"
    lines = [line.strip() for line in up.stderr.splitlines()]
    web_starts = lines.index(f"Container {app.name}-web-1  Starting")
    assert lines.index(f"Container {app.name}-db-1  Healthy") < web_starts
    assert lines.index(f"Container {app.name}-init-1  Exited") < web_starts
    assert app.states() == {"web-1": "running", "db-1": "running", "init-1": "exited"}

    ps = app.compose("ps").stdout
    assert f"127.0.0.1:{port}->80/tcp" in ps and "(healthy)" in ps and "init" not in ps
    assert app.compose("exec", "-T", "web", "wget", "-qO-", "http://web/").stdout == "hello\n"

    app.compose("down", "-v", "-t", "0")
    assert app.containers() == []
    networks = [n["Name"] for n in app.engine.call("GET", "/networks")[1]]
    volumes = [v["Name"] for v in app.engine.call("GET", "/volumes")[1]["Volumes"]]
    assert not [name for name in (*networks, *volumes) if name.startswith(app.name)]


def test_a_second_up_keeps_everything_and_a_change_recreates_only_its_service(app: App) -> None:
    port = free_port()
    app.write(web_app(port))
    app.compose("up", "-d")
    before = app.ids()
    app.compose("up", "-d")
    assert app.ids() == before
    app.write(web_app(port).replace("sleep 1000'", "sleep 2000'"))
    app.compose("up", "-d")
    after = app.ids()
    assert after["db-1"] != before["db-1"]
    assert (after["web-1"], after["init-1"]) == (before["web-1"], before["init-1"])
    assert fetch(port) == "hello\n"
    app.compose("up", "-d", "--force-recreate", "web", "--no-deps")
    assert app.ids()["web-1"] != after["web-1"] and app.ids()["db-1"] == after["db-1"]


def test_data_of_an_anonymous_volume_survives_recreation_unless_renewed(app: App) -> None:
    text = "services: {a: {image: busybox, command: sleep %d, stop_signal: SIGKILL, volumes: [/data]}}\n"
    app.write(text % 1000)
    app.compose("up", "-d")
    app.compose("exec", "-T", "a", "sh", "-c", "echo kept > /data/x")
    app.write(text % 2000)
    app.compose("up", "-d")
    assert app.compose("exec", "-T", "a", "cat", "/data/x").stdout == "kept\n"
    app.compose("up", "-d", "--force-recreate", "-V")
    assert app.compose("exec", "-T", "a", "ls", "/data").stdout == ""


def test_scale_up_and_down(app: App) -> None:
    app.write(f"services: {{a: {SLEEPER}, b: {SLEEPER}}}\n")
    app.compose("up", "-d", "--scale", "a=3")
    assert set(app.states()) == {"a-1", "a-2", "a-3", "b-1"}
    first = app.ids()["a-1"]
    app.compose("scale", "a=1", "b=2")
    assert set(app.states()) == {"a-1", "b-1", "b-2"}
    assert app.ids()["a-1"] == first


def test_a_dependency_that_fails_stops_the_rest_with_its_name(app: App) -> None:
    app.write(f"""
services:
  job: {{image: busybox, command: "false"}}
  after:
    image: busybox
    command: sleep 1000
    depends_on: {{job: {{condition: service_completed_successfully}}}}
  beside: {SLEEPER}
""")
    up = app.compose("up", "-d", check=False)
    assert up.returncode == 1
    assert 'service "job" didn\'t complete successfully: exit 1' in up.stderr
    assert app.states()["after-1"] == "created" and app.states()["beside-1"] == "running"


def test_a_port_that_is_taken_is_an_error_and_the_next_up_goes_on(app: App) -> None:
    port = free_port()
    app.write(f"services: {{a: {{image: busybox, command: sleep 1000, stop_signal: SIGKILL, ports: ['{port}:80']}}}}\n")
    import socket

    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("0.0.0.0", port))
        taken.listen()
        up = app.compose("up", "-d", check=False)
        assert up.returncode == 1
        assert "address already in use" in up.stderr or "port is already allocated" in up.stderr
    app.compose("up", "-d")
    assert app.states() == {"a-1": "running"}


def test_profiles_bring_their_services_only_when_asked(app: App) -> None:
    app.write(f"services: {{a: {SLEEPER}, t: {{image: busybox, command: sleep 1000, profiles: [tools]}}}}\n")
    app.compose("up", "-d")
    assert set(app.states()) == {"a-1"}
    app.compose("--profile", "tools", "up", "-d")
    assert set(app.states()) == {"a-1", "t-1"}


def test_stop_start_restart_pause_kill_and_rm(app: App) -> None:
    app.write(f"services: {{a: {SLEEPER}, b: {SLEEPER}}}\n")
    app.compose("up", "-d")
    started = app.inspect("a-1")["State"]["StartedAt"]
    app.compose("restart", "-t", "0", "a")
    assert app.inspect("a-1")["State"]["StartedAt"] != started
    app.compose("pause", "a")
    assert app.states() == {"a-1": "paused", "b-1": "running"}
    app.compose("unpause")
    app.compose("kill", "-s", "SIGTERM", "b")  # the first process of a container ignores it
    assert app.states()["b-1"] == "running"
    app.compose("kill", "b")
    wait_for("b has ended", lambda: app.states()["b-1"] == "exited")
    app.compose("rm", "-f")
    assert app.states() == {"a-1": "running"}
    app.compose("stop", "-t", "0")
    assert 'service "b" has no container to start' in app.compose("start", check=False).stderr
    app.compose("start", "a")
    assert app.states() == {"a-1": "running"}


def test_files_env_and_labels_reach_the_container(app: App) -> None:
    app.write("GREETING=from-dot-env\n", ".env")
    app.write("OTHER=from-file\n", "web.env")
    app.write("top secret\n", "secret.txt")
    app.write("""
services:
  a:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    environment: {GREETING: "${GREETING}", LITERAL: "$$x"}
    env_file: web.env
    secrets: [key]
    configs: [{source: conf, target: /etc/app.conf, mode: 0440}]
secrets:
  key: {file: secret.txt}
configs:
  conf: {content: "greeting=${GREETING}"}
""")
    app.compose("up", "-d")
    script = "echo $GREETING $LITERAL $OTHER; cat /run/secrets/key; cat /etc/app.conf; stat -c %a /etc/app.conf"
    lines = app.compose("exec", "-T", "a", "sh", "-c", script).stdout.split("\n")
    assert lines[:3] == ["from-dot-env $x from-file", "top secret", "greeting=from-dot-env440"]


def test_hooks_run_after_the_start_and_before_the_stop(app: App) -> None:
    app.write("""
services:
  a:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    volumes: [log:/log]
    post_start: [{command: ["sh", "-c", "echo started >> /log/x"]}]
    pre_stop: [{command: ["sh", "-c", "echo stopping >> /log/x"]}]
volumes: {log: {}}
""")
    app.compose("up", "-d")
    app.compose("stop")
    log = app.compose("run", "--rm", "--entrypoint", "cat", "-T", "a", "/log/x").stdout
    assert log == "started\nstopping\n"


def test_an_image_is_built_once_and_again_when_asked(app: App, engine: EngineProcess) -> None:
    app.write('FROM busybox\nCOPY page /page\nCMD ["sleep", "1000"]\nSTOPSIGNAL SIGKILL\n', "Dockerfile")
    app.write("one\n", "page")
    app.write("services: {a: {build: .}}\n")
    up = app.compose("up", "-d")
    assert f"Image {app.name}-a" in up.stderr and "Built" in up.stderr
    assert app.compose("exec", "-T", "a", "cat", "/page").stdout == "one\n"
    before = app.ids()
    app.write("two\n", "page")
    assert "Built" not in app.compose("up", "-d").stderr
    assert app.ids() == before
    app.compose("up", "-d", "--build")
    assert app.compose("exec", "-T", "a", "cat", "/page").stdout == "two\n"
    app.compose("down", "--rmi", "local", "-t", "0")
    assert engine.call("GET", f"/images/{app.name}-a/json")[0] == 404


def test_a_build_that_fails_shows_file_line_and_output(app: App) -> None:
    app.write("FROM busybox\nRUN echo about to fail && exit 3\n", "Dockerfile")
    app.write("services: {a: {build: .}}\n")
    up = app.compose("up", "-d", check=False)
    assert up.returncode == 1 and "about to fail" in up.stderr and "Dockerfile" in up.stderr
    assert app.containers() == []


def test_config_of_the_real_thing_can_be_brought_up_again(app: App, tmp_path: Path) -> None:
    app.write(web_app(free_port()))
    text = app.compose("config").stdout
    app.write(text)
    assert app.compose("config").stdout == text
    services = json.loads(app.compose("config", "--format", "json").stdout)["services"]
    assert set(services) == {"web", "db", "init"}


def test_ls_names_the_project_and_its_file(app: App) -> None:
    app.write(f"services: {{a: {SLEEPER}}}\n")
    app.compose("up", "-d")
    rows = json.loads(app.compose("ls", "--format", "json").stdout)
    assert {"Name": app.name, "Status": "running(1)", "ConfigFiles": str(app.folder / "compose.yaml")} in rows


async def test_images_go_to_a_registry_and_come_back(app: App, tmp_path: Path) -> None:
    async with RegistryProcess(tmp_path / "registry") as registry:
        image = f"{registry.host}/team/page:1"
        app.write('FROM busybox\nCOPY page /page\nCMD ["sleep", "1000"]\nSTOPSIGNAL SIGKILL\n', "Dockerfile")
        app.write("pushed\n", "page")
        app.write(f"services: {{a: {{image: '{image}', build: .}}}}\n")
        built = app.compose("build", "--push")
        assert f"Image {image}  Pushed" in built.stderr
        assert app.engine.call("DELETE", f"/images/{image}?force=1")[0] == 200
        app.write(f"services: {{a: {{image: '{image}'}}}}\n")
        up = app.compose("up", "-d")
        assert f"Image {image}  Pulled" in up.stderr and "Already exists" in up.stderr
        assert app.compose("exec", "-T", "a", "cat", "/page").stdout == "pushed\n"
        assert "Pulled" in app.compose("pull").stderr
        assert "Pulled" not in app.compose("pull", "--policy", "missing").stderr
        app.compose("up", "-d", "--pull", "always")
        assert app.compose("up", "-d", "--pull", "always", "--quiet-pull").stderr.count("Pulled") == 0


def test_a_renamed_service_takes_the_port_of_the_orphan(app: App) -> None:
    port = free_port()

    def text(name: str) -> str:
        service = f"{{image: busybox, command: sleep 1000, stop_signal: SIGKILL, ports: ['{port}:80']}}"
        return f"services:\n  {name}: {service}\n"

    app.write(text("before"))
    app.compose("up", "-d")
    app.write(text("after"))
    done = app.compose("up", "-d", check=False)
    assert done.returncode == 1 and "--remove-orphans" in done.stderr
    app.compose("up", "-d", "--remove-orphans")
    assert app.compose("ps", "-a", "--services").stdout.split() == ["after"]


def test_a_changed_volume_stays_where_nobody_can_be_asked(app: App) -> None:

    def text(label: str) -> str:
        service = "{image: busybox, command: sleep 1000, stop_signal: SIGKILL, volumes: ['v:/v']}"
        return f"services:\n  a: {service}\nvolumes:\n  v:\n    labels:\n      x: {label}\n"

    app.write(text("one"))
    app.compose("up", "-d")
    app.compose("exec", "-T", "a", "touch", "/v/kept")
    app.write(text("two"))
    assert "data will be lost" in app.compose("up", "-d").stderr
    app.compose("exec", "-T", "a", "test", "-e", "/v/kept")
