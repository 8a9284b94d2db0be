"""`shoal login` and `shoal logout`; logins are kept where docker keeps them."""

from __future__ import annotations

from shoal.cli.command import Command, Context
from shoal.cli.errors import PlainError
from shoal.cli.flags import Flag, Options, switch
from shoal.client.credentials import (
    DOCKER_HUB,
    config_path,
    erase_login,
    load_config,
    registry_key,
    store_login,
    stored_login,
)


def _login(context: Context, options: Options, arguments: list[str]) -> int:
    server = arguments[0] if arguments else ""
    key = registry_key(server)
    user, password = options.text("username"), options.text("password")
    if password:
        context.warn("WARNING! Using --password via the CLI is insecure. Use --password-stdin.")
    if options.flag("password-stdin"):
        if password:
            raise PlainError("conflicting options: cannot specify both --password and --password-stdin")
        if not user:
            raise PlainError("the --password-stdin option requires --username to be set")
        password = context.stdin.read().decode().rstrip("\r\n")
    login = {"username": user, "password": password, "serveraddress": key}
    if not user and not password and (known := stored_login(load_config(context.env), key)):
        context.print("Authenticating with existing credentials...")
        login = known
    elif not (user and password):
        login.update(_ask(context, user, password, server))
    answer = context.api.system.login(login) or {}
    if answer.get("IdentityToken"):
        login = {**login, "password": "", "identitytoken": answer["IdentityToken"]}
    if not store_login(context.env, key, login):
        context.warn(
            f"\nWARNING! Your credentials are stored unencrypted in '{config_path(context.env)}'.\n"
            "Configure a credential helper to remove this warning.\n"
        )
    context.print(answer.get("Status") or "Login Succeeded")
    return 0


def _ask(context: Context, user: str, password: str, server: str) -> dict[str, str]:
    if not context.stdin_is_terminal():
        raise PlainError("Error: Cannot perform an interactive login from a non TTY device")
    from getpass import getpass

    if not user:
        context.write(f"Username for {server or DOCKER_HUB}: ")
        user = context.stdin.readline().decode().strip()
    if not user:
        raise PlainError("Error: Non-null Username Required")
    password = password or getpass("Password: ")
    if not password:
        raise PlainError("Error: Password Required")
    return {"username": user, "password": password}


def _logout(context: Context, options: Options, arguments: list[str]) -> int:
    key = registry_key(arguments[0] if arguments else "")
    if erase_login(context.env, key):
        context.print(f"Removing login credentials for {key}")
    else:
        context.print(f"Not logged in to {key}")
    return 0


LOGIN = Command(
    "[OPTIONS] [SERVER]",
    _login,
    (
        Flag("password", "p", "Password or Personal Access Token (PAT)"),
        switch("password-stdin", "", "Take the Password or Personal Access Token (PAT) from stdin"),
        Flag("username", "u", "Username"),
    ),
    arguments=(0, 1),
)
LOGOUT = Command("[SERVER]", _logout, arguments=(0, 1))
