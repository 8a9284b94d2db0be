"""What a container takes from its image. Source: Docker, `daemon.merge` and `mergeAndVerifyConfig`."""

from collections.abc import Sequence
from dataclasses import replace

from shoal.errors import InvalidArgument
from shoal.model.container import ContainerSpec
from shoal.model.health import Healthcheck
from shoal.model.image import ImageConfig


def merge_image(spec: ContainerSpec, image: ImageConfig) -> ContainerSpec:
    """`spec` with the image's config where it says nothing itself.

    Raises: InvalidArgument("no command specified")
    """
    entrypoint, cmd = _command(spec, image)
    if not entrypoint and not cmd:
        raise InvalidArgument("no command specified")
    return replace(
        spec,
        user=spec.user or image.user,
        env=_env(spec.env, image.env),
        entrypoint=entrypoint,
        cmd=cmd,
        args_escaped=spec.args_escaped,
        workdir=spec.workdir or image.workdir,
        exposed_ports=tuple(dict.fromkeys((*spec.exposed_ports, *image.exposed_ports))),
        volumes=tuple(dict.fromkeys((*spec.volumes, *image.volumes))),
        labels={**image.labels, **spec.labels},
        stop_signal=spec.stop_signal or image.stop_signal,
        healthcheck=_healthcheck(spec.healthcheck, image.healthcheck),
        shell=spec.shell or image.shell,
    )


def argv_of(spec: ContainerSpec) -> tuple[str, ...]:
    """Entrypoint and command of a merged spec."""
    return (*(spec.entrypoint or ()), *(spec.cmd or ()))


def _command(spec: ContainerSpec, image: ImageConfig) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    if spec.entrypoint == ("",):  # `--entrypoint ""`: nothing of the image's command is kept
        return None, spec.cmd
    if spec.entrypoint:
        return spec.entrypoint, spec.cmd
    entrypoint = (image.entrypoint or None) if spec.entrypoint is None else spec.entrypoint
    return entrypoint, spec.cmd or image.cmd or None


def _env(wanted: Sequence[str], image: Sequence[str]) -> tuple[str, ...]:
    said = {item.partition("=")[0] for item in wanted}
    return (*wanted, *(item for item in image if item.partition("=")[0] not in said))


def _healthcheck(wanted: Healthcheck | None, image: Healthcheck | None) -> Healthcheck | None:
    if wanted is None or image is None:
        return image if wanted is None else wanted
    return Healthcheck(
        test=wanted.test or image.test,
        interval_ns=wanted.interval_ns or image.interval_ns,
        timeout_ns=wanted.timeout_ns or image.timeout_ns,
        start_period_ns=wanted.start_period_ns or image.start_period_ns,
        start_interval_ns=wanted.start_interval_ns or image.start_interval_ns,
        retries=wanted.retries or image.retries,
    )
