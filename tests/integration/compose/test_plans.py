"""Plans of Compose carried out by a real engine: what is copied in, run before, replaced, shared and linked."""

import json
import os
from pathlib import Path

from tests.support.apps import App


def out(app: App, service: str, *command: str) -> str:
    return app.compose("exec", "-T", service, *command).stdout


def test_secrets_and_configs_have_content_owner_and_mode(app: App) -> None:
    app.folder.joinpath("plain.txt").write_text("from a file")
    app.env["TOKEN"] = "s3cret"
    app.write("""
services:
  a:
    image: busybox
    command: sh -c 'cat /run/secrets/token > /seen; exec sleep 1000'
    stop_signal: SIGKILL
    secrets:
      - token
      - {source: plain, target: owned, uid: "7", gid: "8", mode: 0400}
      - {source: plain, target: bound}
    configs:
      - {source: greeting, target: /etc/greeting/text, mode: 0640}
secrets:
  token: {environment: TOKEN}
  plain: {file: ./plain.txt}
configs:
  greeting: {content: "hello $${name}\\n"}
""")
    app.compose("up", "-d")
    assert out(app, "a", "cat", "/seen") == "s3cret"
    assert out(app, "a", "cat", "/etc/greeting/text") == "hello ${name}\n"
    assert out(app, "a", "stat", "-c", "%u:%g %a", "/run/secrets/owned").split() == ["7:8", "400"]
    assert out(app, "a", "stat", "-c", "%a", "/etc/greeting/text", "/run/secrets/token").split() == ["640", "444"]
    assert out(app, "a", "cat", "/run/secrets/bound") == "from a file"
    assert app.compose("exec", "-T", "a", "sh", "-c", "echo x > /run/secrets/bound", check=False).returncode != 0


def test_init_containers_run_once_before_all_replicas_and_leave_nothing(app: App) -> None:
    app.write("""
services:
  a:
    image: busybox
    command: sh -c 'cat /data/done > /seen; exec sleep 1000'
    stop_signal: SIGKILL
    scale: 2
    volumes: [data:/data]
    pre_start:
      - command: sh -c 'echo first >> /data/done'
      - command: sh -c 'echo each >> /data/done'
        per_replica: true
volumes: {data: }
""")
    app.compose("up", "-d")
    assert set(app.states()) == {"a-1", "a-2"}
    lines = out(app, "a", "cat", "/data/done").split()
    assert lines == ["first", "each", "each"]
    assert out(app, "a", "head", "-n", "1", "/seen") == "first\n"


def test_an_init_container_that_fails_stops_the_service(app: App) -> None:
    app.write("""
services:
  a: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, pre_start: [{command: sh -c 'exit 3'}]}
""")
    failed = app.compose("up", "-d", check=False)
    assert failed.returncode == 1 and "exit 3" in failed.stderr
    assert app.states()["a-1"] == "created"


def test_a_changed_network_is_made_anew_under_running_containers(app: App) -> None:
    text = """
services:
  a: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, networks: [n]}
  b: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, networks: [n]}
networks: {n: {ipam: {config: [{subnet: %s}]}}}
"""
    app.write(text % "10.213.7.0/24")
    app.compose("up", "-d")
    before = app.ids()
    app.write(text % "10.213.8.0/24")
    app.compose("up", "-d", "-t", "0")
    assert set(app.ids()) == set(before) and not set(app.ids().values()) & set(before.values())
    assert "10.213.8." in out(app, "a", "nslookup", "b")
    assert "Running" in app.compose("up", "-d").stderr


def test_a_dependant_that_shares_a_namespace_follows_its_owner(app: App) -> None:
    text = """
services:
  owner: {image: busybox, command: httpd -f -p 80 -h %s, stop_signal: SIGKILL}
  guest: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, network_mode: "service:owner"}
"""
    app.write(text % "/")
    app.compose("up", "-d")
    before = app.ids()
    app.write(text % "/etc")
    app.compose("up", "-d", "-t", "0")
    assert not set(app.ids().values()) & set(before.values())
    assert "root" in out(app, "guest", "wget", "-qO-", "http://127.0.0.1/passwd")


def test_a_file_of_the_first_format_with_links_and_volumes_from(app: App) -> None:
    app.write("""
web:
  image: busybox
  command: sleep 1000
  stop_signal: SIGKILL
  links: ["db:database"]
  volumes_from: [data]
db:
  image: busybox
  command: sleep 1000
  stop_signal: SIGKILL
  expose: [3306]
data:
  image: busybox
  command: sh -c 'echo kept > /var/data/x'
  volumes: [/var/data]
""")
    app.compose("up", "-d")
    env = dict(line.split("=", 1) for line in out(app, "web", "env").splitlines())
    assert env["DATABASE_PORT_3306_TCP_ADDR"] == "database" and env["DATABASE_PORT"] == "tcp://database:3306"
    assert (
        app.compose("exec", "-T", "web", "ping", "-c", "1", "-W", "2", env["DATABASE_PORT_3306_TCP_ADDR"]).returncode
        == 0
    )
    assert out(app, "web", "cat", "/var/data/x") == "kept\n"


