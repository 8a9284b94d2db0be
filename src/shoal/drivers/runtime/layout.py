"""Where the runtime keeps its files, all in the run directory, and what it notes down for the next engine."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What the next engine must know of a run and can't read elsewhere; kept as `run.json` in the bundle."""

    cgroup: str
    terminal: bool = False
    log_path: str = ""
    log_max_bytes: int = 0
    log_max_files: int = 1


class Layout:
    """The runtime's directories below `run`."""

    def __init__(self, run: Path) -> None:
        self.bundles = run / "containers"
        self.crun = run / "crun"
        self.exits = run / "exits"
        self.consoles = run / "consoles"

    def make(self) -> None:
        """All directories there, for root only."""
        for folder in (self.bundles, self.crun, self.exits, self.consoles):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def bundle(self, container_id: str) -> Path:
        return self.bundles / container_id

    def exit_file(self, container_id: str) -> Path:
        return self.exits / container_id

    def write_bundle(self, container_id: str, spec: Mapping[str, Any], notes: Notes) -> Path:
        """A fresh bundle directory of this container."""
        bundle = self.bundle(container_id)
        shutil.rmtree(bundle, ignore_errors=True)
        self.exit_file(container_id).unlink(missing_ok=True)
        bundle.mkdir(mode=0o700)
        (bundle / "config.json").write_text(json.dumps(spec))
        (bundle / "run.json").write_text(json.dumps(asdict(notes)))
        return bundle

    def notes(self, container_id: str) -> Notes | None:
        """What was noted down; None when there is no bundle, or half of one."""
        try:
            return Notes(**json.loads((self.bundle(container_id) / "run.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def init_process(self, container_id: str) -> dict[str, Any]:
        """The `process` part of the spec that the container was made with. Raises: OSError, ValueError"""
        process = json.loads((self.bundle(container_id) / "config.json").read_text())["process"]
        return dict(process)

    def number(self, path: Path) -> int:
        """The number in a pid or exit file; -1 when there is none (yet)."""
        try:
            return int(path.read_text().strip() or -1)
        except (OSError, ValueError):
            return -1

    def known(self) -> set[str]:
        """Ids of all containers that have a bundle or a state of crun's."""
        return {entry for folder in (self.bundles, self.crun) for entry in os.listdir(folder)}

    def remove(self, container_id: str) -> None:
        """No file left of this container."""
        shutil.rmtree(self.crun / container_id, ignore_errors=True)
        shutil.rmtree(self.bundle(container_id), ignore_errors=True)
        self.exit_file(container_id).unlink(missing_ok=True)
