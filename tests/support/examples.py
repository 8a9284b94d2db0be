"""The examples of examples/ for tests: a copy of the folder whose published ports are moved to free ones."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.support.apps import App
from tests.support.deadlines import patient
from tests.support.engine import EngineProcess
from tests.support.ports import free_port

EXAMPLES = Path(__file__).parents[2] / "examples"
_FIRST_START_S = 900


class Example(App):
    """A copy of examples/NAME as a Compose project, whose ports other things on this machine do not have.

    with engine_with_stand_ins("mongo:6", "nginx:latest") as engine:
        example = Example(engine, "guestbook-mongo", tmp_path)
        example.up()
        fetch(example.port("nginx", 80))
        example.down()

    files: Compose files in the folder, as `-f` takes them
    """

    def __init__(
        self, engine: EngineProcess, name: str, base: Path, *, files: Sequence[str] = ("docker-compose.yml",)
    ) -> None:
        folder = base / name
        ignored = shutil.ignore_patterns("__pycache__", "node_modules", "screenshots")
        shutil.copytree(EXAMPLES / name, folder, ignore=ignored, dirs_exist_ok=True)
        super().__init__(engine, folder, name)
        self.files = tuple(files)
        self._ports: dict[tuple[str, int, str], int] = {}
        self.env["COMPOSE_FILE"] = ":".join(self.files)
        self._move_ports()

    def config(self) -> dict[str, Any]:
        """The project as `compose config` says it."""
        config: dict[str, Any] = json.loads(self.compose("--profile", "*", "config", "--format", "json").stdout)
        return config

    def _move_ports(self) -> None:
        moved = {}
        for name, service in self.config()["services"].items():
            published = [port for port in service.get("ports", ()) if port.get("published")]
            if published and service.get("network_mode") != "host":
                rest = [port for port in service["ports"] if not port.get("published")]
                moved[name] = {"ports": [*(self._moved(name, port) for port in published), *rest]}
        text = yaml.safe_dump({"services": moved}).replace("ports:", "ports: !override")
        if moved:
            self.write(text, "ports.override.yml")
            self.files = (*self.files, "ports.override.yml")
            self.env["COMPOSE_FILE"] = ":".join(self.files)

    def _moved(self, service: str, port: dict[str, Any]) -> dict[str, Any]:
        number = free_port()
        self._ports[service, port["target"], port.get("protocol", "tcp")] = number
        return {**port, "published": str(number)}

    def port(self, service: str, target: int, protocol: str = "tcp") -> int:
        """Where a port of a service is published in this copy."""
        return self._ports[service, target, protocol]

    def up(self, *args: str, timeout_s: float = _FIRST_START_S) -> None:
        """Build what is to be built, start, and wait until all is healthy."""
        self.compose("up", "-d", "--wait", *args, timeout_s=timeout_s)

    def start(self, timeout_s: float = _FIRST_START_S) -> str:
        """What the one command of the README does, `examples/run.sh NAME`, in this copy; what it printed."""
        script = shutil.copy(EXAMPLES / "run.sh", self.folder.parent)
        path = f"{Path(sys.executable).parent}:{self.env['PATH']}"
        done = subprocess.run(
            [script, self.folder.name],
            env={**self.env, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=patient(timeout_s),
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def deploy(self, stack: str, *args: str, timeout_s: float = _FIRST_START_S) -> None:
        """The files as a stack, with the moved ports; the engine must be in a cluster."""
        files = [word for file in self.files for word in ("-c", file)]
        self.engine.shoal("stack", "deploy", *files, *args, stack, cwd=self.folder, env=self.env, timeout_s=timeout_s)
