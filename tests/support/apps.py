"""Compose apps for tests: a folder with files, and `shoal compose` run in it against a real engine."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.engine import EngineProcess, wait_for


def fetch(port: int, path: str = "/") -> str:
    """The text of a page on this machine, once a server answers at all."""

    def attempt() -> tuple[str] | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return (answer.read().decode(),)
        except (ConnectionError, urllib.error.URLError):
            return None  # started, not listening yet

    return wait_for(f"a page on port {port}", attempt)[0]


class App:
    """A project in a folder. `name`: also the project's name."""

    def __init__(self, engine: EngineProcess, folder: Path, name: str) -> None:
        self.engine = engine
        self.folder = folder
        self.name = name
        self.env = {**engine.env, "COMPOSE_PROJECT_NAME": name}

    def write(self, text: str, name: str = "compose.yaml") -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def argv(self, *args: str) -> list[str]:
        return [sys.executable, "-m", "shoal.cli.main", "compose", *args]

    def compose(self, *args: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run `shoal compose ARGS` in the folder."""
        options.setdefault("env", self.env)
        options.setdefault("timeout_s", 60)
        return self.engine.shoal("compose", *args, check=check, cwd=self.folder, **options)

    def popen(self, *args: str, **options: Any) -> subprocess.Popen[str]:
        """Start `shoal compose ARGS` and do not wait."""
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen(self.argv(*args), cwd=self.folder, env=self.env, text=True, **options)

    def containers(self, *, all: bool = True) -> list[dict[str, Any]]:
        """The project's containers as the API lists them."""
        filters = json.dumps({"label": [f"com.docker.compose.project={self.name}"]})
        from urllib.parse import quote

        status, found = self.engine.call("GET", f"/containers/json?all={int(all)}&filters={quote(filters)}")
        assert status == 200, found
        listed: list[dict[str, Any]] = found
        return listed

    def states(self) -> dict[str, str]:
        """{container name without the project's: state}."""
        return {self.short(c): c["State"] for c in self.containers()}

    def ids(self) -> dict[str, str]:
        """{container name without the project's: id}."""
        return {self.short(c): c["Id"] for c in self.containers()}

    def short(self, container: dict[str, Any]) -> str:
        name: str = container["Names"][0].removeprefix("/")
        return name.removeprefix(f"{self.name}-")

    def inspect(self, short: str) -> dict[str, Any]:
        """The container `PROJECT-short` as inspected."""
        status, found = self.engine.call("GET", f"/containers/{self.name}-{short}/json")
        assert status == 200, found
        inspected: dict[str, Any] = found
        return inspected

    def down(self, *args: str) -> None:
        """Remove everything of the project."""
        profiles: Sequence[str] = ("--profile", "*")
        self.compose(*profiles, "down", "-v", "-t", "0", "--remove-orphans", *args)
