"""`shoal compose config`: the project as it was understood, or one of its lists."""

from __future__ import annotations

import json

from shoal.cli.command import Command, Context
from shoal.cli.compose.base.session import NO_FILE, Session, check_services
from shoal.cli.compose.flags import DRY_RUN
from shoal.cli.compose.look import narrow_table
from shoal.cli.errors import UsageError
from shoal.cli.flags import Flag, Options, switch
from shoal.compose.project import Project
from shoal.errors import InvalidArgument, NotFound, NotSupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from shoal.compose.load import LoadResult

_FORMATS = ("yaml", "json")


def _config(context: Context, options: Options, services: list[str]) -> int:
    if options.text("format") not in _FORMATS:
        raise UsageError(f'unsupported format "{options.text("format")}"; wanted yaml or json')
    session = Session(context, options)
    if options.flag("environment"):
        return _environment(session)
    result = session.load(
        services,
        interpolate=not options.flag("no-interpolate"),
        normalize=not options.flag("no-normalize"),
        resolve_paths=not options.flag("no-path-resolution"),
        resolve_env=not options.flag("no-env-resolution"),
        check=not options.flag("no-consistency"),
        check_support=False,
    )
    session.warn_all(result.warnings)
    check_services(result.project, services)
    if options.flag("quiet"):
        return 0
    text = _text(session, result, services)
    if options.text("output"):
        _save(options.text("output"), text)
    else:
        context.stdout.write(text)
    return 0


def _environment(session: Session) -> int:
    found = session.found
    if not found.sources:
        raise NotFound(NO_FILE)
    session.context.stdout.write("".join(f"{name}={value}\n" for name, value in sorted(found.env.items())))
    return 0


def _text(session: Session, result: LoadResult, services: Sequence[str]) -> str:
    options, project = session.options, result.project
    if options.flag("variables"):
        return _variables(result, is_json=options.text("format") == "json")
    if options.is_given("hash"):
        return _hashes(project, options.text("hash"))
    for flag, lister in _LISTS.items():
        if options.flag(flag):
            return "".join(f"{line}\n" for line in lister(project))
    from shoal.compose.text.config import render_json, render_yaml

    if options.flag("resolve-image-digests") or options.flag("lock-image-digests"):
        project = _with_digests(session, project)
        if options.flag("lock-image-digests"):
            return _lock_text(project)
    if services:
        project = only_services(project, services)
    if options.text("format") == "json":
        return render_json(project).rstrip("\n") + "\n"
    return render_yaml(project)


def only_services(project: Project, services: Sequence[str]) -> Project:
    """The project without the services that were not asked for, nor needed by those that were."""
    from dataclasses import replace

    needed: set[str] = set()
    left = [name for name in services if name in project.services]
    while left:
        name = left.pop()
        if name not in needed:
            needed.add(name)
            left += [other for other in project.services[name].depends_on if other in project.services]
    return replace(project, services={name: found for name, found in project.services.items() if name in needed})


def _models(project: Project) -> Iterable[str]:
    return sorted(project.tree.get("models") or ())


_LISTS: dict[str, Callable[[Project], Iterable[str]]] = {
    "services": lambda project: tuple(project.services),
    "volumes": lambda project: tuple(project.volumes),
    "networks": lambda project: tuple(project.networks),
    "images": lambda project: tuple(project.image_of(service) for service in project.services.values()),
    "profiles": lambda project: sorted(
        {
            profile
            for service in (*project.services.values(), *project.disabled_services.values())
            for profile in service.profiles
        }
    ),
    "models": _models,
}


def _hashes(project: Project, wanted: str) -> str:
    from shoal.compose.text.config import config_hashes

    hashes = config_hashes(project)
    names = sorted(hashes) if wanted == "*" else [name.strip() for name in wanted.split(",") if name.strip()]
    check_services(project, names)
    return "".join(f"{name} {hashes[name]}\n" for name in names)


def _variables(result: LoadResult, *, is_json: bool) -> str:
    if is_json:
        return (
            json.dumps({name: {"Name": name, "DefaultValue": text} for name, text in result.variables.items()}) + "\n"
        )
    rows = [["NAME", "DEFAULT VALUE"], *([name, text] for name, text in sorted(result.variables.items()))]
    return narrow_table(rows)


def _with_digests(session: Session, project: Project) -> Project:
    """The project with images pinned to the digests that the engine knows. Raises: NotSupported where it knows none."""
    from dataclasses import replace

    from shoal.client.errors import ClientNotFound

    pinned = {}
    for name, service in project.services.items():
        reference = project.image_of(service)
        if "@" in reference or service.build is not None:
            pinned[name] = service
            continue
        try:
            digests = session.context.api.images.inspect(reference).get("RepoDigests") or []
        except ClientNotFound:
            digests = []
        if not digests:
            raise NotSupported(
                f"services.{name}.image: no digest of {reference} is known here", hint="shoal compose pull fetches it"
            )
        image = f"{reference}@{digests[0].partition('@')[2]}"
        pinned[name] = replace(service, image=image, tree={**service.tree, "image": image})
    return replace(project, services=pinned)


def _lock_text(project: Project) -> str:
    lines = ["services:\n"]
    for name, service in project.services.items():
        if "@" in service.image:
            lines.append(f"  {name}:\n    image: {service.image}\n")
    return "".join(lines)


def _save(path: str, text: str) -> None:
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InvalidArgument(f"can't write {path}: {error.strerror}") from error


CONFIG = Command(
    "[OPTIONS] [SERVICE...]",
    _config,
    (
        DRY_RUN,
        switch("environment", "", "Print environment used for interpolation."),
        Flag("format", "", "Format the output. Values: [yaml | json]", default="yaml"),
        Flag("hash", "", 'Print the service config hash, one per line ("*" for all)'),
        switch("images", "", "Print the image names, one per line."),
        switch("lock-image-digests", "", "Produces an override file with image digests"),
        switch("models", "", "Print the model names, one per line."),
        switch("networks", "", "Print the network names, one per line."),
        switch("no-consistency", "", "Don't check model consistency - warning: may produce invalid Compose output"),
        switch("no-env-resolution", "", "Don't resolve service env files"),
        switch("no-interpolate", "", "Don't interpolate environment variables"),
        switch("no-normalize", "", "Don't normalize compose model"),
        switch("no-path-resolution", "", "Don't resolve file paths"),
        Flag("output", "o", "Save to file (default to stdout)"),
        switch("profiles", "", "Print the profile names, one per line."),
        switch("quiet", "q", "Only validate the configuration, don't print anything"),
        switch("resolve-image-digests", "", "Pin image tags to digests"),
        switch("services", "", "Print the service names, one per line."),
        switch("variables", "", "Print model variables and default values."),
        switch("volumes", "", "Print the volume names, one per line."),
    ),
)
