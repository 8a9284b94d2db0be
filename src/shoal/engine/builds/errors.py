"""What a failed step says: file, line, instruction, and the last lines of its output."""

from collections.abc import Sequence

from shoal.dockerfile.instructions import Instruction
from shoal.dockerfile.source import BadDockerfile
from shoal.errors import DriverError, ShoalError


class StepFailed(DriverError):
    """A program of RUN ended with another status than 0; `exit_status` is it. Wording as Docker's classic builder."""

    def __init__(self, instruction: Instruction, argv: Sequence[str], exit_status: int, tail: str) -> None:
        command = " ".join(argv)
        lines = [
            f"The command '{command}' returned a non-zero code: {exit_status}",
            f"{instruction.position}: {_short(instruction.original)}",
        ]
        if tail:
            lines.append("last lines of its output:")
            lines += [f"  {line}" for line in tail.split("\n")]
        super().__init__("\n".join(lines), argv=argv, exit_status=exit_status, stderr_tail=tail)


def at_instruction(error: ShoalError, instruction: Instruction) -> ShoalError:
    """The same error, its message beginning with where in the Dockerfile it happened."""
    if isinstance(error, BadDockerfile | StepFailed) or error.message.startswith(f"{instruction.position}:"):
        return error
    error.message = f"{instruction.position}: {instruction.keyword}: {error.message}"
    error.args = (error.message,)
    return error


def _short(text: str, limit: int = 200) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"