def test_limits_in_both_spellings_reach_the_kernel(app: App) -> None:
    app.write("""
services:
  short: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, mem_limit: 48m, cpus: 0.5, pids_limit: 33}
  long:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    deploy: {replicas: 2, resources: {limits: {memory: 40M, cpus: "0.25", pids: 22}}}
""")
    app.compose("up", "-d")
    assert set(app.states()) == {"short-1", "long-1", "long-2"}
    for name, memory, nano_cpus, pids in (("short-1", 48 << 20, 5 * 10**8, 33), ("long-2", 40 << 20, 25 * 10**7, 22)):
        host = app.inspect(name)["HostConfig"]
        assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (memory, nano_cpus, pids)
        assert cgroup_memory(app.inspect(name)["State"]["Pid"]) == memory


def cgroup_memory(pid: int) -> int:
    """The memory limit that the kernel holds the process to."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return int(Path(f"/sys/fs/cgroup/memory{path}/memory.limit_in_bytes").read_text())
    unified = next(
        line.split("::", 1)[1] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines() if "::" in line
    )
    return int(Path(f"/sys/fs/cgroup{unified}/memory.max").read_text())


def test_overrides_includes_and_extends_on_disk(app: App) -> None:
    app.write("FROM_ENV=dotenv\n", ".env")
    app.write("services: {db: {image: busybox, command: sleep 1000, stop_signal: SIGKILL}}\n", "db/compose.yaml")
    app.write(
        "services: {base: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, labels: {from: base}}}\n",
        "common.yml",
    )
    app.write("""
include: [db/compose.yaml]
services:
  a:
    extends: {file: common.yml, service: base}
    environment: {V: "${FROM_ENV}", W: "1"}
    depends_on: [db]
""")
    app.write("services: {a: {environment: {W: '2'}}}\n", "compose.override.yaml")
    app.compose("up", "-d")
    env = out(app, "a", "env").splitlines()
    assert {"V=dotenv", "W=2"} <= set(env)
    assert app.inspect("a-1")["Config"]["Labels"]["from"] == "base"
    assert set(app.states()) == {"a-1", "db-1"}


def test_a_dry_run_says_what_and_why_and_does_nothing(app: App) -> None:
    app.write("services: {a: {image: busybox, command: sleep 1000, stop_signal: SIGKILL}}\n")
    text = app.compose("up", "-d", "--dry-run")
    assert f"create {app.name}-a-1: no such container" in text.stdout + text.stderr
    assert app.containers() == []
    networks = json.dumps(app.engine.call("GET", "/networks")[1])
    assert f"{app.name}_default" not in networks
    assert os.listdir(app.folder) == ["compose.yaml"]


def test_a_build_takes_files_from_further_contexts(app: App) -> None:
    app.write("asset\n", "assets/sub/x.txt")
    app.write("left out\n", "assets/x.log")
    app.write("*.log\n", "assets/.dockerignore")
    app.write(
        "FROM base\nCOPY --from=assets / /assets/\nCOPY --from=tools /bin/busybox /tool\n"
        "RUN --mount=type=bind,from=assets,target=/m cat /m/sub/x.txt /made > /seen\n",
        "web/Dockerfile",
    )
    app.write("""
services:
  web:
    build:
      context: ./web
      pull: true
      additional_contexts: {assets: ./assets, base: "service:base", tools: "service:tools"}
    command: sleep 1000
    stop_signal: SIGKILL
  base:
    build: {context: ., dockerfile_inline: "FROM busybox\\nRUN echo of the base >/made"}
    profiles: [never]
  tools: {image: busybox, profiles: [never]}
""")
    app.compose("up", "-d")
    assert out(app, "web", "cat", "/seen") == "asset\nof the base\n"
    assert out(app, "web", "find", "/assets", "/tool", "-type", "f").split() == [
        "/assets/.dockerignore",
        "/assets/sub/x.txt",
        "/tool",
    ]
    again = app.compose("build", "web")
    assert again.stderr.count("Using cache") == 4, again.stderr
    app.write("changed\n", "assets/sub/x.txt")
    assert app.compose("build", "web").stderr.count("Using cache") == 1  # that of the base
    app.write('FROM assets\nCOPY --from=busybox /bin/busybox /bin/cat\nCMD ["cat", "/sub/x.txt"]\n', "cli/Dockerfile")
    contexts = ("--build-context", f"assets={app.folder}/assets", "--build-context", "busybox=docker-image://busybox")
    app.engine.shoal("build", "-q", "-t", "further", *contexts, str(app.folder / "cli"))
    assert app.engine.shoal("run", "--rm", "further").stdout == "changed\n"
    refused = app.engine.shoal("build", "--build-context", "x=git://y", str(app.folder / "cli"), check=False)
    assert refused.returncode != 0 and "wanted NAME=docker-image://IMAGE or NAME=FOLDER" in refused.stderr
    assert "shoal-build-context" not in app.engine.shoal("image", "ls", "-a").stdout
    app.engine.shoal("rmi", "further", f"{app.name}-web", f"{app.name}-base", "-f")
