"""Commands that speak with registries: pull, push."""

from __future__ import annotations

from shoal.cli.command import Command, Context
from shoal.cli.flags import Flag, Options, switch
from shoal.cli.progress import show_messages
from shoal.client.credentials import registry_auth
from shoal.client.images import split_tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shoal.client.http import Response

_HUB_PREFIX = "docker.io/"


def full_reference(reference: str) -> str:
    """A reference with its registry and tag: "docker.io/library/redis:alpine"."""
    name, tag = split_tag(reference)
    first, slash, _ = name.partition("/")
    if not slash:
        name = f"{_HUB_PREFIX}library/{name}"
    elif not ("." in first or ":" in first or first == "localhost"):
        name = _HUB_PREFIX + name
    return f"{name}@{tag}" if ":" in tag else f"{name}:{tag or 'latest'}"


def _show(context: Context, response: Response, is_quiet: bool) -> None:
    import io

    with response:
        if is_quiet:
            show_messages(response.json_values(), io.StringIO(), is_terminal=False)
        else:
            show_messages(response.json_values(), context.stdout, is_terminal=context.stdout_is_terminal())


def _pull(context: Context, options: Options, arguments: list[str]) -> int:
    reference = arguments[0]
    has_all = options.flag("all-tags")
    name, tag = split_tag(reference)
    if has_all and tag:
        from shoal.cli.errors import PlainError

        raise PlainError("tag can't be used with --all-tags/-a")
    if not tag and not has_all:
        reference = f"{name}:latest"
        if not options.flag("quiet"):
            context.print("Using default tag: latest")
    platform = options.text("platform") or context.env.get("DOCKER_DEFAULT_PLATFORM", "")
    auth = registry_auth(reference, context.env)
    response = context.api.images.pull(
        reference, platform=platform, auth=auth, all_tags=has_all, stand_ins=options.flag("stand-ins")
    )
    _show(context, response, options.flag("quiet"))
    context.print(full_reference(reference) if not has_all else full_reference(reference).removesuffix(":latest"))
    return 0


def _push(context: Context, options: Options, arguments: list[str]) -> int:
    reference = arguments[0]
    if options.flag("all-tags"):
        reference = split_tag(reference)[0]
    elif not split_tag(reference)[1]:
        reference = f"{reference}:latest"
        if not options.flag("quiet"):
            context.print("Using default tag: latest")
    auth = registry_auth(reference, context.env)
    _show(
        context, context.api.images.push(reference, auth=auth, platform=options.text("platform")), options.flag("quiet")
    )
    if options.flag("quiet"):
        context.print(full_reference(reference))
    return 0


PULL = Command(
    "[OPTIONS] NAME[:TAG|@DIGEST]",
    _pull,
    (
        switch("all-tags", "a", "Download all tagged images in the repository"),
        switch("disable-content-trust", "", "", default=True),
        Flag("platform", "", "Set platform if server is multi-platform capable"),
        switch("quiet", "q", "Suppress verbose output"),
        switch("stand-ins", "", "Make a stand-in for an image whose registry can't be reached"),
    ),
    arguments=(1, 1),
)
PUSH = Command(
    "[OPTIONS] NAME[:TAG]",
    _push,
    (
        switch("all-tags", "a", "Push all tags of an image to the repository"),
        switch("disable-content-trust", "", "", default=True),
        Flag("platform", "", "Push a platform-specific manifest as a single-platform image"),
        switch("quiet", "q", "Suppress verbose output"),
    ),
    arguments=(1, 1),
)
