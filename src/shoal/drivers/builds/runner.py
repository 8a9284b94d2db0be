"""RUN steps by `crun run`: no supervisor, output through one pipe, killed with the build."""

import asyncio
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from shoal.drivers.files.tree import remove_tree
from shoal.drivers.mount import mount_memory
from shoal.drivers.runtime.cgroups import remove_hidden
from shoal.drivers.runtime.crun import Crun, create_error
from shoal.drivers.runtime.processes import run, spawn, wait_readable, watch_child
from shoal.errors import DriverError

_PIECE_BYTES = 64 * 1024


class CrunSteps:
    """`contracts.build.StepRunner` on crun, with a state directory of its own below `folder`."""

    def __init__(self, folder: Path, binary: str = "crun") -> None:
        """`folder` is in the run directory; all of it lies in memory, as specs may hold secrets in variables."""
        self._folder = folder
        self._steps = folder / "steps"
        self._crun = Crun(binary, folder / "crun")

    async def open(self) -> None:
        """Kill and remove what a dead engine left running."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.path.ismount(self._folder):
            mount_memory(str(self._folder))
        self._steps.mkdir(mode=0o700, exist_ok=True)
        self._crun.root.mkdir(exist_ok=True)
        names = {path.name for path in (*self._steps.iterdir(), *self._crun.root.iterdir())}
        for name in names:
            await run(self._crun.delete(name))
            remove_hidden(_cgroup(_load_spec(self._steps / name / "config.json")))
            await asyncio.to_thread(remove_tree, self._steps / name)
            await asyncio.to_thread(remove_tree, self._crun.state_dir(name))

    async def run(self, step_id: str, spec: Mapping[str, Any], output: Callable[[bytes], None]) -> int:
        """Run to the end; see the contract."""
        bundle = self._steps / step_id
        bundle.mkdir()
        try:
            (bundle / "config.json").write_text(json.dumps(spec))
            return await self._run(step_id, bundle, spec["process"]["args"][0], output)
        finally:
            remove_hidden(_cgroup(spec))
            await asyncio.shield(asyncio.to_thread(remove_tree, bundle))

    async def _run(self, step_id: str, bundle: Path, program: str, output: Callable[[bytes], None]) -> int:
        errors = bundle / "errors"
        reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(writing, True)
        try:
            child = spawn(self._argv(step_id, bundle, errors), stdio=(subprocess.DEVNULL, writing, writing))
        except OSError as error:
            os.close(reading)
            raise DriverError(f'cannot run "{self._crun.binary}": {error.strerror}') from error
        finally:
            os.close(writing)
        ended = watch_child(child)
        try:
            await _pump(reading, output)
            status = await asyncio.shield(ended)
        except BaseException:
            await asyncio.shield(self._kill(step_id, ended))
            raise
        finally:
            os.close(reading)
        if message := _error_of(errors):
            raise create_error(message, program)
        return status

    def _argv(self, step_id: str, bundle: Path, errors: Path) -> list[str]:
        return [
            self._crun.binary,
            *self._crun.arguments,
            f"--log={errors}",
            "--log-format=json",
            "run",
            "--no-new-keyring",
            f"--bundle={bundle}",
            step_id,
        ]

    async def _kill(self, step_id: str, ended: "asyncio.Future[int]") -> None:
        """Kill the container; also one that crun is only about to make."""
        while True:
            await run(self._crun.delete(step_id))
            done, _ = await asyncio.wait([ended], timeout=0.2)
            if done:
                break
        await run(self._crun.delete(step_id))


def _load_spec(path: Path) -> Mapping[str, Any]:
    try:
        spec = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return spec if isinstance(spec, dict) else {}


def _cgroup(spec: Mapping[str, Any]) -> str:
    return str(spec.get("linux", {}).get("cgroupsPath", ""))


async def _pump(fd: int, output: Callable[[bytes], None]) -> None:
    """Everything that comes out of a pipe, as it comes."""
    while True:
        try:
            piece = os.read(fd, _PIECE_BYTES)
        except BlockingIOError:
            await wait_readable(fd)
            continue
        if not piece:
            return
        output(piece)


def _error_of(report: Path) -> str:
    """What crun itself had to complain of, "" when the container ran."""
    try:
        lines = report.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    messages = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            entry = {"msg": line, "level": "error"}
        if entry.get("level", "error") == "error":
            messages.append(str(entry.get("msg", "")).strip())
    return "; ".join(message for message in messages if message)
