"""Provisioning: reads the files when the server starts, and looks at dashboard folders again and again."""

import asyncio
import dataclasses
import hashlib
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from .dashboards import Dashboards, Folders
from .errors import ApiError
from .provisioning import DataSources, Provider, parse_data_sources, parse_providers
from .sources import Sources

_LOG = logging.getLogger("panelist.provisioning")


def read_text(path: str) -> str:
    """Content of a file that a setting names."""
    return Path(path).read_text()


class Provisioning:
    """The folder of provisioning files. What is wrong with a file is logged; the others count nevertheless."""

    def __init__(self, folder: str, sources: Sources, folders: Folders, dashboards: Dashboards) -> None:
        self._folder = Path(folder)
        self._sources = sources
        self._folders = folders
        self._dashboards = dashboards
        self.providers: tuple[Provider, ...] = ()

    def load(self, environ: Mapping[str, str]) -> None:
        """Read everything once. `environ`: variables that files may name"""
        for path in _documents(self._folder / "datasources"):
            try:
                self._apply_sources(parse_data_sources(path.read_text(), environ, read_text))
            except (OSError, ValueError, ApiError) as error:
                _LOG.error("%s: %s", path, error)
        providers: list[Provider] = []
        for path in _documents(self._folder / "dashboards"):
            try:
                providers += parse_providers(path.read_text(), environ, read_text)
            except (OSError, ValueError) as error:
                _LOG.error("%s: %s", path, error)
        self.providers = tuple(providers)
        for provider in self.providers:
            self._scan(provider)

    def _apply_sources(self, found: DataSources) -> None:
        for name in found.unwanted:
            if (source := self._sources.find(name=name)) is not None:
                self._sources.remove(source, provisioned=True)
        for values in found.wanted:
            self._sources.provision(values)
            _LOG.info("data source %s from its file", values["name"])

    async def watch(self) -> None:
        """Look at the folders again, each at its interval. Runs until cancelled."""
        due = {index: time.monotonic() + each.interval_s for index, each in enumerate(self.providers)}
        while due:
            index = min(due, key=due.__getitem__)
            await asyncio.sleep(max(0.0, due[index] - time.monotonic()))
            self._scan(self.providers[index])
            due[index] = time.monotonic() + self.providers[index].interval_s

    def _scan(self, provider: Provider) -> None:
        root = Path(provider.path)
        if not root.exists():
            _LOG.warning("provider %s: no folder %s", provider.name, root)
            return
        seen: set[str] = set()
        for path in _dashboard_files(root):
            seen.add(str(path))
            try:
                self._load_dashboard(provider, root, path)
            except (OSError, ValueError, ApiError) as error:
                _LOG.error("%s: %s", path, error)
        self._dashboards.forget_files(provider.name, seen, keep=provider.disable_deletion)

    def _load_dashboard(self, provider: Provider, root: Path, path: Path) -> None:
        raw = path.read_bytes()
        dashboard = json.loads(raw)
        if not isinstance(dashboard, dict):
            raise ValueError(f"expected a dashboard, got {type(dashboard).__name__}")
        dashboard = dashboard.get("dashboard", dashboard) if "panels" not in dashboard else dashboard
        folder = provider.folder
        if provider.folders_from_files and path.parent != root:
            folder = path.parent.name
        self._dashboards.provision(
            dashboard,
            folder_id=self._folders.named(folder, provider.folder_uid),
            provider=dataclasses.asdict(provider),
            path=str(path),
            digest=hashlib.sha256(raw).hexdigest(),
        )


def _documents(folder: Path) -> Iterator[Path]:
    """The YAML files of a folder, by name."""
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if path.suffix in (".yml", ".yaml") and path.is_file())


def _dashboard_files(root: Path) -> Iterator[Path]:
    """JSON files below `root`, or `root` itself where it is one; a mounted ConfigMap's hidden folders left out."""
    if root.is_file():
        yield root
        return
    for folder, names, files in os.walk(root, followlinks=True):
        names[:] = sorted(name for name in names if not name.startswith("."))
        yield from sorted(Path(folder) / name for name in files if name.endswith(".json"))
