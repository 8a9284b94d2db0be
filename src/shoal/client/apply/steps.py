"""How each kind of operation is carried out: one request, or a stream with progress."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from shoal.client.apply.doors import Doors
from shoal.client.apply.progress import Phase, Progress, Report
from shoal.client.containers import segment
from shoal.client.errors import ClientError
from shoal.client.http import Client, Response
from shoal.client.images import NO_AUTH, Builds, secrets_header
from shoal.compose.operations import BuildImage, Call, CopyFiles, FileEntry, Operation, Pull, Push, Request, RunHook
from shoal.errors import InternalError, InvalidArgument, NotFound, ShoalError

#: lines of a build's or hook's output that its error repeats
_TAIL_LINES = 12
_ENDED_LAYERS = ("Pull complete", "Already exists", "Pushed", "Layer already exists", "Mounted from")
_NOISE = ("Pulling from", "Digest: ", "Status: ", "The push refers to")


#: begins the line with which Shoal's engine says that an image is a stand-in: it must not be overlooked
_STAND_IN_MADE = "Made a stand-in"


@dataclass(frozen=True, slots=True)
class Notice:
    """The answer of an operation that went well, with something that the user must see."""

    text: str


class StreamFailed(ClientError):
    """A stream of progress ended with an error.

    tail: the last lines of output before it
    """

    def __init__(self, message: str, tail: tuple[str, ...] = (), *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.tail = tail


class Steps:
    """Carries out single operations; may be used by several threads."""

    def __init__(self, client: Client, doors: Doors, report: Report) -> None:
        self._client = client
        self._doors = doors
        self._report = report
        self._features: list[str] | None = None

    def perform(self, operation: Operation) -> object:
        """The JSON answer of `operation`, None where it has none. Raises: ShoalError."""
        match operation:
            case Call():
                return self._call(operation)
            case Pull() | Push():
                return self._transfer(operation)
            case BuildImage():
                return self._build(operation)
            case CopyFiles():
                return self._copy(operation)
            case RunHook():
                return self._hook(operation)
        raise InternalError(f"nobody carries out {type(operation).__name__}: {operation.id}")

    def _call(self, operation: Call) -> object:
        request = operation.request
        try:
            with self._client.request(request.method, request.path, request.query, body=request.body) as response:
                return response.json() if response.status not in (204, 304) else None
        except ClientError as error:
            if error.status in operation.accept:
                return None
            raise

    # -- images

    def _transfer(self, operation: Pull | Push) -> object:
        auth = self._doors.registry_auth(operation.reference) or NO_AUTH
        request = operation.request
        query = {**request.query, **(self._doors.extra_query if isinstance(operation, Pull) else {})}
        headers = {"X-Registry-Auth": auth}
        with self._open(request, query, headers, request.body) as response:
            notices: list[str] = []
            for value in _values(response):
                notices = _notices(value) + notices  # its own before those of what it stands on
                self._tell_layer(operation, value)
        return Notice("; ".join(notices)) if notices else None

    def _tell_layer(self, operation: Operation, value: Mapping[str, Any]) -> None:
        layer, status = str(value.get("id") or ""), str(value.get("status") or "")
        if not layer or status.startswith("Pulling from"):
            if status and not status.startswith(_NOISE):
                self._report(Progress(subject=operation.subject, status=operation.doing, detail=status))
            return
        if "progressDetail" not in value:  # no layer: a step of the work on a stand-in
            self._report(Progress(subject=operation.subject, status=operation.doing, detail=f"{layer}: {status}"))
            return
        amount = value.get("progressDetail") or {}
        self._report(
            Progress(
                subject=operation.subject,
                status=status,
                part=layer,
                phase=Phase.DONE if status.startswith(_ENDED_LAYERS) else Phase.WORKING,
                current_bytes=int(amount.get("current") or 0),
                total_bytes=int(amount.get("total") or 0),
            )
        )

    def _build(self, operation: BuildImage) -> object:
        context = self._doors.build_context(operation)
        query = {**operation.request.query, **self._doors.extra_query, **context.query}
        headers = {**context.headers, **secrets_header(_secret_values(operation))}
        tail: list[str] = []
        image: dict[str, Any] = {}
        notices: list[str] = []
        try:
            with ExitStack() as held:
                contexts = json.loads(query.get("contexts") or "{}")
                for name, folder in operation.folders.items():
                    contexts[name] = held.enter_context(Builds(self._client).folder_image(folder))
                query |= {"contexts": json.dumps(contexts)} if contexts else {}
                response = held.enter_context(self._open(operation.request, query, headers, context.tar))
                for value in _values(response):
                    image.update(value.get("aux") or {})
                    notices = _notices(value) + notices
                    for line in str(value.get("stream") or value.get("status") or "").splitlines():
                        if line.strip():
                            tail = [*tail[1 - _TAIL_LINES :], line]
                            self._report(Progress(subject=operation.subject, status=operation.doing, detail=line))
        except ClientError as error:
            raise StreamFailed(error.message, tuple(tail), hint=error.hint) from error
        return Notice("; ".join(notices)) if notices else image

    def _open(self, request: Request, query: Mapping[str, str], headers: Mapping[str, str], body: Any) -> Response:
        return self._client.request(request.method, request.path, query, body=body, headers=headers)

    # -- containers

    def _copy(self, operation: CopyFiles) -> object:
        """Secrets belong in memory; an engine that can't do that gets them as Docker Compose gives them."""
        contents = {entry.path: _content_of(operation, entry) for entry in operation.files}
        if self._has_feature("memory-files"):
            files = {path: base64.b64encode(content).decode() for path, content in contents.items()}
            self._client.put(f"/containers/{segment(operation.container)}/memory-files", body={"Files": files})
        elif not operation.again:
            headers = {"Content-Type": "application/x-tar"}
            self._client.put(operation.request.path, operation.request.query, _archive_of(operation, contents), headers)
        return None

    def _has_feature(self, name: str) -> bool:
        """Whether the engine says that it has one of Shoal's own."""
        if self._features is None:
            self._features = self._client.head("/_ping").get("shoal-features", "").split()
        return name in self._features

    def _hook(self, operation: RunHook) -> object:
        created = self._client.post(f"/containers/{segment(operation.container)}/exec", body=dict(operation.body))
        stream = self._client.hijack(f"/exec/{created['Id']}/start", body={"Detach": False, "Tty": False})
        output = b""
        try:
            for _, data in stream.frames():
                output = (output + data)[-4096:]
        finally:
            stream.close()
        exit_code = int(self._client.get(f"/exec/{created['Id']}/json").get("ExitCode") or 0)
        if exit_code:
            tail = " ".join(output.decode("utf-8", "replace").split())
            raise ShoalError(
                f"{operation.subject}: hook exited with status {exit_code}" + (f": {tail}" if tail else "")
            )
        return None


