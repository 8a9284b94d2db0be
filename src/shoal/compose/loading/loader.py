"""The phases in order."""

import posixpath
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from shoal.compose.keys.types import did_you_mean
from shoal.compose.load import LoadOptions, LoadResult, Read, Source
from shoal.compose.loading.consistency import check_consistency
from shoal.compose.loading.decode import (
    decode_config,
    decode_network,
    decode_secret,
    decode_service,
    decode_volume,
)
from shoal.compose.loading.environment import with_environment
from shoal.compose.loading.files import Context, FileLoader, located
from shoal.compose.loading.interpolation import Interpolator, interpolate
from shoal.compose.loading.merge import cleaned, merge, unique
from shoal.compose.loading.normalise import normalised, project_name, stack_name, without_unused
from shoal.compose.loading.paths import Base
from shoal.compose.loading.support import check_complete, support_warnings
from shoal.compose.loading.tree import Map
from shoal.compose.parts import Dependency
from shoal.compose.project import Project, Service
from shoal.errors import InvalidArgument, NotFound


def load_project(sources: Sequence[Source], env: Mapping[str, str], options: LoadOptions, read: Read) -> LoadResult:
    """See `compose.load.load`."""
    context = Context(read, options.home, interpolate=options.interpolate, resolve_paths=options.resolve_paths)
    base = Base(options.working_dir, options.home)
    plain = FileLoader(context, env, base)
    documents = [(source, plain.documents(source.path, source.text, source.shown or source.path)) for source in sources]
    name = _name(documents, env, options)
    loader = FileLoader(context, {**env, "COMPOSE_PROJECT_NAME": name}, base)
    trees = [tree for source, found in documents for tree in loader.trees(source.path, found)]
    if not trees:
        raise InvalidArgument("empty compose file")
    merged = cleaned(reduce(merge, trees[1:], trees[0]))
    if options.stack:
        from shoal.compose.to_services.jobs import with_jobs

        merged = with_jobs(merged)
    with located(merged):
        tree, disabled = _with_profiles(unique(merged), options)
        if options.normalize:
            tree = normalised(tree, name, options.working_dir if options.resolve_paths else ".")
        tree["name"] = name
        if options.check and options.interpolate:
            check_consistency(tree, disabled)
        if options.resolve_env and options.interpolate:
            tree = with_environment(tree, context, env)
        if options.normalize and not options.all_resources:
            tree = without_unused(tree)
        warnings = [_unset(one) for one in context.unset]
        if options.check and options.interpolate:
            warnings += _check_support(tree, options)
        project = _project(tree, disabled, name, sources, env, options, context)
    return LoadResult(project=project, warnings=tuple(warnings), variables=context.variables)


def _check_support(tree: Map, options: LoadOptions) -> list[str]:
    """Warnings on one host; a stack has none: what it can't do is refused."""
    if not options.stack:
        return support_warnings(tree, strict=options.check_support)
    if options.check_support:
        from shoal.compose.to_services.jobs import without_jobs
        from shoal.compose.to_services.support import check_stack

        check_stack(without_jobs(tree))
    return []


def _unset(name: str) -> str:
    return f'The "{name}" variable is not set. Defaulting to a blank string.'


def _name(documents: list[tuple[Source, list[Map]]], env: Mapping[str, str], options: LoadOptions) -> str:
    """The project's name; `name:` of the last file that has one may hold variables."""
    in_file = ""
    for _, found in documents:
        for document in found:
            if isinstance(document.get("name"), str) and document["name"]:
                with located(document):
                    in_file = interpolate(document["name"], Interpolator(env.get), ("name",))
    if options.stack:
        return stack_name(options.project_name, in_file)
    return project_name(options.project_name, in_file, posixpath.basename(options.working_dir))


def _with_profiles(tree: Map, options: LoadOptions) -> tuple[Map, Map]:
    """`tree` with the services of the active profiles, and the other services.

    Raises: NotFound for a service that was asked for and is not there
    """
    services = tree.get("services") or Map()
    active = set(options.profiles)
    for name in options.services:
        if name not in services:
            raise NotFound(f"no such service: {name}{did_you_mean(name, services)}")
        profiles = (services[name] or {}).get("profiles") or ()
        if profiles and not active & set(profiles) and "*" not in active:
            active |= set(profiles)

    def enabled(service: Any) -> bool:
        profiles = (service or {}).get("profiles") or ()
        return not profiles or "*" in active or not active.isdisjoint(profiles)

    chosen = {name: one for name, one in services.items() if enabled(one)}
    disabled = Map({name: one for name, one in services.items() if name not in chosen})
    result = tree.like({**tree, "services": services.like(chosen)})
    return result, disabled


def _project(
    tree: Map,
    disabled: Map,
    name: str,
    sources: Sequence[Source],
    env: Mapping[str, str],
    options: LoadOptions,
    context: Context,
) -> Project:
    common: dict[str, Any] = {
        "name": name,
        "working_dir": options.working_dir,
        "files": tuple(source.path for source in sources),
        "env_files": options.env_files,
        "profiles": options.profiles,
        "environment": dict(env),
        "compatibility": options.compatibility,
        "all_resources": options.all_resources,
        "link_environment": context.v1,
        "tree": tree,
    }
    if not (options.interpolate and options.normalize and options.check):
        return Project(interpolated=options.interpolate, services=_plain_services(tree), **common)
    check_complete(disabled)
    sleeping = normalised(Map({"services": disabled}), name, options.working_dir)["services"]
    return Project(
        services={key: decode_service(key, one) for key, one in (tree.get("services") or {}).items()},
        disabled_services={key: decode_service(key, one) for key, one in sleeping.items()},
        networks={key: decode_network(key, one) for key, one in (tree.get("networks") or {}).items()},
        volumes={key: decode_volume(key, one) for key, one in (tree.get("volumes") or {}).items()},
        secrets={key: decode_secret(key, one, env) for key, one in (tree.get("secrets") or {}).items()},
        configs={key: decode_config(key, one, env) for key, one in (tree.get("configs") or {}).items()},
        **common,
    )


def _plain_services(tree: Map) -> dict[str, Service]:
    """Services of a tree that was not checked: what lists of `config` need, and their trees."""
    return {
        name: Service(
            name=name,
            image=str(one.get("image") or ""),
            profiles=tuple(map(str, one.get("profiles") or ())),
            depends_on={key: Dependency(service=key) for key in one.get("depends_on") or ()},
            tree=one,
        )
        for name, one in (tree.get("services") or {}).items()
        if isinstance(one, Map)
    }
