"""`shoal swarm init`, `join`, `leave`."""

from __future__ import annotations

from shoal.cli.command import Command, Context
from shoal.cli.errors import PlainError
from shoal.cli.flags import Flag, Options, number, several, switch
from shoal.cli.swarm.flags import LOCK_FLAG, NODE_FLAGS, SPEC_FLAGS, merge_spec, node_body
from shoal.cli.swarm.tokens import print_join_command, print_unlock_key
from shoal.client.errors import ClientError


def _init(context: Context, options: Options, arguments: list[str]) -> int:
    body = {
        **node_body(options),
        "DataPathPort": options.number("data-path-port"),
        "DefaultAddrPool": options.list("default-addr-pool"),
        "SubnetSize": options.number("default-addr-pool-mask-length"),
        "ForceNewCluster": options.flag("force-new-cluster"),
        "AutoLockManagers": options.flag("autolock"),
        "Spec": merge_spec({}, options),
    }
    try:
        node_id = context.api.swarm.init(body)
    except ClientError as error:
        if "could not choose an IP address to advertise" in error.message:
            error.message += " - specify one with --advertise-addr"
        raise
    context.print(f"Swarm initialized: current node ({node_id}) is now a manager.\n")
    cluster = context.api.swarm.inspect()
    print_join_command(context, cluster["JoinTokens"]["Worker"], "worker", node_id)
    context.print("To add a manager to this swarm, run 'shoal swarm join-token manager' and follow the instructions.")
    if options.flag("autolock"):
        print_unlock_key(context, context.api.swarm.unlock_key())
    return 0


def _join(context: Context, options: Options, arguments: list[str]) -> int:
    if not options.text("token"):
        raise PlainError(
            "Error: a token is needed to join", hint="on a manager, shoal swarm join-token worker prints the command"
        )
    address = arguments[0]
    context.api.swarm.join({**node_body(options), "RemoteAddrs": [address], "JoinToken": options.text("token")})
    is_manager = (context.api.system.info().get("Swarm") or {}).get("ControlAvailable")
    context.print(f"This node joined a swarm as a {'manager' if is_manager else 'worker'}.")
    return 0


def _leave(context: Context, options: Options, arguments: list[str]) -> int:
    context.api.swarm.leave(force=options.flag("force"))
    context.print("Node left the swarm.")
    return 0


def _recover(context: Context, options: Options, arguments: list[str]) -> int:
    body = {**node_body(options), "ForceNewCluster": True, "Spec": {}}
    node_id = context.api.swarm.init(body)
    context.print(f"Swarm recovered: current node ({node_id}) is now its only manager.\n")
    context.print(
        "Services, secrets, configs, join tokens and the identities of nodes are kept. Managers that are lost for\n"
        "good: shoal node rm --force. To have more than one manager again: shoal node promote, or join new ones."
    )
    return 0


INIT = Command(
    "[OPTIONS]",
    _init,
    (
        *NODE_FLAGS,
        *SPEC_FLAGS,
        LOCK_FLAG,
        number(
            "data-path-port",
            "",
            "Port number to use for data path traffic (1024 - 49151). "
            "If no value is set or is set to 0, the default port (4789) is used.",
        ),
        several("default-addr-pool", "", "default address pool in CIDR format", metavar="ipNetSlice"),
        number(
            "default-addr-pool-mask-length",
            "",
            "default address pool subnet mask length (default 16, or 24 within a smaller pool)",
        ),
        switch("force-new-cluster", "", "Force create a new cluster from current state (as shoal swarm recover)"),
    ),
    arguments=(0, 0),
)
JOIN = Command(
    "[OPTIONS] HOST:PORT",
    _join,
    (*NODE_FLAGS, Flag("token", "", "Token for entry into the swarm")),
    arguments=(1, 1),
)
LEAVE = Command(
    "[OPTIONS]",
    _leave,
    (switch("force", "f", "Force this node to leave the swarm, ignoring warnings"),),
    arguments=(0, 0),
)
RECOVER = Command(
    "[OPTIONS]",
    _recover,
    NODE_FLAGS,
    arguments=(0, 0),
    notes="For a cluster that has lost most of its managers for good: this manager becomes the only one, with all\n"
    "that it knows. Never run it while the others may come back, and never on two managers.",
)
