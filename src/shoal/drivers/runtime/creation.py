"""Starting a supervisor, which makes the container."""

import os
import subprocess
from pathlib import Path

from shoal.contracts.runtime import CreateRequest
from shoal.drivers.runtime.conmon import Answer, Conmon, parse_answer
from shoal.drivers.runtime.processes import ENV, read_all, spawn, watch_child
from shoal.drivers.runtime.rotation import backstop_bytes
from shoal.errors import DriverError


async def spawn_conmon(conmon: Conmon, request: CreateRequest, bundle: Path) -> Answer:
    """What conmon answers once crun has made the container, or has failed.

    Raises: DriverError when conmon itself fails
    """
    argv = _command_line(conmon, request, bundle)
    read, write = os.pipe()
    messages = os.memfd_create("conmon")
    try:
        try:
            child = spawn(
                argv,
                stdio=(subprocess.DEVNULL, messages, messages),
                keep_fds=[write],
                env={**ENV, "_OCI_SYNCPIPE": str(write)},
                cwd=str(bundle),
            )
        except OSError as error:
            message = f"can't run {argv[0]}: {error.strerror}"
            raise DriverError(message, argv=argv, hint="apt-get install conmon crun") from error
        finally:
            os.close(write)
        ended = watch_child(child)
        line = await read_all(read, until_line=True)
        status = await ended
        if not line:
            text = os.pread(messages, 4096, 0).decode(errors="replace").strip()
            raise DriverError(f"conmon failed: {text}", argv=argv, exit_status=status, stderr_tail=text)
        return parse_answer(line)
    finally:
        os.close(read)
        os.close(messages)


def _command_line(conmon: Conmon, request: CreateRequest, bundle: Path) -> list[str]:
    terminal = bool(request.spec.get("process", {}).get("terminal"))
    return conmon.create(
        request.container_id,
        bundle,
        log_path=request.log_path,
        log_max_bytes=backstop_bytes(request.log_max_bytes, request.log_max_files),
        terminal=terminal,
        stdin=request.stdin_open,
        leave_stdin_open=request.stdin_open and (terminal or not request.stdin_once),
    )
