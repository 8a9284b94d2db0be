"""What tests have left on this machine: found by the folders they made and the tags of the engines in them.

Only what carries such a folder or tag counts, or what was started by this session: another engine that works on the
same machine, or another run of the tests, is never taken for ours.
"""

import contextlib
import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from shoal.model.settings import Settings
from tests.support.deadlines import patient

#: inherited by every program that the tests start, and by what those start
MARK = "SHOAL_TEST_SESSION"
_CGROUPS = Path("/sys/fs/cgroup")
#: folders of engines and drivers in this process, and the test that made each
_folders: dict[Path, str] = {}


def new_folder(prefix: str) -> Path:
    """A new folder for one engine or driver; short, as UNIX sockets end at 108 bytes. It is looked for at the end."""
    return note(Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp")))


def note(folder: Path) -> Path:
    """The folder, to be looked for at the end."""
    _folders[folder] = os.environ.get("PYTEST_CURRENT_TEST", "")
    return folder


def mark_session() -> str:
    """The mark of this process, given to all that it starts from now on."""
    mark = secrets.token_hex(8)
    os.environ[MARK] = mark
    return mark


def once_settled(mark: str, *more_folders: Path, within_s: float = 3.0) -> list[str]:
    """What this process and all that it started have left, a line each; what is just ending is waited for.

    Each says in which test it began, as far as that is known.
    """
    folders = [*_folders, *more_folders]
    deadline = time.monotonic() + patient(within_s)
    while left := [*processes(folders, mark), *mounts(folders), *named_after(_folders)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return [line + _origin(line) for line in left]


def _origin(line: str) -> str:
    for folder, test in _folders.items():
        if test and (folder.name in line or tag_of(folder) in line):
            return f"  (of {test})"
    return ""


def of_engine(base: Path) -> list[str]:
    """What the engine with its root and run directories in `base` has left."""
    return [*processes([base]), *mounts([base / "root", base / "run"]), *named_after([base])]


def tag_of(base: Path) -> str:
    """What the engine in `base` puts into the names of host objects."""
    return Settings(root=PurePosixPath(base / "root"), run=PurePosixPath(base / "run")).tag


def processes(folders: Collection[Path], mark: str = "") -> list[str]:
    """Processes that name one of the folders, or carry the mark."""
    names = [f"{folder}/".encode() for folder in folders]
    wanted = f"{MARK}={mark}".encode() if mark else None
    found: list[str] = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            is_named = any(name in command for name in names)
            is_marked = wanted is not None and wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            if (is_named or is_marked) and int(pid) != os.getpid() and command:
                found.append(f"process {pid}: {command.replace(bytes(1), b' ').decode(errors='replace')[:160]}")
    return found


def mounts(folders: Collection[Path]) -> list[str]:
    """Mounts in the folders that this process sees."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [f"mount {point}" for point in points if any(Path(point).is_relative_to(folder) for folder in folders)]


def named_after(folders: Collection[Path]) -> list[str]:
    """Links, nft tables, named network namespaces and cgroups of the engines and drivers in these folders."""
    if not folders:
        return []
    found = [f"link {line.split()[1].partition('@')[0].rstrip(':')}" for line in _output("ip", "-o", "link")]
    found += [f"nft {line}" for line in _output("nft", "list", "tables")]
    found += [f"netns {line.split()[0]}" for line in _output("ip", "netns", "list")]
    found += [f"cgroup {path}" for path in _cgroups()]
    tags = {tag_of(folder) for folder in folders}
    # A driver without an engine names its cgroup after the folder: `new_runtime`.
    names = tuple(f"{kind}{tag}" for tag in tags for kind in ("shoal", "s", "v")) + tuple(f"t{f.name}" for f in folders)
    return [line for line in found if PurePosixPath(line.split()[-1]).name.startswith(names)]


def _cgroups() -> list[Path]:
    return [path for top in (_CGROUPS, *_CGROUPS.iterdir()) if top.is_dir() for path in top.iterdir() if path.is_dir()]


def _output(*argv: str) -> list[str]:
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()
