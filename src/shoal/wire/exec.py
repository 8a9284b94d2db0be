"""Exec on the wire. Source: Docker Engine API v1.51, ExecConfig and ExecInspect."""

from typing import Any

from shoal.errors import InvalidArgument
from shoal.model.exec import Exec, ExecSpec
from shoal.wire.detach_keys import parse_detach_keys


def decode_exec(body: Any) -> ExecSpec:
    """The body of POST /containers/{id}/exec. Raises: InvalidArgument"""
    if not isinstance(body, dict):
        raise InvalidArgument(f"exec: expected an object, got {type(body).__name__}")
    cmd = _texts(body, "Cmd")
    if not cmd:
        raise InvalidArgument("No exec command specified")
    return ExecSpec(
        cmd=cmd,
        env=_texts(body, "Env"),
        user=str(body.get("User") or ""),
        workdir=str(body.get("WorkingDir") or ""),
        tty=bool(body.get("Tty")),
        attach_stdin=bool(body.get("AttachStdin")),
        attach_stdout=bool(body.get("AttachStdout")),
        attach_stderr=bool(body.get("AttachStderr")),
        privileged=bool(body.get("Privileged")),
        detach_keys=parse_detach_keys(str(body.get("DetachKeys") or "")),
        console_size=decode_console_size(body),
    )


def decode_console_size(body: dict[str, Any]) -> tuple[int, int] | None:
    """(height, width) of `ConsoleSize`. Raises: InvalidArgument"""
    size = body.get("ConsoleSize")
    if not size:
        return None
    if not (isinstance(size, list) and len(size) == 2 and all(isinstance(n, int) for n in size)):
        raise InvalidArgument("ConsoleSize: expected [height, width]")
    return (size[0], size[1]) if any(size) else None


def _texts(body: dict[str, Any], key: str) -> tuple[str, ...]:
    value = body.get(key) or []
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidArgument(f"{key}: expected a list of strings")
    return tuple(value)


def encode_exec(exec: Exec) -> dict[str, Any]:
    """The answer of GET /exec/{id}/json."""
    spec = exec.spec
    return {
        "ID": exec.id,
        "ContainerID": exec.container_id,
        "Running": exec.running,
        "ExitCode": exec.exit_code,
        "Pid": exec.pid,
        "CanRemove": exec.exit_code is not None,
        "DetachKeys": "" if spec.detach_keys == b"\x10\x11" else spec.detach_keys.decode("latin-1"),
        "OpenStdin": spec.attach_stdin,
        "OpenStdout": spec.attach_stdout,
        "OpenStderr": spec.attach_stderr,
        "ProcessConfig": {
            "tty": spec.tty,
            "entrypoint": spec.cmd[0],
            "arguments": list(spec.cmd[1:]),
            "privileged": spec.privileged,
            **({"user": spec.user} if spec.user else {}),
        },
    }
