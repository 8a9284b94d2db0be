"""Images: which are pulled, built or pushed."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from shoal.compose import labels as names
from shoal.compose.loading.paths import is_url
from shoal.compose.observed import ObservedState
from shoal.compose.operations import BuildImage, Plan, Pull, Push, SecretSource
from shoal.compose.parts import Build
from shoal.compose.planning.draft import Draft, call
from shoal.compose.planning.options import BuildOptions, ImageOptions, PullOptions, PushOptions
from shoal.compose.planning.selection import selected
from shoal.compose.project import Project, Service
from shoal.compose.references import familiar, is_digest
from shoal.errors import InvalidArgument, NotFound, NotSupported

#: how an additional context that is an image begins
_SERVICE, _IMAGE = "service:", "docker-image://"
#: Policies that look for a newer image each time; the registry is asked, layers that are here are not fetched.
_ALWAYS = ("always", "daily", "weekly", "refresh")


def plan_images(project: Project, observed: ObservedState, options: ImageOptions) -> Plan:
    """Pulls and builds so that every selected service has its image.

    Raises: NotFound for an image that is not here and must not be fetched
    """
    draft = Draft()
    services = selected(project, options.services, with_dependencies=not options.no_deps)
    _with_contexts(project, services)
    built = {project.image_of(service) for service in services.values() if service.build is not None}
    for service in services.values():
        for one in (service, *(hook for hook in service.pre_start if hook.image != service.image)):
            if one.build is not None or project.image_of(one) not in built:  # another service's image is made there
                _ready(draft, project, observed, one, options)
    return draft.plan()


def _ready(draft: Draft, project: Project, observed: ObservedState, service: Service, options: ImageOptions) -> None:
    reference = project.image_of(service)
    there = bool(observed.image_id(reference))
    policy = service.pull_policy if options.pull in ("", "policy") else options.pull
    if service.build is not None and (policy not in _ALWAYS or not service.image or not there):
        wanted = options.build or policy == "build" or not there
        if wanted and not options.no_build:
            cause = "no such image" if not there else "asked for"
            for name in _context_services(service.build).values():
                _ready(draft, project, observed, _any_service(project, name), options)
            draft.add(build_operation(project, service, service.build, cause))
            return
        if there:
            return
    if is_digest(reference) and not there:
        raise NotFound(f"No such image: {reference}")
    if policy in _ALWAYS or policy.startswith("every_"):
        _pull(draft, service, reference, f"pull_policy: {policy}", ignore_failure=there and policy != "always")
    elif not there and policy == "never":
        raise NotFound(f"No such image: {reference}", hint=f"pull_policy of {service.name} is never")
    elif not there:
        if service.build is not None and not service.image:
            raise NotFound(f"No such image: {reference}", hint="leave --no-build out to build it")
        _pull(draft, service, reference, "no such image")


def _pull(draft: Draft, service: Service, reference: str, cause: str, *, ignore_failure: bool = False) -> None:
    platform = service.platform
    name, tag = _split(reference)
    draft.add(
        Pull(
            id=_pull_id(reference, platform),
            subject=f"Image {reference}",
            doing="Pulling",
            done="Pulled",
            cause=cause,
            service=service.name,
            reference=reference,
            request=call("POST", "/images/create", fromImage=name, tag=tag, platform=platform),
            ignore_failure=ignore_failure,
        )
    )


def _pull_id(reference: str, platform: str) -> str:
    return f"pull {reference}" + (f" {platform}" if platform else "")


def _split(reference: str) -> tuple[str, str]:
    """Name and tag or digest, for the two query values."""
    if "@" in reference:
        name, _, digest = reference.partition("@")
        return name, digest
    full = familiar(reference)
    tag = full[full.rfind(":") + 1 :]
    bare = reference[: -len(tag) - 1] if reference.endswith(f":{tag}") else reference
    return bare, tag


def plan_pull(project: Project, observed: ObservedState, options: PullOptions) -> Plan:
    """Pull the images of the selected services; what is only built is skipped."""
    draft = Draft()
    for service in selected(project, options.services, with_dependencies=options.include_deps).values():
        reference = project.image_of(service)
        subject = f"Image {reference}"
        if service.build is not None and (options.ignore_buildable or not service.image):
            draft.told[subject] = "Skipped - " + ("Image can be built" if service.image else "No image to be pulled")
            continue
        policy = options.policy or service.pull_policy
        if policy in ("never", "build"):
            draft.told[subject] = f"Skipped - Pull policy is {policy}"
        elif policy in ("missing", "if_not_present") and options.policy and observed.image_id(reference):
            draft.told[subject] = "Skipped - Image is already present locally"
        else:
            ignore = options.ignore_failures or service.build is not None
            _pull(draft, service, reference, "asked for", ignore_failure=ignore)
    return draft.plan()


def plan_push(project: Project, options: PushOptions) -> Plan:
    """Push the images that the selected services build."""
    draft = Draft()
    for service in selected(project, options.services, with_dependencies=options.include_deps).values():
        if service.build is None or not service.image:
            continue
        for reference in (service.image, *service.build.tags):
            name, tag = _split(reference)
            draft.add(
                Push(
                    id=f"push {reference}",
                    subject=f"Image {reference}",
                    doing="Pushing",
                    done="Pushed",
                    cause="asked for",
                    service=service.name,
                    reference=reference,
                    request=call("POST", f"/images/{name}/push", tag=tag),
                    ignore_failure=options.ignore_failures,
                )
            )
    if not draft.plan():
        draft.warnings["No image to push: no service has both `build` and `image`"] = None
    return draft.plan()


def plan_build(project: Project, options: BuildOptions) -> Plan:
    """Build the images of the selected services, all side by side."""
    draft = Draft()
    services = selected(project, options.services, with_dependencies=options.with_dependencies)
    for service in _with_contexts(project, services):
        if service.build is None:
            continue
        build = replace(
            service.build,
            args={**service.build.args, **options.args},
            no_cache=service.build.no_cache or options.no_cache,
            pull=service.build.pull or options.pull,
        )
        draft.add(build_operation(project, service, build, "asked for", options.memory_bytes))
    if not draft.plan():
        draft.warnings["No services to build"] = None
    return draft.plan()


def _with_contexts(project: Project, services: Mapping[str, Service]) -> list[Service]:
    """`services`, each after those whose images its build names as contexts.

    Raises: InvalidArgument for an unknown service or a circle
    """
    result: dict[str, Service] = {}

    def add(service: Service, path: tuple[str, ...]) -> None:
        if service.name in path:
            raise InvalidArgument(f"additional_contexts make a circle: {' -> '.join((*path, service.name))}")
        for key, name in _context_services(service.build).items():
            if name not in project.services and name not in project.disabled_services:
                where = f"services.{service.name}.build.additional_contexts.{key}"
                raise InvalidArgument(f"{where}: no such service: {name}")
            add(_any_service(project, name), (*path, service.name))
        result[service.name] = service

    for service in services.values():
        add(service, ())
    return list(result.values())


def _context_services(build: Build | None) -> dict[str, str]:
    """{name of the context: service}"""
    contexts = build.additional_contexts.items() if build is not None else ()
    return {key: place.removeprefix(_SERVICE) for key, place in contexts if place.startswith(_SERVICE)}


def _any_service(project: Project, name: str) -> Service:
    """Also one whose profile sleeps."""
    return project.services.get(name) or project.disabled_services[name]


def _contexts(project: Project, service: Service, build: Build) -> tuple[dict[str, str], dict[str, str]]:
    """(images by name of the context, folders by name). Raises: NotSupported"""
    services = _context_services(build).items()
    images = {key: project.image_of(_any_service(project, name)) for key, name in services}
    folders: dict[str, str] = {}
    for key, place in build.additional_contexts.items():
        if place.startswith(_IMAGE):
            images[key] = place
        elif key not in images and is_url(place):
            where = f"services.{service.name}.build.additional_contexts.{key}"
            raise NotSupported(f'{where}: expected a folder, {_IMAGE}… or {_SERVICE}…, got "{place}"')
        elif key not in images:
            folders[key] = place
    return images, folders


def _before(project: Project, build: Build) -> Iterator[str]:
    """Operations that make the images of other services that a build stands on, where the plan has them."""
    for name in _context_services(build).values():
        service = _any_service(project, name)
        yield f"build {name}"
        yield _pull_id(project.image_of(service), service.platform)


def build_operation(project: Project, service: Service, build: Build, cause: str, memory_bytes: int = 0) -> BuildImage:
    """The build of one service's image."""
    reference = project.image_of(service)
    images, folders = _contexts(project, service, build)
    return BuildImage(
        id=f"build {service.name}",
        subject=f"Image {reference}",
        doing="Building",
        done="Built",
        cause=cause,
        service=service.name,
        reference=reference,
        build=build,
        depends_on=tuple(_before(project, build)),
        request=call("POST", "/build", **_query(project, service, build, memory_bytes), contexts=_json(images)),
        folders=folders,
        secrets=tuple(_secret(project, ref.source, ref.target.lstrip("/")) for ref in build.secrets),
    )


