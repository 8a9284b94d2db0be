"""Errors of the command line itself."""

from shoal.errors import ShoalError


class UsageError(ShoalError):
    """The command line is wrong; shown with the command's usage."""

    status = 400


class FlagError(UsageError):
    """A flag that does not exist, or whose value can't be read."""


class ArgumentsError(UsageError):
    """Too few or too many arguments, or a command that does not exist."""


class Exit(Exception):
    """The program ends with `status`; everything has been said."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class PlainError(ShoalError):
    """An error whose message is shown as it is, without a word in front."""


def describe_error(error: ShoalError) -> str:
    """What the user is told: the engine's message as docker prints it, our own after "Error: ", the hint below."""
    from shoal.client.errors import ClientError

    prefix = "Error response from daemon: " if isinstance(error, ClientError) else "Error: "
    if isinstance(error, PlainError):
        prefix = ""
    lines = [prefix + error.message]
    lines += getattr(error, "__notes__", [])
    if error.hint:
        lines.append(f"hint: {error.hint}")
    return "\n".join(lines)
