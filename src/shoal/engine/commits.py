"""Images made from containers (docker commit)."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

from shoal.engine.containers import Containers
from shoal.engine.events import Events
from shoal.engine.images import Images
from shoal.engine.images.changes import apply_changes
from shoal.errors import Conflict, NotFound
from shoal.model.container import ContainerSpec
from shoal.model.image import HistoryItem, Image, ImageConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitRequest:
    """Source: Docker Engine API v1.51, ImageCommit.

    tag: "name[:tag]", "" = none
    changes: Dockerfile instructions
    config: what replaces the container's, field by field where it says something; None = nothing
    """

    container: str
    tag: str = ""
    comment: str = ""
    author: str = ""
    pause: bool = True
    changes: Sequence[str] = ()
    config: ContainerSpec | None = None


class Commits:
    """Turns containers into images."""

    def __init__(self, containers: Containers, images: Images, events: Events) -> None:
        self._containers = containers
        self._images = images
        self._events = events

    async def commit(self, request: CommitRequest) -> Image:
        """The image of the container as it is now. Raises: NotFound, Conflict, InvalidArgument"""
        container = self._containers.resolve(request.container)
        config = apply_changes(_config_of(container.spec, request.config), request.changes)
        item = HistoryItem(
            created_by=" ".join(container.spec.cmd or ()), author=request.author, comment=request.comment
        )
        base = self._images.resolve(container.image_id)
        async with self._containers.still(container.id) if request.pause else nullcontext():
            try:
                image = await self._images.commit(
                    container.id, base, config, item=item, container=container.id, tag=request.tag
                )
            except NotFound as error:
                raise Conflict(f"You cannot commit container {container.id} which is being removed") from error
        attributes = {
            **container.spec.labels,
            "comment": request.comment,
            "image": container.spec.image,
            "imageID": image.id,
            "imageRef": request.tag,
            "name": container.name,
        }
        self._events.publish("container", "commit", container.id, attributes)
        return image


def _config_of(spec: ContainerSpec, over: ContainerSpec | None) -> ImageConfig:
    """What an image keeps of a container's config."""
    if over is not None:
        spec = replace(
            spec,
            **{
                name: given
                for name in ("user", "cmd", "entrypoint", "workdir", "volumes", "exposed_ports", "healthcheck")
                if (given := getattr(over, name))
            },
            env=_merged_env(over.env, spec.env),
            labels={**spec.labels, **over.labels},
        )
    return ImageConfig(
        env=spec.env,
        cmd=spec.cmd or (),
        entrypoint=spec.entrypoint or (),
        workdir=spec.workdir,
        user=spec.user,
        labels=spec.labels,
        volumes=spec.volumes,
        exposed_ports=spec.exposed_ports,
        healthcheck=spec.healthcheck,
        stop_signal=spec.stop_signal,
        shell=spec.shell,
        on_build=spec.on_build,
    )


def _merged_env(first: Sequence[str], rest: Sequence[str]) -> tuple[str, ...]:
    known = {entry.partition("=")[0] for entry in first}
    return (*first, *(entry for entry in rest if entry.partition("=")[0] not in known))
