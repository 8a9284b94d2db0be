"""ContainerSpec.Privileges and ContainerSpec.Hosts <-> the security options and extra hosts of a container."""

from collections.abc import Mapping, Sequence
from typing import Any

from shoal.errors import InvalidArgument
from shoal.wire.fields import read_flag, read_object, read_strings, read_text
from shoal.wire.swarm.values import read_base64, read_choice, write_base64

_LABELS = {"User": "user", "Role": "role", "Type": "type", "Level": "level"}
_NO_NEW = "no-new-privileges"


def read_privileges(value: Any, path: str) -> tuple[str, ...]:
    """Security options as `docker run --security-opt` takes them. Raises: InvalidArgument"""
    given = read_object(value, path)
    if given.get("CredentialSpec"):
        raise InvalidArgument(f"{path}.CredentialSpec: credential specs are a feature of Windows")
    options = [*_read_selinux(given, path), *_read_seccomp(given, path)]
    armor = read_object(given.get("AppArmor"), f"{path}.AppArmor")
    if read_choice(armor.get("Mode"), f"{path}.AppArmor.Mode", ("default", "disabled"), "default") == "disabled":
        options.append("apparmor=unconfined")
    if read_flag(given.get("NoNewPrivileges") or False, f"{path}.NoNewPrivileges"):
        options.append(_NO_NEW)
    return tuple(options)


def _read_selinux(given: Mapping[str, Any], path: str) -> list[str]:
    context = read_object(given.get("SELinuxContext"), f"{path}.SELinuxContext")
    if read_flag(context.get("Disable") or False, f"{path}.SELinuxContext.Disable"):
        return ["label=disable"]
    return [
        f"label={name}:{read_text(context[key], f'{path}.SELinuxContext.{key}')}"
        for key, name in _LABELS.items()
        if context.get(key)
    ]


def _read_seccomp(given: Mapping[str, Any], path: str) -> list[str]:
    seccomp = read_object(given.get("Seccomp"), f"{path}.Seccomp")
    modes = ("default", "unconfined", "custom")
    mode = read_choice(seccomp.get("Mode"), f"{path}.Seccomp.Mode", modes, "default")
    if mode == "default":
        return []
    if mode == "unconfined":
        return ["seccomp=unconfined"]
    profile = read_base64(seccomp.get("Profile") or "", f"{path}.Seccomp.Profile")
    try:
        return [f"seccomp={profile.decode()}"]
    except UnicodeDecodeError:
        raise InvalidArgument(f"{path}.Seccomp.Profile: expected a profile in JSON") from None


def write_privileges(options: Sequence[str]) -> dict[str, Any] | None:
    """None when Docker's keys cannot say just these options, in this order."""
    result: dict[str, Any] = {}
    for option in options:
        name, _, value = option.partition("=")
        if option == _NO_NEW:
            result["NoNewPrivileges"] = True
        elif option == "apparmor=unconfined":
            result["AppArmor"] = {"Mode": "disabled"}
        elif option == "seccomp=unconfined":
            result["Seccomp"] = {"Mode": "unconfined"}
        elif name == "seccomp" and value:
            result["Seccomp"] = {"Mode": "custom", "Profile": write_base64(value.encode())}
        elif option == "label=disable":
            result["SELinuxContext"] = {"Disable": True}
        elif name == "label":
            kind, _, text = value.partition(":")
            key = next((k for k, v in _LABELS.items() if v == kind), "")
            result.setdefault("SELinuxContext", {"Disable": False})[key] = text
    return result if read_privileges(result, "") == tuple(options) else None


def read_hosts(value: Any, path: str) -> tuple[str, ...]:
    """("10.0.0.1 db.example db",) -> ("db.example:10.0.0.1", "db:10.0.0.1"). Raises: InvalidArgument"""
    lines = [(line, line.split()) for line in read_strings(value, path)]
    for line, words in lines:
        if len(words) < 2:
            raise InvalidArgument(f'{path}: expected "address name", got "{line}"')
    return tuple(f"{name}:{words[0]}" for _, words in lines for name in words[1:])


def write_hosts(entries: Sequence[str]) -> list[str] | None:
    """None when Docker's lines cannot say just these entries."""
    lines = ["{2} {0}".format(*entry.partition(":")) for entry in entries]
    well_formed = all(len(line.split()) == 2 for line in lines)
    return lines if well_formed and read_hosts(lines, "") == tuple(entries) else None