def _query(project: Project, service: Service, build: Build, memory_bytes: int) -> dict[str, str]:
    labels = {
        **build.labels,
        names.PROJECT: project.name,
        names.SERVICE: service.name,
        names.VERSION: names.COMPOSE_VERSION,
    }
    args = {key: value for key, value in build.args.items() if value is not None}
    platform = service.platform or (build.platforms[0] if build.platforms else "")
    tags = [project.image_of(service), *(tag for tag in build.tags if tag != project.image_of(service))]
    query: dict[str, Any] = {
        "t": ",".join(tags),
        "dockerfile": INLINE_NAME if build.dockerfile_inline else build.dockerfile,
        "remote": build.context if is_url(build.context) else "",
        "target": build.target,
        "buildargs": _json(args),
        "labels": _json(labels),
        "cachefrom": json.dumps(list(build.cache_from)) if build.cache_from else "",
        "nocache": "1" if build.no_cache else "",
        "pull": "1" if build.pull else "",
        "networkmode": build.network,
        "platform": platform,
        "shmsize": str(build.shm_size_bytes or ""),
        "memory": str(memory_bytes or ""),
        "extrahosts": ",".join(build.extra_hosts),
        "ulimits": _ulimits(build),
        "rm": "1",
        "version": "1",
    }
    return {key: value for key, value in query.items() if value}


#: Where an inline Dockerfile is put in the context.
INLINE_NAME = ".dockerfile.inline"


def _json(values: Mapping[str, str]) -> str:
    return json.dumps(values, ensure_ascii=False) if values else ""


def _ulimits(build: Build) -> str:
    if not build.ulimits:
        return ""
    return json.dumps([{"Name": n, "Soft": soft, "Hard": hard} for n, (soft, hard) in build.ulimits.items()])


def _secret(project: Project, source: str, target: str) -> SecretSource:
    secret = project.secrets[source]
    if secret.environment and secret.value is None:
        text = f'environment variable "{secret.environment}" required by secret "{source}" is not set'
        raise InvalidArgument(text)
    return SecretSource(id=target or source, file=secret.file, value=secret.value)
