"""The operations that make one container: create, copy files in, take over a name, run init containers."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from shoal.compose import labels as names
from shoal.compose.bodies.container import API_SOCKET, Creation, container_body
from shoal.compose.bodies.files import copied_files
from shoal.compose.observed import ObservedContainer, ObservedState
from shoal.compose.operations import Call, CopyFiles, FileEntry, Request
from shoal.compose.parts import Condition
from shoal.compose.planning.draft import Draft, call, container_call
from shoal.compose.planning.links import link_variables
from shoal.compose.planning.outdated import anonymous_volumes
from shoal.compose.planning.steps import GONE, remove, start, stop, wait
from shoal.compose.project import Project, Service
from shoal.errors import InvalidArgument

#: words of every step of a replacement but the last
_RECREATE = {"doing": "Recreate", "done": "Recreate"}


class Creator:
    """Adds operations that make containers to a draft."""

    def __init__(self, draft: Draft, project: Project, observed: ObservedState, api_socket: str = API_SOCKET) -> None:
        self._draft = draft
        self._project = project
        self._observed = observed
        self._api_socket = api_socket

    def creation(self, service: Service, name: str, number: int) -> Creation:
        """What is known of a container of `service` to be made now."""
        return Creation(
            project=self._project,
            service=service,
            name=name,
            number=number,
            image_id=self._observed.image_id(self._project.image_of(service)),
            link_variables=link_variables(self._project, self._observed, service, name),
            api_socket=self._api_socket,
        )

    def create(self, creation: Creation, cause: str, after: Iterable[str], **words: str) -> str:
        """Create a container under its own name; id of the last operation.

        words: `doing` and `done` of its progress line where they are not Creating and Created
        """
        made = self._draft.add(
            container_call(
                "create",
                creation.name,
                cause,
                request=create_request(creation, creation.name),
                depends_on=tuple(after),
                service=creation.service.name,
                **words,
            )
        )
        return self._copies(creation, creation.name, made)

    def replace(
        self, creation: Creation, old: ObservedContainer, cause: str, after: Iterable[str], timeout_s: int | None
    ) -> str:
        """Create a container beside `old`, end `old`, and take its name; id of the last operation.

        The old container runs until the new one is made: a creation that fails changes nothing.
        """
        service = creation.service
        temporary = f"{old.id[:12]}_{creation.name}"
        subject = f"Container {creation.name}"
        made = self._draft.add(
            Call(
                id=f"create {temporary}",
                subject=subject,
                doing=_RECREATE["doing"],
                done=_RECREATE["done"],
                cause=cause,
                depends_on=tuple(after),
                service=service.name,
                request=create_request(creation, temporary),
            )
        )
        made = self._copies(creation, temporary, made)
        ended = (made,)
        if old.running:
            ended = (self._end(old, service, cause, made, timeout_s),)
        removed = remove(self._draft, old, cause, volumes=False, after=(made, *ended), **_RECREATE)
        return self._draft.add(
            Call(
                id=f"rename {temporary}",
                subject=subject,
                doing="Recreate",
                done="Recreated",
                cause=cause,
                depends_on=(removed,),
                service=service.name,
                request=call("POST", f"/containers/{temporary}/rename", name=creation.name),
            )
        )

    def _end(self, old: ObservedContainer, service: Service, cause: str, made: str, timeout_s: int | None) -> str:
        """Stop `old` once its replacement is made; sooner where a network or a dependency wants that."""
        stopping = f"stop {old.name}"
        if stopping in self._draft:
            return stopping
        return stop(self._draft, old, service, cause, timeout_s=timeout_s, after=(made,), **_RECREATE)

    def inherited(self, old: ObservedContainer, *, renew: bool) -> dict[str, str]:
        """Anonymous volumes that a replacement takes over."""
        return {} if renew else anonymous_volumes(old)

    def _copies(self, creation: Creation, name: str, made: str) -> str:
        """Hand over the configs and secrets that can't be bound."""
        files = copied_files(creation.project, creation.service)
        if not files:
            return made
        return self._copy(creation.service, name, files, depends_on=(made,), subject=f"Container {creation.name}")

    def copies_again(self, service: Service, container: ObservedContainer) -> list[str]:
        """Hand them over again before a start: after a reboot an engine that keeps them in memory has them no more.

        Not to a container that another Compose made, nor where a variable is not set now.
        """
        try:
            files = copied_files(self._project, service)
        except InvalidArgument:
            return []
        if not files or names.CONTENT_HASH not in container.labels:
            return []
        return [self._copy(service, container.name, files, subject=f"Container {container.name}", again=True)]

    def _copy(self, service: Service, name: str, files: tuple[FileEntry, ...], **fields: Any) -> str:
        return self._draft.add(
            CopyFiles(
                id=f"copy into {name}",
                doing="",
                done="",
                cause="configs and secrets",
                service=service.name,
                container=name,
                files=files,
                request=Request(method="PUT", path=f"/containers/{name}/archive", query={"path": "/"}),
                **fields,
            )
        )

    def init_containers(self, service: Service, owner: str, after: Iterable[str], *, per_replica: bool) -> list[str]:
        """Run the `pre_start` containers of `service` one after the other; what to depend on next.

        owner: start of their names
        per_replica: which of the two kinds
        """
        last = list(after)
        for position, hook in enumerate(service.pre_start, 1):
            if hook.per_replica != per_replica:
                continue
            name = self._project.separator.join((owner, "pre_start", str(position)))
            cause = f"pre_start {position} of {service.name}"
            left = self._observed.containers.get(name)
            if left:
                last = [remove(self._draft, left, "left over", volumes=True, after=last)]
            creation = self.creation(hook, name, position)
            creation = with_labels(creation, {names.ONEOFF: "True"})
            made = self.create(creation, cause, last)
            started = start(self._draft, name, hook, cause, (made,))
            done = wait(self._draft, name, Condition.COMPLETED, cause, (started,), service=service.name)
            last = [self._remove_hook(name, cause, done, service)]
        return last

    def _remove_hook(self, name: str, cause: str, after: str, service: Service) -> str:
        request = call("DELETE", f"/containers/{name}", force="1", v="1")
        return self._draft.add(
            Call(
                id=f"clear {name}",
                subject=f"Container {name}",
                doing="Removing",
                done="Removed",
                cause=cause,
                depends_on=(after,),
                service=service.name,
                request=request,
                accept=(GONE,),
            )
        )


def with_labels(creation: Creation, labels: dict[str, str]) -> Creation:
    """The creation with more labels, out of reach of the service's names."""
    return replace(creation, labels={**creation.labels, **labels}, use_aliases=False)


def create_request(creation: Creation, name: str) -> Request:
    """The create call under `name`."""
    platform = creation.service.platform
    return call("POST", "/containers/create", body=container_body(creation), name=name, platform=platform)
