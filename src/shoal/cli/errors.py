"""Errors of the command line itself."""

from shoal.errors import ShoalError


class UsageError(ShoalError):
    """The command line is wrong; shown with the command's usage."""

    status = 400


class Exit(Exception):
    """The program ends with `status`; everything has been said."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class PlainError(ShoalError):
    """An error whose message is shown as it is, without a word in front."""
