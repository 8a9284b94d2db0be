"""Commands from the command line to the engine in memory: what is asked of it, and what the user sees."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from shoal.cli.command import Context
from shoal.cli.main import run
from tests.support.fake_client import FakeClient
from tests.support.fake_docker import FakeDocker, Refused

APP = """
name: app
services:
  web:
    image: nginx
    command: serve ${WORD:-pages}
    ports: ["8080:80"]
    depends_on: [db]
  db:
    image: redis
    volumes: [data:/data]
  tool:
    image: busybox
    profiles: [tools]
volumes:
  data:
"""


class Shell:
    """A user's shell in a folder with a Compose file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.docker = FakeDocker(("nginx", "redis", "busybox"))
        self.client = FakeClient(self.docker)
        self.env: dict[str, str] = {"HOME": str(folder)}
        self.out = self.err = ""
        self.write(APP)

    def write(self, text: str, name: str = "compose.yaml") -> None:
        (self.folder / name).write_text(text)

    def run(self, line: str, stdin: bytes = b"") -> int:
        """Run `shoal compose LINE`; its exit status."""
        return self.shoal(["compose", "--project-directory", str(self.folder), *line.split()], stdin)

    def shoal(self, argv: list[str], stdin: bytes = b"") -> int:
        out, err = io.StringIO(), io.StringIO()
        context = Context(
            env=self.env,
            stdin=cast(Any, io.BytesIO(stdin)),
            stdout=out,
            stderr=err,
            client_maker=lambda: self.client,
        )
        self.docker.calls.clear()
        self.client.sent.clear()
        status = run(argv, context)
        self.out, self.err = out.getvalue(), err.getvalue()
        return status

    def ok(self, line: str) -> str:
        assert self.run(line) == 0, self.err
        return self.out

    def states(self) -> dict[str, str]:
        return {c.name: c.status for c in self.docker.containers.values()}

    def changes(self) -> list[str]:
        """The calls that change something."""
        return [call for call in self.docker.calls if not call.startswith("GET")]


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    made = Shell(tmp_path)
    yield made
    made.docker.close()


def test_up_creates_what_is_missing_and_says_it_in_the_words_of_compose(shell: Shell) -> None:
    shell.ok("up -d")
    assert shell.states() == {"app-web-1": "running", "app-db-1": "running"}
    lines = shell.err.splitlines()
    for line in ("Network app_default  Created", "Volume app_data  Created", "Container app-web-1  Started"):
        assert f" {line}" in lines
    assert lines.index(" Container app-db-1  Started") < lines.index(" Container app-web-1  Starting")
    assert shell.out == ""


def test_up_needs_few_requests(shell: Shell) -> None:
    shell.ok("up -d")
    # four lists; a network, a volume; two creates and two starts
    assert len(shell.docker.calls) == 10


def test_a_second_up_changes_nothing(shell: Shell) -> None:
    shell.ok("up -d")
    shell.ok("up -d")
    assert shell.changes() == []
    assert sorted(shell.err.splitlines()) == [" Container app-db-1  Running", " Container app-web-1  Running"]


def test_up_recreates_only_what_changed(shell: Shell) -> None:
    shell.ok("up -d")
    before = shell.docker.find("app-db-1").id
    shell.env["WORD"] = "books"
    shell.ok("up -d")
    assert shell.docker.find("app-db-1").id == before
    assert shell.docker.find("app-web-1").spec["Cmd"] == ["serve", "books"]
    told = [line for line in shell.err.splitlines()[-5:] if "web" in line]
    assert told == [f" Container app-web-1  {word}" for word in ("Recreate", "Recreated", "Starting", "Started")]


def test_up_of_one_service_brings_what_it_depends_on(shell: Shell) -> None:
    shell.ok("up -d web")
    assert set(shell.states()) == {"app-web-1", "app-db-1"}
    shell.ok("down")
    shell.ok("up -d --no-deps web")
    assert set(shell.states()) == {"app-web-1"}


def test_a_profile_is_active_by_flag_variable_or_name(shell: Shell) -> None:
    for line, env in (("--profile tools up -d", {}), ("up -d", {"COMPOSE_PROFILES": "tools"}), ("up -d tool", {})):
        shell.env = {"HOME": str(shell.folder), **env}
        shell.ok(line)
        assert "app-tool-1" in shell.states()
        shell.ok("--profile tools down")


