import json
from importlib import resources

import pytest

from shoal.errors import InvalidArgument
from shoal.model.capabilities import ALL_CAPABILITIES, DEFAULT_CAPABILITIES
from shoal.oci.runtime_spec.seccomp import evaluate_profile

PROFILE = json.loads(resources.files("shoal.oci.runtime_spec").joinpath("seccomp.json").read_text())


def action(name: str, capabilities: tuple[str, ...] = DEFAULT_CAPABILITIES, arch: str = "x86_64") -> str:
    """What an unconditional rule says of a system call, "" where none does."""
    rules = evaluate_profile(PROFILE, arch, capabilities)["syscalls"]
    found = {rule["action"] for rule in rules if name in rule["names"] and not rule.get("args")}
    assert len(found) <= 1, f"{name}: {found}"
    return found.pop() if found else ""


@pytest.mark.parametrize("name", ["read", "openat", "chroot", "ptrace", "futex", "fchmodat2", "execve", "socketpair"])
def test_allowed_by_default(name: str) -> None:
    assert action(name) == "SCMP_ACT_ALLOW"


@pytest.mark.parametrize(
    "name", ["mount", "umount2", "unshare", "setns", "bpf", "reboot", "keyctl", "kexec_load", "syslog", "init_module"]
)
def test_refused_by_default(name: str) -> None:
    assert action(name) == "SCMP_ACT_ERRNO"


@pytest.mark.parametrize("name", ["mount", "unshare", "bpf", "clone3", "clone", "reboot", "syslog", "init_module"])
def test_capabilities_open_them(name: str) -> None:
    assert action(name, ALL_CAPABILITIES) == "SCMP_ACT_ALLOW"


@pytest.mark.parametrize("rules", [5, [5], [{}], [{"names": 5, "action": "x"}], [{"names": ["x"]}]])
def test_a_profile_that_is_none(rules: object) -> None:
    with pytest.raises(InvalidArgument, match="invalid seccomp profile"):
        evaluate_profile({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules}, "x86_64", ())


def test_new_namespaces_are_refused_by_argument_with_the_error_that_programs_expect() -> None:
    """ "Not permitted", as with Docker: vsftpd then goes on without them. Of "not implemented" it dies."""
    rules = evaluate_profile(PROFILE, "x86_64", DEFAULT_CAPABILITIES)["syscalls"]
    allowed, *refused = [rule for rule in rules if "clone" in rule["names"]]
    assert allowed["args"] == [{"index": 0, "value": 0x7E020000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]
    assert {rule["errnoRet"] for rule in refused} == {1}
    flags = [argument["value"] for rule in refused for argument in rule["args"]]
    assert sum(flags) == 0x7E020000 and all(flag.bit_count() == 1 for flag in flags)


def test_no_system_call_has_two_answers() -> None:
    for arch in ("x86_64", "aarch64"):
        for capabilities in (DEFAULT_CAPABILITIES, ALL_CAPABILITIES, ()):
            for rule in evaluate_profile(PROFILE, arch, capabilities)["syscalls"]:
                for name in rule["names"]:
                    if not rule.get("args"):
                        action(name, capabilities, arch)


def test_architectures() -> None:
    assert evaluate_profile(PROFILE, "aarch64", ())["architectures"] == ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
    assert action("arch_prctl") == "SCMP_ACT_ALLOW"
    assert action("arch_prctl", arch="aarch64") == ""


def test_plain_oci_profiles_of_users_work_too() -> None:
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"name": "chmod", "action": "SCMP_ACT_ERRNO"}]}
    assert evaluate_profile(profile, "x86_64", ()) == {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["chmod"], "action": "SCMP_ACT_ERRNO"}],
    }


def test_what_is_no_profile() -> None:
    with pytest.raises(InvalidArgument, match="seccomp profile"):
        evaluate_profile({"a": 1}, "x86_64", ())
