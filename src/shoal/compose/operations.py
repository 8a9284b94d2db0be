"""A plan: operations, one API call each, joined into a DAG.

Every operation says what it is for (`cause`), what must be done before (`depends_on`, ids of the same plan), and the
exact request. Who carries a plan out runs each operation as soon as all that it depends on are done, decides nothing,
and skips what depends on a failed one. Containers are named, not numbered by id: a name is known before its container
is.

Operation
├── Call            one request; `accept` lists error statuses that mean "already so"
├── Pull            POST /images/create, a stream of progress
├── Push            POST /images/{name}/push, a stream of progress
├── BuildImage      POST /build, the context packed by the one who carries it out
├── CopyFiles       PUT /containers/{name}/memory-files, or on other engines /archive with a tar made of `files`
├── RunHook         an exec in a container: create, start, exit code (the one that takes three calls)
└── WaitFor         reads containers until a condition holds
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from shoal.compose.noun import Noun, field
from shoal.compose.parts import Build, Condition


class Request(Noun):
    """An API request without version prefix. body: JSON value or None; query values are ready text."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = field(default=None, repr=False)


class Operation(Noun):
    """One step of a plan.

    id: unique in its plan and stable, such as `create app-web-1`
    subject: what the progress line is about: `Container app-web-1`, `Network app_default`, `Image redis:alpine`
    doing, done: its words for the progress line, `Creating` and `Created`; no line where a word is "", no
        end of the work on the subject where both are the same
    cause: why it is done, such as `no such container` or `configuration changed`
    depends_on: ids of operations that must be done before
    service: the service it belongs to, "" for project resources
    """

    id: str
    subject: str
    doing: str
    done: str
    cause: str
    depends_on: tuple[str, ...] = ()
    service: str = ""


class Call(Operation):
    """One plain request.

    accept: HTTP error statuses that count as done (304: already started; 404: already gone)
    in_use: HTTP error statuses that leave the object as it is: a warning with the engine's words, no failure
    """

    request: Request
    accept: tuple[int, ...] = ()
    in_use: tuple[int, ...] = ()


class Pull(Operation):
    """Fetches an image. The one who carries it out adds `X-Registry-Auth`.

    ignore_failure: a failure is a warning only (another operation builds the image, or an older copy serves)
    """

    reference: str
    request: Request
    ignore_failure: bool = False


class Push(Operation):
    """Sends an image to its registry."""

    reference: str
    request: Request
    ignore_failure: bool = False


class SecretSource(Noun):
    """A build secret: the content of a file, or a value."""

    id: str
    file: str = ""
    value: str | None = field(default=None, repr=False)


class BuildImage(Operation):
    """Builds an image. `request` holds all of the query; the context is `build.context`, packed by its .dockerignore.

    An inline Dockerfile (`build.dockerfile_inline`) goes into the context under the name that the query says.

    folders: {name: path} of further contexts, each sent as an image before; added to the `contexts` of the query
    """

    reference: str
    build: Build
    request: Request
    secrets: tuple[SecretSource, ...] = ()
    folders: Mapping[str, str] = field(default_factory=dict)


class FileEntry(Noun):
    """A file to put into a container: `content`, or (None) what `source` (absolute path on this machine) holds.

    path: absolute path in the container
    """

    path: str
    content: bytes | None = field(default=None, repr=False)
    source: str = ""
    uid: int = 0
    gid: int = 0
    mode: int = 0o444


class CopyFiles(Operation):
    """Gives a created container its files: in memory where the engine can, else with one archive at `/`.

    again: the container had them once; only an engine that keeps them in memory can have lost them
    request: the archive's, missing folders come with it
    """

    container: str
    files: tuple[FileEntry, ...]
    request: Request
    again: bool = False


class RunHook(Operation):
    """Runs a command in a running container; an exit status other than 0 is a failure.

    body: JSON of POST /containers/{container}/exec
    """

    container: str
    body: Mapping[str, Any]


class WaitFor(Operation):
    """Waits until every container of `containers` is in `condition`.

    required: False turns a failure into a warning
    timeout_s: None waits for ever
    """

    containers: tuple[str, ...]
    condition: Condition
    required: bool = True
    timeout_s: float | None = None


class QuestionKind(StrEnum):
    """What a user must confirm before the plan may do it."""

    RECREATE_VOLUME = "recreate volume"
    REMOVE_CONTAINERS = "remove containers"


class Question(Noun):
    """Something that the plan leaves undone until it is confirmed: plan again with `id` in `confirmed`."""

    id: str
    kind: QuestionKind
    text: str


class Plan(Noun):
    """Operations in an order that respects `depends_on`; empty when there is nothing to do.

    warnings: for the user, without file positions
    unchanged: subjects that are as wanted already (`Container app-db-1`), for "Running" lines
    told: {subject: what its line says}, of others about which nothing is done
    questions: what needs a confirmation
    """

    operations: tuple[Operation, ...] = ()
    warnings: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    told: Mapping[str, str] = field(default_factory=dict)
    questions: tuple[Question, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.operations)