def test_scale_adds_and_removes_containers(shell: Shell) -> None:
    shell.ok("up -d --scale db=3")
    assert {"app-db-1", "app-db-2", "app-db-3"} <= set(shell.states())
    shell.ok("scale db=1")
    assert set(shell.states()) == {"app-db-1", "app-web-1"}


def test_create_and_start_and_no_start(shell: Shell) -> None:
    shell.ok("create")
    assert set(shell.states().values()) == {"created"}
    shell.ok("start")
    assert set(shell.states().values()) == {"running"}
    shell.ok("down")
    shell.ok("up --no-start")
    assert set(shell.states().values()) == {"created"}


def test_a_dry_run_shows_the_plan_and_changes_nothing(shell: Shell) -> None:
    shell.ok("up --dry-run")
    assert shell.changes() == []
    assert "create app-web-1: no such container" in shell.out
    assert shell.run("--dry-run down") == 0 and shell.changes() == []


def test_down_removes_the_project_and_volumes_only_when_asked(shell: Shell) -> None:
    shell.ok("up -d")
    shell.ok("down")
    assert (shell.states(), shell.docker.networks, list(shell.docker.volumes)) == ({}, {}, ["app_data"])
    shell.ok("up -d")
    shell.ok("down -v -t 0")
    assert shell.docker.volumes == {}
    assert any("/stop?t=0" in path for _, path, _ in shell.client.sent)


def test_down_with_nothing_there_warns(shell: Shell) -> None:
    shell.ok("down")
    assert shell.err.count('No resource found to remove for project "app".') == 1


def test_a_project_without_its_file_is_known_by_its_labels(shell: Shell) -> None:
    shell.ok("up -d")
    (shell.folder / "compose.yaml").unlink()
    assert "app-web-1" in shell.ok("-p app ps")
    shell.ok("-p app stop")
    shell.ok("-p app down -v")
    assert (shell.states(), shell.docker.networks, shell.docker.volumes) == ({}, {}, {})


def test_stop_start_restart_pause_unpause_kill(shell: Shell) -> None:
    shell.ok("up -d")
    for line, word, state in (
        ("stop", "Stopped", "exited"),
        ("start", "Started", "running"),
        ("restart", "Started", "running"),
        ("pause", "Paused", "paused"),
        ("unpause", "Unpaused", "running"),
        ("kill", "Killed", "exited"),
    ):
        shell.ok(line)
        assert set(shell.states().values()) == {state}, line
        assert f" Container app-web-1  {word}" in shell.err.splitlines(), line


def test_rm_removes_what_has_stopped_after_a_question(shell: Shell) -> None:
    shell.ok("up -d")
    shell.ok("rm")
    assert "No stopped containers" in shell.err
    shell.ok("stop web")
    shell.ok("rm")  # nobody can answer: nothing is done
    assert "Going to remove app-web-1" in shell.out and "app-web-1" in shell.states()
    shell.ok("rm -f")
    assert set(shell.states()) == {"app-db-1"}
    shell.ok("rm -fsv")
    assert shell.states() == {}


def test_ps_shows_what_runs(shell: Shell) -> None:
    shell.ok("up -d")
    shell.ok("stop db")
    heading, row = shell.ok("ps").splitlines()
    assert heading.split() == ["NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"]
    assert row.startswith("app-web-1   nginx ") and '"serve pages"' in row and row.endswith("0.0.0.0:8080->80/tcp")
    assert shell.ok("ps --services") == "web\n"
    assert shell.ok("ps -q") == shell.docker.find("app-web-1").id + "\n"
    assert shell.ok("ps --status exited --format {{.Name}}") == "app-db-1\n"
    assert len(shell.ok("ps -a").splitlines()) == 3


def test_ps_as_json_has_the_fields_of_compose(shell: Shell) -> None:
    shell.ok("up -d")
    values = [json.loads(line) for line in shell.ok("ps --format json").splitlines()]
    assert [value["Service"] for value in values] == ["db", "web"]
    web = values[1]
    assert web["Publishers"] == [{"URL": "0.0.0.0", "TargetPort": 80, "PublishedPort": 8080, "Protocol": "tcp"}]
    assert (web["State"], web["ExitCode"], web["Health"], web["Project"]) == ("running", 0, "", "app")