def _values(response: Response) -> Iterator[dict[str, Any]]:
    """The values of a progress stream. Raises: StreamFailed, ClientError where one is an error."""
    for value in response.json_values():
        detail = value.get("errorDetail") or {}
        message = detail.get("message") or value.get("error")
        if message:
            raise StreamFailed(str(message), hint=str(detail.get("hint") or ""))
        yield value


def _notices(value: Mapping[str, Any]) -> list[str]:
    status = str(value.get("status") or "")
    return [status] if status.startswith(_STAND_IN_MADE) else []


def _secret_values(operation: BuildImage) -> dict[str, bytes]:
    values = {}
    for secret in operation.secrets:
        if secret.value is not None:
            values[secret.id] = secret.value.encode()
        else:
            values[secret.id] = _read(secret.file, f"secret {secret.id}")
    return values


def _read(path: str, what: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError as error:
        raise NotFound(f'{what}: file "{path}" does not exist') from error
    except OSError as error:
        raise InvalidArgument(f'{what}: can\'t read "{path}": {error.strerror}') from error


def _content_of(operation: CopyFiles, entry: FileEntry) -> bytes:
    if entry.content is not None:
        return entry.content
    return _read(entry.source, f"{operation.container}: {entry.path}")


def _archive_of(operation: CopyFiles, contents: Mapping[str, bytes]) -> bytes:
    """A tar with the operation's files, and the folders that hold them."""
    import io
    import tarfile  # 6 ms: only where a file is copied

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in operation.files:
            content = contents[entry.path]
            member = tarfile.TarInfo(entry.path.lstrip("/"))
            member.size, member.mode, member.uid, member.gid = len(content), entry.mode, entry.uid, entry.gid
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
