"""An exec: a further program in a running container."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecSpec:
    """What the user asked for.

    user: "" = the container's
    detach_keys: bytes that leave its terminal
    """

    cmd: tuple[str, ...]
    env: tuple[str, ...] = ()
    user: str = ""
    workdir: str = ""
    tty: bool = False
    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    privileged: bool = False
    detach_keys: bytes = b"\x10\x11"
    console_size: tuple[int, int] | None = None  #: height, width


@dataclass(frozen=True, slots=True, kw_only=True)
class Exec:
    """An exec as it is now. Kept in the engine's memory only: after a restart of the engine it is unknown.

    exit_code: None until it has ended
    ended_at: ns since the epoch, 0 = not yet
    """

    id: str
    container_id: str
    spec: ExecSpec
    running: bool = False
    pid: int = 0
    exit_code: int | None = None
    ended_at: int = 0
