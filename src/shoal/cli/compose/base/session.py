"""What a Compose command works on: its project, the engine's state, and how plans are carried out and shown."""

from __future__ import annotations

import os
from dataclasses import replace

from shoal.cli.compose.base.files import Found, find, is_true, read_text
from shoal.cli.compose.show.colours import wants_colour
from shoal.cli.compose.show.progress import MODES, Writer, make_writer
from shoal.cli.errors import UsageError
from shoal.compose import labels
from shoal.compose.observed import ObservedState, observed_state
from shoal.errors import InvalidArgument, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TextIO

    from shoal.cli.command import Context
    from shoal.cli.flags import Options
    from shoal.client.apply.applier import Outcome
    from shoal.compose.load import LoadResult
    from shoal.compose.operations import Operation, Plan
    from shoal.compose.project import Project

API_SOCKET = "/var/run/docker.sock"
NO_FILE = "no configuration file provided: not found"


class Session:
    """One run of one command.

    dry_run: plans are shown, not carried out
    """

    def __init__(self, context: Context, options: Options, *, cwd: str = "") -> None:
        self.context = context
        self.options = options
        self._group = context.group if "project-name" in context.group else _empty_group()
        self._cwd = cwd or os.getcwd()
        self._found: Found | None = None
        self._ansi = self._setting("ansi", "COMPOSE_ANSI", ("auto", "never", "always"))
        self._mode = self._setting("progress", "COMPOSE_PROGRESS", MODES)
        self.dry_run = self._group.flag("dry-run") or ("dry-run" in options and options.flag("dry-run"))

    def _setting(self, flag: str, variable: str, allowed: Sequence[str]) -> str:
        value = self._group.text(flag) or self.context.env.get(variable) or "auto"
        if value not in allowed:
            raise UsageError(f'unsupported --{flag} value "{value}"; wanted one of {", ".join(sorted(allowed))}')
        return value

    # -- the project

    @property
    def found(self) -> Found:
        """Files and settings; read on first use."""
        if self._found is None:
            self._found = find(self._group, self.context.env, self._cwd, self.context.stdin)
        return self._found

    def load(self, services: Sequence[str] = (), **changes: Any) -> LoadResult:
        """The project of the files, with what to warn of. changes: of LoadOptions. Raises: NotFound without a file."""
        from shoal.compose.load import LoadOptions, load

        found = self.found
        if not found.sources:
            raise NotFound(NO_FILE, hint="looked for compose.yaml here and in the folders above; -f names another")
        options = LoadOptions(
            working_dir=found.working_dir,
            project_name=found.project_name,
            profiles=found.profiles,
            services=tuple(services),
            compatibility=self._group.flag("compatibility") or is_true(found.env.get("COMPOSE_COMPATIBILITY")),
            all_resources=self._group.flag("all-resources"),
            home=found.env.get("HOME", ""),
            env_files=found.env_files,
        )
        return load(found.sources, found.env, replace(options, **changes), read_text)

    def project(self, services: Sequence[str] = ()) -> Project:
        """The project of the files; warnings are printed. Raises: NotFound for a service that it does not have."""
        result = self.load(services)
        self.warn_all(result.warnings)
        check_services(result.project, services)
        return result.project

    def project_or_name(self, services: Sequence[str] = ()) -> tuple[Project | None, str]:
        """(project, its name); without a file only the name that `-p` or COMPOSE_PROJECT_NAME gives."""
        if self.found.sources:
            project = self.project(services)
            return project, project.name
        if self.found.project_name:
            return None, self.found.project_name
        raise NotFound(NO_FILE, hint="-p names a project without its file")

    def project_and_state(self, services: Sequence[str] = (), *, images: bool = False) -> tuple[Project, ObservedState]:
        """The project and what the engine has of it; recovered from labels where there is no file."""
        project, name = self.project_or_name(services)
        state = self.observe(name, images=images)
        if project is None:
            from shoal.compose.plan import recovered_project

            project = recovered_project(name, state)
            check_services(project, services)
        return project, state

    def env_flag(self, variable: str) -> bool:
        """Whether a COMPOSE_* variable says yes."""
        return is_true(self.found.env.get(variable))

    # -- the engine

    def containers(
        self, project_name: str, *, all: bool = True, more_labels: Sequence[str] = (), **filters: list[str]
    ) -> list[dict[str, Any]]:
        """Summaries of the project's containers, one-off ones too."""
        wanted = [f"{labels.PROJECT}={project_name}", *more_labels]
        found: list[dict[str, Any]] = self.context.api.containers.list(all=all, filters={"label": wanted, **filters})
        return found

    def observe(self, project_name: str, *, images: bool = False, project: Project | None = None) -> ObservedState:
        """What the engine has: three requests, one more for images, and one an image for a `project` with links
        that give variables."""
        api = self.context.api
        state = observed_state(
            containers=self.containers(project_name),
            networks=api.networks.list(),
            volumes=api.volumes.list().get("Volumes") or [],
            images=api.images.list() if images else [],
        )
        if project is None or not project.link_environment:
            return state
        linked = {project.image_of(service) for service in project.services.values()}
        ids = sorted({state.image_id(reference) for reference in linked} - {""})
        ports = {one: tuple((api.images.inspect(one).get("Config") or {}).get("ExposedPorts") or ()) for one in ids}
        return replace(state, image_ports=ports)

    @property
    def api_socket(self) -> str:
        """Path of the engine's socket on its machine, for `use_api_socket`."""
        host = self.context.client.host
        return host.path if host.kind == "unix" else API_SOCKET

    # -- carrying out

    def apply(
        self,
        plan: Plan,
        title: str = "Running",
        *,
        quiet: bool = False,
        before: Callable[[Operation], None] | None = None,
        stand_ins: bool = False,
        is_patient: bool = True,
        in_place: bool = True,
    ) -> Outcome:
        """What became of `plan`; in a dry run nothing is done.

        is_patient: an interrupt waits for the requests under way
        in_place: progress may use rows on a terminal (not while something else writes there)
        Raises: the first error, KeyboardInterrupt
        """
        from shoal.cli.compose.base.doors import make_doors
        from shoal.client.apply.applier import Applier, Outcome

        self.warn_all(plan.warnings)
        if self.dry_run:
            return Outcome()
        writer = self.writer(title, quiet=quiet, in_place=in_place)
        with writer:
            self._tell_unchanged(plan, writer)
            applier = Applier(
                self.context.client,
                doors=make_doors(self.context, stand_ins=stand_ins),
                parallel=self._parallel(),
                report=writer.report,
                before=before,
                is_patient=is_patient,
            )
            outcome = applier.apply(plan)
            if not quiet:
                self._show_tails(outcome, writer)
        outcome.raise_failure()
        return outcome

    def _show_tails(self, outcome: Outcome, writer: Writer) -> None:
        """The last lines of failed builds; a terminal's rows had no room for them."""
        from shoal.cli.compose.show.progress import TtyWriter
        from shoal.client.apply.steps import StreamFailed

        if not isinstance(writer, TtyWriter):
            return
        writer.close()
        for error in outcome.failed.values():
            if isinstance(error, StreamFailed) and "\n" not in error.message:  # Shoal's engine repeats them itself
                self.context.stderr.write("".join(f" > {line}\n" for line in error.tail))

    def show(self, plan: Plan) -> None:
        """Print what `plan` would do."""
        from shoal.compose.text.plan import render_plan

        self.warn_all(plan.warnings)
        self.context.stdout.write(render_plan(plan))

    def writer(self, title: str, *, quiet: bool = False, in_place: bool = True) -> Writer:
        """Who shows progress."""
        stream = self.status_stream()
        is_terminal = stream.isatty()
        mode = self._mode
        if mode == "auto":
            mode = "tty" if (is_terminal and self._ansi != "never") or self._ansi == "always" else "plain"
        mode = "plain" if mode == "tty" and not in_place else mode
        coloured = wants_colour(self._ansi, self.context.env, is_terminal=is_terminal)
        return make_writer("quiet" if quiet else mode, stream, title, is_coloured=coloured, dry_run=self.dry_run)

    def status_stream(self) -> TextIO:
        """Where progress goes: standard error, or standard output where COMPOSE_STATUS_STDOUT says so."""
        return self.context.stdout if is_true(self.context.env.get("COMPOSE_STATUS_STDOUT")) else self.context.stderr

    def is_coloured(self, *, no_color: bool = False) -> bool:
        """Whether logs on standard output are coloured."""
        if no_color:
            return False
        return wants_colour(self._ansi, self.context.env, is_terminal=self.context.stdout_is_terminal())

    def warn_all(self, warnings: Sequence[str]) -> None:
        """Print warnings to standard error."""
        for text in warnings:
            self.context.warn(f"WARN: {text}")

    def confirm(self, question: str, *, default: bool = False) -> bool:
        """The user's answer; `default` where nobody can be asked."""
        if not self.context.stdin_is_terminal():
            return default
        self.context.stderr.write(f"{question} [{'Y/n' if default else 'y/N'}] ")
        self.context.stderr.flush()
        answer = self.context.stdin.readline().decode("utf-8", "replace").strip().lower()
        return default if not answer else answer in ("y", "yes")

    def _tell_unchanged(self, plan: Plan, writer: Writer) -> None:
        from shoal.client.apply.progress import Phase, Progress

        for subject in plan.unchanged:
            writer.report(Progress(subject=subject, status="Running", phase=Phase.DONE))
        for subject, status in plan.told.items():
            writer.report(Progress(subject=subject, status=status, phase=Phase.DONE))

    def _parallel(self) -> int:
        from shoal.client.apply.applier import DEFAULT_PARALLEL

        text = str(self._group.number("parallel") or "") or self.found.env.get("COMPOSE_PARALLEL_LIMIT") or ""
        if not text:
            return DEFAULT_PARALLEL
        try:
            return int(text)
        except ValueError:
            raise InvalidArgument(f'COMPOSE_PARALLEL_LIMIT: expected a number, got "{text}"') from None


def check_services(project: Project, services: Sequence[str]) -> None:
    """Raises: NotFound for a service that the project does not have."""
    for name in services:
        if name not in project.services and name not in project.disabled_services:
            from difflib import get_close_matches

            close = get_close_matches(name, project.services, n=1)
            raise NotFound(f"no such service: {name}", hint=f'did you mean "{close[0]}"?' if close else "")


def _empty_group() -> Options:
    from shoal.cli.compose.flags import FLAGS
    from shoal.cli.flags import Options

    return Options(FLAGS)
