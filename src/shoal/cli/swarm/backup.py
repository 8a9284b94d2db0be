"""`shoal swarm backup` and `restore`."""

from __future__ import annotations

import os
from itertools import chain

from shoal.cli.command import Command, Context
from shoal.cli.errors import PlainError
from shoal.cli.flags import Flag, Options, switch
from shoal.client.errors import ClientError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_HEAD_BYTES = 4096
_PASSPHRASE_FILE = Flag("passphrase-file", "", "File with the passphrase that the backup is sealed with")
_UNAUTHORIZED = 401


def _backup(context: Context, options: Options, arguments: list[str]) -> int:
    path = arguments[0]
    passphrase = _passphrase(options)
    pieces = context.api.swarm.backup(passphrase)
    first = next(pieces, b"")  # an engine that refuses leaves no file
    try:
        size = _write(path, chain((first,), pieces))
        with open(path, "rb") as file:
            head = file.readlines(_HEAD_BYTES)[1]
    except OSError as error:
        raise PlainError(f'Error: cannot write the backup "{path}": {error.strerror}') from error
    context.print(f"{path}: {size} bytes")
    if b'"sealed_with":"unlock key"' in head:
        context.warn("It is sealed with the cluster's unlock key of now (shoal swarm unlock-key): keep that key too.")
    elif not passphrase:
        context.warn("It holds the cluster's keys: whoever can read it has the cluster. --passphrase-file seals it.")
    return 0


def _write(path: str, pieces: Iterable[bytes]) -> int:
    """The size of the file, which is there whole or not at all, for its owner only."""
    new = f"{path}.new"
    if os.path.lexists(new):
        os.unlink(new)
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            size = sum(map(file.write, pieces))
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        if os.path.lexists(new):
            os.unlink(new)
        raise
    return size


def _restore(context: Context, options: Options, arguments: list[str]) -> int:
    path = arguments[0]
    swarm = context.api.swarm
    where = {"listen": options.text("listen-addr"), "advertise": options.text("advertise-addr")}
    passphrase = _passphrase(options)
    try:
        with open(path, "rb") as file:
            try:
                node_id = swarm.restore(file, passphrase, **where, force=options.flag("force"))
            except ClientError as error:
                if error.status != _UNAUTHORIZED or passphrase:
                    raise
                if not context.stdin_is_terminal():
                    error.hint = "--passphrase-file names the file that has it"
                    raise
                file.seek(0)
                node_id = swarm.restore(file, _asked(error), **where, force=options.flag("force"))
    except OSError as error:
        raise PlainError(f'Error: cannot read the backup "{path}": {error.strerror}') from error
    context.print(f"Swarm restored: current node ({node_id}) is now its only manager.\n")
    context.print(
        "Services, secrets, configs, networks, join tokens and the identities of nodes are as they were when the\n"
        "backup was made; data in volumes is not in it. Nodes that find this manager at the address of before go on\n"
        "with it by themselves; the others leave and join again. To have more managers: shoal node promote, or join."
    )
    return 0


def _passphrase(options: Options) -> str:
    """The first line of the file, "" where none is given. Raises: PlainError"""
    path = options.text("passphrase-file")
    if not path:
        return ""
    try:
        with open(path, encoding="utf-8") as file:
            line = file.readline().rstrip("\r\n")
    except (OSError, ValueError) as error:
        raise PlainError(f'Error: cannot read the passphrase in "{path}": {error}') from error
    if not line:
        raise PlainError(f'Error: the passphrase in "{path}" is empty')
    return line


def _asked(error: ClientError) -> str:
    import getpass

    what = "unlock key" if "unlock key" in error.message else "passphrase"
    return getpass.getpass(f"Enter {what} of the backup: ").strip()


BACKUP = Command(
    "[OPTIONS] FILE",
    _backup,
    (_PASSPHRASE_FILE,),
    arguments=(1, 1),
    notes="The file has all that another machine needs to be this cluster's manager: services, networks, secrets,\n"
    "configs, nodes, tokens, the CA and the keys. Only its owner can read it. That of a locked cluster is sealed with\n"
    "its unlock key. Images and data in volumes are not in it.",
)
RESTORE = Command(
    "[OPTIONS] FILE",
    _restore,
    (
        Flag("advertise-addr", "", 'Advertised address (format: "<ip|interface>[:port]"; default: as it was)'),
        switch("force", "f", "Restore also where another manager of the cluster still answers"),
        Flag("listen-addr", "", 'Listen address (format: "<ip|interface>[:port]"; default: as it was)'),
        _PASSPHRASE_FILE,
    ),
    arguments=(1, 1),
    notes="For a cluster all of whose managers are lost for good. Where one is left: shoal swarm recover.",
)
