"""Seccomp profiles: Docker's format, evaluated for one container, to what the OCI runtime takes.

Docker's format has rules that count only for some architectures or capabilities (`includes`, `excludes`); the OCI's has
none of that. Source: OCI runtime spec 1.1, `linux.seccomp`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shoal.errors import InvalidArgument

#: {uname's machine: (Go's name, seccomp's architectures)}
_ARCHES = {
    "x86_64": ("amd64", ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32")),
    "aarch64": ("arm64", ("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM")),
}


def evaluate_profile(profile: Mapping[str, Any], arch: str, capabilities: Sequence[str]) -> dict[str, Any]:
    """`linux.seccomp` for a container on `arch` (uname's) that has `capabilities`.

    Raises: InvalidArgument for a profile that is none
    """
    if not isinstance(profile, Mapping) or "defaultAction" not in profile:
        raise InvalidArgument("invalid seccomp profile: expected an object with defaultAction")
    try:
        return _evaluate(profile, arch, capabilities)
    except (AttributeError, KeyError, TypeError) as error:
        raise InvalidArgument(f"invalid seccomp profile: {type(error).__name__}: {error}") from None


def _evaluate(profile: Mapping[str, Any], arch: str, capabilities: Sequence[str]) -> dict[str, Any]:
    go_arch, architectures = _ARCHES.get(arch, (arch, ()))
    result: dict[str, Any] = {"defaultAction": profile["defaultAction"]}
    if profile.get("defaultErrnoRet") is not None:
        result["defaultErrnoRet"] = profile["defaultErrnoRet"]
    if "archMap" in profile:
        if architectures:
            result["architectures"] = list(architectures)
    elif profile.get("architectures"):
        result["architectures"] = list(profile["architectures"])
    for key in ("flags", "listenerPath", "listenerMetadata"):
        if profile.get(key):
            result[key] = profile[key]
    rules = profile.get("syscalls") or ()
    result["syscalls"] = [_rule(rule) for rule in rules if _applies(rule, go_arch, capabilities)]
    return result


def _applies(rule: Mapping[str, Any], arch: str, capabilities: Sequence[str]) -> bool:
    wanted, unwanted = rule.get("includes") or {}, rule.get("excludes") or {}
    if wanted.get("arches") and arch not in wanted["arches"]:
        return False
    if arch in (unwanted.get("arches") or ()):
        return False
    if not all(cap in capabilities for cap in wanted.get("caps") or ()):
        return False
    return not any(cap in capabilities for cap in unwanted.get("caps") or ())


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    names = rule.get("names") or [rule["name"]]
    result: dict[str, Any] = {"names": list(names), "action": rule["action"]}
    if rule.get("errnoRet") is not None:
        result["errnoRet"] = rule["errnoRet"]
    if rule.get("args"):
        keys = ("index", "value", "valueTwo", "op")
        result["args"] = [{key: arg[key] for key in keys if key in arg} for arg in rule["args"]]
    return result
