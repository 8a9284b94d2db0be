"""Who "www-data:adm" is, by the passwd and group files of a container."""

from collections.abc import Iterable, Sequence

from shoal.errors import InvalidArgument
from shoal.oci.runtime_spec.facts import User

_MAX_ID = (1 << 32) - 2


def _lines(text: str, fields: int) -> Iterable[list[str]]:
    for line in text.splitlines():
        parts = line.strip().split(":")
        if len(parts) >= fields and not line.startswith("#"):
            yield parts


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and int(text) <= _MAX_ID else None


def find_user(user: str, passwd: str, group: str, group_add: Sequence[str] = ()) -> User:
    """Who `user` ("", name or uid, with ":group" or ":gid") is.

    The primary group is among the additional ones: a program could else leave it by a set-group-id program and gain
    what files refuse to that group (CVE-2022-36109).

    passwd, group: texts of the files; "" where there are none
    group_add: further groups, names or numbers
    Raises: InvalidArgument, in Docker's words
    """
    name, _, group_name = user.partition(":")
    uid, gid, login, home = _look_up_user(name or "0", passwd)
    additional: list[int] = []
    if group_name:
        gid = _look_up_group(group_name, group)
    elif login:
        additional = [
            number
            for parts in _lines(group, 4)
            if login in parts[3].split(",") and (number := _number(parts[2])) is not None
        ]
    additional += [_look_up_group(item, group) for item in group_add]
    unique = tuple(dict.fromkeys((gid, *additional)))
    return User(uid=uid, gid=gid, additional_gids=unique, home=home or "/")


def _look_up_user(name: str, passwd: str) -> tuple[int, int, str, str]:
    """(uid, gid, login, home)"""
    wanted = _number(name)
    for parts in _lines(passwd, 4):
        uid, gid = _number(parts[2]), _number(parts[3])
        if uid is not None and gid is not None and (parts[0] == name or uid == wanted):
            return uid, gid, parts[0], parts[5] if len(parts) > 5 else ""
    if wanted is None:
        raise InvalidArgument(f"unable to find user {name}: no matching entries in passwd file")
    return wanted, 0, "", ""


def _look_up_group(name: str, group: str) -> int:
    number = _number(name)
    for parts in _lines(group, 3):
        gid = _number(parts[2])
        if gid is not None and parts[0] == name:
            return gid
    if number is None:
        raise InvalidArgument(f"unable to find group {name}: no matching entries in group file")
    return number