def test_ps_of_an_unknown_status_is_refused(shell: Shell) -> None:
    assert shell.run("ps --status happy") == 1
    assert 'unknown status "happy"' in shell.err


def test_ps_leaves_orphans_out_when_asked(shell: Shell) -> None:
    shell.ok("up -d")
    shell.write(APP.replace("  db:\n", "  database:\n").replace("[db]", "[database]"))
    assert "app-db-1" in shell.ok("ps")
    assert "app-db-1" not in shell.ok("ps --orphans=false")


def test_orphans_are_named_and_removed_when_asked(shell: Shell) -> None:
    shell.ok("up -d")
    shell.write(APP.replace("  db:\n", "  database:\n").replace("[db]", "[database]"))
    shell.ok("up -d")
    assert "app-db-1" in shell.err and "orphan" in shell.err
    shell.env["COMPOSE_IGNORE_ORPHANS"] = "1"
    shell.ok("up -d")
    assert "orphan" not in shell.err
    shell.ok("up -d --remove-orphans")
    assert "app-db-1" not in shell.states()


def test_logs_are_in_the_order_of_time_with_aligned_names(shell: Shell) -> None:
    shell.ok("up -d --scale db=2")
    # the engine in memory gives later containers earlier times
    newest_first = sorted(shell.docker.containers.values(), key=lambda c: -c.number)
    width = len("web-1") + 1
    wanted = [f"{c.name.removeprefix('app-'):<{width}} | hello from {c.name}" for c in newest_first]
    assert shell.ok("logs").splitlines() == wanted
    assert shell.ok("logs --no-log-prefix web") == "hello from app-web-1\n"
    assert shell.ok("logs -t web").startswith("web-1  | 2026-01-01T00:00:")
    assert shell.ok("logs --index 2 db") == "db-2  | hello from app-db-2\n"


def test_images_ls_top_volumes_and_version(shell: Shell) -> None:
    shell.ok("up -d")
    assert [line.split()[:3] for line in shell.ok("images").splitlines()[1:]] == [
        ["app-db-1", "redis", "latest"],
        ["app-web-1", "nginx", "latest"],
    ]
    assert shell.ok("ls").splitlines()[1].split() == ["app", "running(2)", str(shell.folder / "compose.yaml")]
    assert json.loads(shell.ok("ls --format json"))[0]["Status"] == "running(2)"
    assert shell.ok("top web").splitlines()[1].split() == ["web", "1", "root", "1", "sh"]
    assert shell.ok("volumes -q") == "app_data\n"
    assert shell.ok("version --short").count(".") == 2


def test_resources_that_nobody_uses_are_left_out_unless_asked_for(shell: Shell) -> None:
    shell.write("name: app\nservices: {a: {image: redis}}\nvolumes: {spare: {}}\nnetworks: {aside: {}}\n")
    shell.ok("up -d")
    assert (list(shell.docker.networks), list(shell.docker.volumes)) == (["app_default"], [])
    assert "spare" not in shell.ok("config") and "spare" in shell.ok("--all-resources config")
    shell.ok("--all-resources up -d")
    assert (set(shell.docker.networks), list(shell.docker.volumes)) == ({"app_default", "app_aside"}, ["app_spare"])


def test_the_engine_s_socket_is_given_to_services_that_ask(shell: Shell) -> None:
    shell.write("name: app\nservices: {a: {image: redis, use_api_socket: true}}\n")
    shell.ok("up -d")
    assert "/run/fake.sock:/var/run/docker.sock:rw" in shell.docker.find("app-a-1").spec["HostConfig"]["Binds"]


def test_config_lists(shell: Shell) -> None:
    assert shell.ok("config --services").split() == ["web", "db"]
    assert shell.ok("config --images").split() == ["nginx", "redis"]
    assert shell.ok("config --volumes") == "data\n"
    assert shell.ok("config --profiles") == "tools\n"
    assert shell.ok("config -q") == ""
    assert "WORD" in shell.ok("config --variables")


def test_config_prints_the_canonical_project(shell: Shell) -> None:
    assert "image: nginx" in shell.ok("config")
    assert json.loads(shell.ok("config --format json"))["services"]["web"]["image"] == "nginx"
    assert "db" not in json.loads(shell.ok("config --format json tool"))["services"]
    names = [line.split()[0] for line in shell.ok("config --hash *").splitlines()]
    assert names == ["db", "web"]
    shell.ok(f"config -o {shell.folder}/out.yaml")
    assert "image: nginx" in (shell.folder / "out.yaml").read_text()


