"""What carrying out a plan needs from this machine: credentials, and packed build contexts."""

from __future__ import annotations

from shoal.client.apply_doors import BuildContext, Doors

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
    raise NotImplementedError
