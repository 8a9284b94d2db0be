"""Where the files of containers are."""

import shutil
from pathlib import Path


class ContainerFiles:
    """The directory of each container below the engine's root: logs, and what is mounted over its /etc."""

    def __init__(self, root: Path) -> None:
        """`root`: the engine's root directory."""
        self.folder = root / "containers"

    def directory(self, container_id: str) -> Path:
        return self.folder / container_id

    def log(self, container_id: str) -> Path:
        """The log; older parts beside it."""
        return self.directory(container_id) / "output.log"

    def hostname(self, container_id: str) -> Path:
        return self.directory(container_id) / "hostname"

    def hosts(self, container_id: str) -> Path:
        return self.directory(container_id) / "hosts"

    def resolv_conf(self, container_id: str) -> Path:
        return self.directory(container_id) / "resolv.conf"

    def shm(self, container_id: str) -> Path:
        """Where the /dev/shm of a container is mounted that others may share."""
        return self.directory(container_id) / "shm"

    def make(self, container_id: str) -> None:
        """The directory, closed to other users. Blocking. Raises: OSError"""
        self.directory(container_id).mkdir(mode=0o710, parents=True, exist_ok=True)

    def remove(self, container_id: str) -> None:
        """Delete all of it. Blocking; no error where it is gone."""
        shutil.rmtree(self.directory(container_id), ignore_errors=True)

    def known(self) -> list[str]:
        """Ids that have a directory. Blocking."""
        return [entry.name for entry in self.folder.iterdir()] if self.folder.is_dir() else []
