"""Errors of the client: what the engine answered, or that it could not be reached.

Every one is a ShoalError. `except NotFound` and `except Conflict` work for answers of the engine as they do inside it.
"""

from shoal.errors import Conflict, NotFound, ShoalError, Unavailable


class ClientError(ShoalError):
    """The engine answered a request with an error.

    status: the HTTP status of the answer
    """

    def __init__(self, message: str, *, status: int = 500, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class ClientNotFound(ClientError, NotFound):
    """The engine answered 404."""


class ClientConflict(ClientError, Conflict):
    """The engine answered 409."""


class EngineUnreachable(Unavailable):
    """Nothing answers at the engine's address."""


class ConnectionLost(Unavailable):
    """The engine went away in the middle of an answer."""


def answer_error(status: int, message: str, hint: str = "") -> ClientError:
    """The error that stands for an answer with `status`, 400 or above."""
    kind = {404: ClientNotFound, 409: ClientConflict}.get(status, ClientError)
    return kind(message, status=status, hint=hint)
