"""The project of the files that `shoal stack` is given."""

from __future__ import annotations

from dataclasses import replace

from shoal.cli.compose.base.session import Session
from shoal.cli.compose.flags import FLAGS as COMPOSE_FLAGS
from shoal.cli.errors import ArgumentsError, PlainError
from shoal.cli.flags import Options, several
from shoal.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from shoal.cli.command import Context
    from shoal.compose.project import Project

FILE_FLAGS = (
    several("compose-file", "c", 'Path to a Compose file, or "-" to read from stdin', metavar="strings"),
    several("env-file", "", "Specify an alternate environment file (Shoal only)", metavar="strings"),
    several("profile", "", "Specify a profile to enable (Shoal only)", metavar="strings"),
)


class StackSession(Session):
    """A Compose session over the files that `-c` names, or that lie in the folder."""

    def __init__(self, context: Context, options: Options) -> None:
        group = Options(COMPOSE_FLAGS)
        group.replace("file", [path for text in options.list("compose-file") for path in text.split(",")])
        for flag in ("env-file", "profile"):
            group.replace(flag, options.list(flag))
        context.group = group
        super().__init__(context, options)

    def stack(self, names: Sequence[str], **changes: Any) -> Project:
        """The project of the files; its name is the stack's.

        names: none, or the stack's name
        Raises: InvalidArgument with file, line and column; NotSupported for what a stack can't do
        """
        if not self.found.sources:
            raise PlainError("Specify a Compose file (with --compose-file)")
        try:
            result = self.load(project_name=stack_name(names), stack=True, **changes)
        except InvalidArgument as error:
            if error.message == "the stack needs a name":
                raise ArgumentsError(f"'{self.context.path}' requires 1 argument", hint=error.hint) from error
            raise
        self.warn_all(result.warnings)
        return _with_image_names(result.project)


def stack_name(names: Sequence[str]) -> str:
    """The name that the command line gives, "" for none. Raises: PlainError for one that docker refuses"""
    if not names:
        return ""
    if not names[0].strip(" '\""):
        raise PlainError(f'invalid stack name: "{names[0]}"')
    return names[0]


def _with_image_names(project: Project) -> Project:
    """The project with a name for every image that is built."""
    from shoal.compose.to_services.service import image_name

    named = {
        key: one if one.image else replace(one, image=image_name(project, one)) for key, one in project.services.items()
    }
    return replace(project, services=named)


def read_contents(project: Project) -> dict[tuple[str, str], bytes]:
    """The contents of the files that secrets and configs are made of. Raises: InvalidArgument"""
    from shoal.compose.to_services.stack import file_paths

    contents = {}
    for (kind, key), path in file_paths(project).items():
        try:
            with open(path, "rb") as file:
                contents[kind, key] = file.read()
        except OSError as error:
            words = (error.strerror or str(error)).lower()
            raise InvalidArgument(f"{kind}.{key}: open {path}: {words}") from error
    return contents
