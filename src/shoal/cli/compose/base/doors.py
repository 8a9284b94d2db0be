"""What carrying out a plan needs from this machine: credentials, and packed build contexts."""

from __future__ import annotations

import os

from shoal.client.apply.doors import BuildContext, Doors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shoal.cli.command import Context
    from shoal.compose.operations import BuildImage

#: asks Shoal's engine to make a stand-in where an image can't be pulled; other engines ignore it
STAND_INS_QUERY = {"shoal.standIns": "1"}


def make_doors(context: Context, *, stand_ins: bool = False) -> Doors:
    """The doors of a command line program."""

    def registry_auth(reference: str) -> str:
        from shoal.client.credentials import registry_auth as find

        return find(reference, context.env)

    def build_context(operation: BuildImage) -> BuildContext:
        return _pack(context, operation)

    return Doors(
        registry_auth=registry_auth,
        build_context=build_context,
        extra_query=STAND_INS_QUERY if stand_ins else {},
    )


def _pack(context: Context, operation: BuildImage) -> BuildContext:
    from shoal.client.credentials import registry_config_header

    build = operation.build
    if "://" in build.context or build.context.startswith("git@"):  # the engine fetches it
        return BuildContext(tar=(), headers=registry_config_header(context.env), query={"remote": build.context})
    from shoal.client.build_context import pack_context

    inline = build.dockerfile_inline.encode() if build.dockerfile_inline else None
    packed = pack_context(build.context, os.path.join(build.context, build.dockerfile), content=inline)
    return BuildContext(
        tar=packed.tar, headers=registry_config_header(context.env), query={"dockerfile": packed.dockerfile}
    )
