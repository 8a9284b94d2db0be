"""`shoal stack config`: the files as they were understood, for a stack; what it prints can be deployed."""

from __future__ import annotations

from dataclasses import replace

from shoal.cli.command import Command, Context
from shoal.cli.errors import PlainError
from shoal.cli.flags import Options, switch
from shoal.cli.stack.files import FILE_FLAGS, StackSession
from shoal.compose.loading.tree import Map, marks_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    from shoal.compose.text.config import render_yaml
    from shoal.compose.to_services.jobs import without_jobs

    session = StackSession(context, options)
    if not session.found.sources:
        raise PlainError("Specify a Compose file (with --compose-file)")
    result = session.load(
        project_name="stack",
        stack=True,
        interpolate=not options.flag("skip-interpolation"),
        normalize=False,
        check_support=False,
    )
    session.warn_all(result.warnings)
    project = result.project
    tree = without_jobs(Map(project.tree))
    tree.pop("name", None)
    services = {
        name: replace(one, tree=_as_written(one.tree))
        for name, one in project.services.items()
        if "triggers" not in one.tree
    }
    if jobs := tree.get("jobs"):
        tree["jobs"] = Map({name: _as_written(one) for name, one in jobs.items()})
    for section in ("networks", "volumes"):
        if known := tree.get(section):
            tree[section] = Map({name: Map() if one is None else one for name, one in known.items()})
    context.stdout.write(render_yaml(replace(project, tree=tree, services=services)))
    return 0


def _as_written(service: Any) -> Any:
    """The service without the folders that a short form of a bind would make on one host."""
    if not service.get("volumes"):
        return service
    return {**service, "volumes": [_mount(one) for one in service["volumes"]]}


def _mount(mount: Any) -> Any:
    bind = mount.get("bind")
    if not isinstance(bind, Map) or "create_host_path" in marks_of(bind):
        return mount
    rest = {key: value for key, value in bind.items() if key != "create_host_path"}
    without = {key: value for key, value in mount.items() if key != "bind"}
    return {**without, "bind": rest} if rest else without


CONFIG = Command(
    "[OPTIONS]",
    _run,
    (*FILE_FLAGS, switch("skip-interpolation", "", "Skip interpolation and output only merged config")),
    arguments=(0, 0),
)