def test_missing_images_are_pulled_in_the_same_up(shell: Shell) -> None:
    del shell.docker.images["redis:latest"]
    shell.ok("up -d")
    assert "redis:latest" in shell.docker.images
    assert "Image redis" in shell.err and "Pulled" in shell.err
    assert set(shell.states().values()) == {"running"}


def test_stand_ins_are_asked_for_only_by_the_flag(shell: Shell) -> None:
    del shell.docker.images["redis:latest"]
    shell.ok("pull db")
    assert not any("standIns" in path for _, path, _ in shell.client.sent)
    shell.ok("pull --stand-ins db")
    assert any("shoal.standIns=1" in path for _, path, _ in shell.client.sent)


def test_an_image_that_can_not_be_pulled_ends_up_with_the_engine_s_words(shell: Shell) -> None:
    shell.write("services: {a: {image: missing}}\n")
    assert shell.run("up -d") == 1
    assert "manifest unknown" in shell.err and shell.states() == {}


def test_up_builds_what_is_missing_and_sends_the_context(shell: Shell) -> None:
    shell.write("name: app\nservices: {web: {build: .}, other: {build: {context: ., dockerfile: D2}}}\n")
    shell.write("FROM scratch\n", "Dockerfile")
    shell.write("FROM scratch\n", "D2")
    shell.ok("up -d")
    assert {"app-web:latest", "app-other:latest"} <= {t for i in shell.docker.images.values() for t in i["RepoTags"]}
    builds = [path for method, path, _ in shell.client.sent if path.startswith("/build")]
    assert sorted("dockerfile=D2" in path for path in builds) == [False, True]
    shell.ok("up -d")
    assert not any(path.startswith("/build") for _, path, _ in shell.client.sent)
    shell.ok("up -d --build")
    assert sum(path.startswith("/build") for _, path, _ in shell.client.sent) == 2


def test_a_build_context_that_is_not_there_is_named(shell: Shell) -> None:
    shell.write("services: {web: {build: ./nowhere}}\n")
    assert shell.run("build") == 1
    assert "nowhere" in shell.err and "not found" in shell.err


def test_flags_of_buildkit_are_refused_by_name(shell: Shell) -> None:
    assert shell.run("build --ssh default") == 1
    assert "--ssh is not supported" in shell.err


def test_a_failed_start_is_told_and_skips_what_depends_on_it(shell: Shell) -> None:
    shell.docker.faults["POST /containers/app-db-1/start"] = Refused(500, "port is already allocated")
    assert shell.run("up -d") == 1
    assert "Error response from daemon: port is already allocated" in shell.err
    assert shell.docker.find("app-web-1").status == "created"


@pytest.mark.parametrize(
    ("line", "status", "message"),
    [
        ("up -d nosuch", 1, "no such service: nosuch"),
        ("up -d --build --no-build", 1, "--no-build and --build are incompatible"),
        ("up -d --force-recreate --no-recreate", 1, "--force-recreate and --no-recreate are incompatible"),
        ("up -d --scale web", 1, 'invalid --scale option "web". Should be SERVICE=NUM'),
        ("up -d --scale web=many", 1, '"many" is not a number'),
        ("up -d --pull sometimes", 1, 'invalid --pull option "sometimes"'),
        ("up -d --attach web", 1, "--detach and --attach are incompatible"),
        ("up -d --exit-code-from web", 1, "--exit-code-from and --detach are incompatible"),
        ("down --rmi some", 1, 'invalid value for --rmi: "some"'),
        ("logs --tail few", 1, 'invalid argument "few"'),
        ("watch", 1, "watch is not supported yet"),
        ("--progress loud ps", 1, 'unsupported --progress value "loud"'),
        ("--ansi blue ps", 1, 'unsupported --ansi value "blue"'),
        ("exec web ls", 1, 'service "web" is not running'),
        ("port web 80", 1, 'service "web" is not running'),
        ("cp a b", 1, "one of source and destination must be SERVICE:PATH"),
        ("run nosuch ls", 1, "no such service: nosuch"),
        ("-f nope.yaml ps", 1, "no such file or directory"),
        ("config --format xml", 1, 'unsupported format "xml"'),
        ("start", 1, 'no containers found for project "app": not found'),
    ],
)
def test_errors_name_what_is_wrong(shell: Shell, line: str, status: int, message: str) -> None:
    assert shell.run(line) == status
    assert message in shell.err


