"""Commands about archives of images: save, load, import."""

from __future__ import annotations

from shoal.cli.command import MANY, Command, Context
from shoal.cli.errors import PlainError
from shoal.cli.flags import Flag, Options, several, switch
from shoal.cli.progress import show_messages
from shoal.client.images import split_tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO


def _open(path: str) -> BinaryIO:
    try:
        return open(path, "rb")
    except OSError as error:
        raise PlainError(f"open {path}: {(error.strerror or '').lower()}") from error


def _save(context: Context, options: Options, arguments: list[str]) -> int:
    from shoal.cli.container.change import save_stream

    path = options.text("output")
    if not path and context.stdout_is_terminal():
        raise PlainError("cowardly refusing to save to a terminal. Use the -o flag or redirect")
    with context.api.images.save(arguments, platform=options.text("platform")) as response:
        save_stream(context, response, path)
    return 0


def _load(context: Context, options: Options, arguments: list[str]) -> int:
    path = options.text("input")
    if not path and context.stdin_is_terminal():
        raise PlainError("requested load from stdin, but stdin is empty")
    file = _open(path) if path else context.stdin
    is_quiet = options.flag("quiet") or not context.stdout_is_terminal()
    with file, context.api.images.load(file, quiet=is_quiet) as response:
        show_messages(response.json_values(), context.stdout, is_terminal=context.stdout_is_terminal())
    return 0


def _import(context: Context, options: Options, arguments: list[str]) -> int:
    source = arguments[0]
    name, tag = split_tag(arguments[1]) if len(arguments) > 1 else ("", "")
    is_url = source.startswith(("http://", "https://"))
    query = {
        "fromSrc": source if is_url else "-",
        "repo": name or None,
        "tag": tag or None,
        "message": options.text("message") or None,
        "changes": options.list("change"),
        "platform": options.text("platform") or None,
    }
    if is_url:
        response = context.api.images.import_(None, query)
    else:
        response = context.api.images.import_(context.stdin if source == "-" else _open(source), query)
    with response:
        show_messages(response.json_values(), context.stdout, is_terminal=context.stdout_is_terminal())
    return 0


SAVE = Command(
    "[OPTIONS] IMAGE [IMAGE...]",
    _save,
    (
        Flag("output", "o", "Write to a file, instead of STDOUT"),
        Flag("platform", "", "Save only the given platform"),
    ),
    arguments=(1, MANY),
)
LOAD = Command(
    "[OPTIONS]",
    _load,
    (
        Flag("input", "i", "Read from tar archive file, instead of STDIN"),
        switch("quiet", "q", "Suppress the load output"),
    ),
    arguments=(0, 0),
)
IMPORT = Command(
    "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
    _import,
    (
        several("change", "c", "Apply Dockerfile instruction to the created image"),
        Flag("message", "m", "Set commit message for imported image"),
        Flag("platform", "", "Set platform if server is multi-platform capable"),
    ),
    arguments=(1, 2),
)
