"""The taxonomy of errors.

ShoalError
├── InvalidArgument     400  the caller's input; the message starts with its path
├── Unauthorized        401  no identity
├── Forbidden           403  not allowed
├── NotFound            404  "No such container: x"; Docker's words kept
├── Conflict            409  name taken, object in use, wrong state for this verb
├── NotModified         304  already started, already stopped
├── Unavailable         503  not a manager, no quorum, daemon closing; a retry is sensible
│   ├── Fenced               another manager leads by now
│   └── NotLeader            only the leader does this; says who that is
├── NotSupported        501  part of the API that is not served
├── VersionConflict     500  "update out of sequence"
├── Compacted           500  a watch asked for a past that the store has forgotten: range again
├── DriverError         500  the outside world failed; the cause is chained
└── InternalError       500  our bug
    └── InvalidTransition

Raised by whoever knows. Caught in three places only: `api` (status and JSON message), `cli` ("Error: …" and the exit
status), and loops (log with ids, back off). Docker's clients match on the wording of messages: it is part of the API.
"""

from collections.abc import Sequence


class ShoalError(Exception):
    """Base of every error that a user may see.

    status: the HTTP status that the API answers with
    hint: what the user can do about it; shown below the message by the CLI
    """

    status = 500

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InvalidArgument(ShoalError):
    """The caller's input is wrong; the message starts with its path (`services.web.ports.0: …`)."""

    status = 400


class Unauthorized(ShoalError):
    """The caller has no identity, or a wrong one."""

    status = 401


class Forbidden(ShoalError):
    """The caller may not do this."""

    status = 403


class NotFound(ShoalError):
    """The object does not exist ("No such container: x")."""

    status = 404


class Conflict(ShoalError):
    """The name is taken, the object is in use, or its state does not allow this verb."""

    status = 409


class NotModified(ShoalError):
    """The object is already in the wanted state (started, stopped)."""

    status = 304


class Unavailable(ShoalError):
    """Not now: no quorum, not a manager, or the engine is closing. A retry is sensible."""

    status = 503


class NotSupported(ShoalError):
    """A part of the API that is not served."""

    status = 501


class VersionConflict(ShoalError):
    """The object changed since the version that the caller named."""

    def __init__(self, message: str = "update out of sequence", *, hint: str = "") -> None:
        super().__init__(message, hint=hint)


class Fenced(Unavailable):
    """The writer's epoch is over: another manager leads by now."""


class NotLeader(Unavailable):
    """Only the cluster's leader does this.

    leader_id: the node that leads, "" = nobody does
    address: its "host:2377", "" = not known
    """

    def __init__(self, leader_id: str = "", address: str = "") -> None:
        said = f"the leader is {leader_id} at {address}" if leader_id else "the cluster has no leader"
        super().__init__(f"rpc error: code = Unavailable desc = this node is not the leader: {said}")
        self.leader_id = leader_id
        self.address = address


class Compacted(ShoalError):
    """A watch asked for changes that the store has forgotten: its reader ranges again."""


class DriverError(ShoalError):
    """The outside world failed: a program, the kernel, a registry.

    argv: the command that failed, empty where it was no command
    exit_status: its exit status, -1 where there is none
    stderr_tail: the last lines that it printed
    """

    def __init__(
        self, message: str, *, argv: Sequence[str] = (), exit_status: int = -1, stderr_tail: str = "", hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.argv = tuple(argv)
        self.exit_status = exit_status
        self.stderr_tail = stderr_tail


class InternalError(ShoalError):
    """A bug of ours."""


class InvalidTransition(InternalError):
    """A state machine was asked for a step that its table does not have."""