@pytest.mark.parametrize("text", ["services: {}\n", "services: {web: {image: nginx, profiles: [other]}}\n"])
def test_up_of_no_service_is_told(shell: Shell, text: str) -> None:
    shell.write(text)
    assert shell.run("up -d") == 1
    assert shell.err == "no service selected\n"


def test_without_any_file_the_user_is_told(shell: Shell) -> None:
    (shell.folder / "compose.yaml").unlink()
    assert shell.run("up") == 1
    assert "no configuration file provided: not found" in shell.err


def test_a_mistake_in_the_file_is_shown_with_its_place(shell: Shell) -> None:
    shell.write("services:\n  web:\n    imgae: nginx\n")
    assert shell.run("config -q") == 1
    assert "compose.yaml:3:5" in shell.err and "image" in shell.err


def test_the_file_may_come_from_standard_input(shell: Shell) -> None:
    assert shell.run("-f - config --services", b"services: {piped: {image: x}}\n") == 0
    assert shell.out == "piped\n"


def test_progress_may_be_json_or_silent_or_on_standard_output(shell: Shell) -> None:
    shell.ok("--progress json up -d")
    assert {"id": "Network app_default", "status": "Created"} in [json.loads(line) for line in shell.err.splitlines()]
    shell.ok("--progress quiet down")
    assert shell.err == ""
    shell.env["COMPOSE_STATUS_STDOUT"] = "1"
    shell.ok("up -d")
    assert " Container app-web-1  Started" in shell.out


def test_parallelism_is_limited_by_flag_or_variable(shell: Shell) -> None:
    shell.ok("--parallel 1 up -d")
    shell.env["COMPOSE_PARALLEL_LIMIT"] = "two"
    assert shell.run("down") == 1
    assert 'COMPOSE_PARALLEL_LIMIT: expected a number, got "two"' in shell.err


def test_the_short_form_is_the_same_command(shell: Shell) -> None:
    assert shell.shoal(["up", "-d", "--project-directory", str(shell.folder)]) == 0, shell.err
    assert set(shell.states().values()) == {"running"}
    assert shell.shoal(["down", "--project-directory", str(shell.folder)]) == 0
    assert shell.states() == {}


def test_wait_gives_the_status_of_the_first_that_ends(shell: Shell) -> None:
    shell.write("name: app\nservices: {job: {image: busybox, command: exit 4}}\n")
    shell.ok("up -d")
    assert shell.run("wait job") == 4
    assert shell.out == 'container "app-job-1" exited with status code 4\n'


def test_events_of_the_project(shell: Shell) -> None:
    shell.ok("up -d")
    texts = shell.ok("events --since 1h --until 0s").splitlines()
    assert any(" container start " in line and "name=app-web-1" in line for line in texts)
    assert not any("com.docker.compose" in line for line in texts)
    values = [json.loads(line) for line in shell.ok("events --json --since 1h --until 0s web").splitlines()]
    assert {value["service"] for value in values} == {"web"}


def test_up_waits_for_health_when_asked(shell: Shell) -> None:
    shell.write('name: app\nservices: {a: {image: redis, healthcheck: {test: ["CMD", "x"]}}, b: {image: nginx}}\n')
    shell.ok("up --wait")
    assert " Container app-a-1  Healthy" in shell.err
    assert shell.docker.find("app-a-1").health == "healthy"
    shell.ok("down")
    shell.docker.health_result = "unhealthy"
    assert shell.run("up -d --wait") == 1
    assert "container app-a-1 is unhealthy" in shell.err


def test_run_detached_makes_a_one_off_container(shell: Shell) -> None:
    shell.ok("run -d --no-deps -e COLOUR=blue -e WORD --name once web echo hi")
    once = shell.docker.find("once")
    assert shell.out.strip() == once.id
    assert (once.status, once.spec["Cmd"]) == ("running", ["echo", "hi"])
    assert "COLOUR=blue" in once.spec["Env"] and not any(item.startswith("WORD=") for item in once.spec["Env"])
    assert once.labels["com.docker.compose.oneoff"] == "True"
    assert "once" not in shell.ok("ps") and "once" in shell.ok("ps -a")
