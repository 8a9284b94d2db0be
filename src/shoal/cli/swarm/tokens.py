"""`shoal swarm join-token`, `unlock-key` and `unlock`."""

from __future__ import annotations

from shoal.cli.command import Command, Context
from shoal.cli.errors import PlainError
from shoal.cli.flags import Options, switch

_ROLES = ("worker", "manager")


def print_join_command(context: Context, token: str, role: str, node_id: str) -> None:
    """Print how to join as `role`. Raises: PlainError where this node is no manager that others can reach"""
    status = context.api.nodes.inspect(node_id).get("ManagerStatus") or {}
    if not status.get("Addr"):
        raise PlainError("Error: this manager has no address that others could join at")
    context.print(f"To add a {role} to this swarm, run the following command:\n")
    context.print(f"    shoal swarm join --token {token} {status['Addr']}\n")


def print_unlock_key(context: Context, key: str) -> None:
    """Print what to do with the key that unlocks managers; nothing where there is none."""
    if key:
        context.print(
            "To unlock a swarm manager after it restarts, run the `shoal swarm unlock`\n"
            f"command and provide the following key:\n\n    {key}\n\n"
            "Remember to store this key in a password manager, since without it you\n"
            "will not be able to restart the manager."
        )


def _join_token(context: Context, options: Options, arguments: list[str]) -> int:
    role = arguments[0]
    if role not in _ROLES:
        raise PlainError(f"unknown role {role}")
    swarm = context.api.swarm
    cluster = swarm.inspect()
    if options.flag("rotate"):
        swarm.update(cluster["Version"]["Index"], cluster["Spec"], **{f"rotate{role.capitalize()}Token": True})
        cluster = swarm.inspect()
        if not options.flag("quiet"):
            context.print(f"Successfully rotated {role} join token.\n")
    token = cluster["JoinTokens"][role.capitalize()]
    if options.flag("quiet"):
        context.print(token)
        return 0
    print_join_command(context, token, role, str(context.api.system.info()["Swarm"]["NodeID"]))
    return 0


def _unlock_key(context: Context, options: Options, arguments: list[str]) -> int:
    swarm = context.api.swarm
    if options.flag("rotate"):
        cluster = swarm.inspect()
        if not (cluster["Spec"].get("EncryptionConfig") or {}).get("AutoLockManagers"):
            raise PlainError("cannot rotate because autolock is not turned on")
        swarm.update(cluster["Version"]["Index"], cluster["Spec"], rotateManagerUnlockKey=True)
        if not options.flag("quiet"):
            context.print("Successfully rotated manager unlock key.\n")
    key = swarm.unlock_key()
    if not key:
        raise PlainError("no unlock key is set")
    if options.flag("quiet"):
        context.print(key)
    else:
        print_unlock_key(context, key)
    return 0


def _unlock(context: Context, options: Options, arguments: list[str]) -> int:
    state = (context.api.system.info().get("Swarm") or {}).get("LocalNodeState")
    if state in ("inactive", "", None):
        raise PlainError("Error: This node is not part of a swarm")
    if state != "locked":
        raise PlainError("Error: swarm is not locked")
    context.api.swarm.unlock(_read_key(context))
    return 0


def _read_key(context: Context) -> str:
    if context.stdin_is_terminal():
        import getpass

        return getpass.getpass("Enter unlock key: ").strip()
    context.write("Enter unlock key: ")
    line = context.stdin.readline().decode().strip()
    context.print()
    return line


JOIN_TOKEN = Command(
    "[OPTIONS] (worker|manager)",
    _join_token,
    (switch("quiet", "q", "Only display token"), switch("rotate", "", "Rotate join token")),
    arguments=(1, 1),
)
UNLOCK_KEY = Command(
    "[OPTIONS]",
    _unlock_key,
    (switch("quiet", "q", "Only display token"), switch("rotate", "", "Rotate unlock key")),
    arguments=(0, 0),
)
UNLOCK = Command("", _unlock, arguments=(0, 0))
