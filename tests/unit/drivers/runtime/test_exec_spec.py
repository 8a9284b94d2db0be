from typing import Any

from shoal.contracts.runtime import ExecRequest
from shoal.drivers.runtime.execs import merge_env, process_spec

INIT: dict[str, Any] = {
    "args": ["sleep"],
    "cwd": "/srv",
    "env": ["PATH=/bin", "A=1"],
    "user": {"uid": 0, "gid": 0},
    "capabilities": {"bounding": ["CAP_CHOWN"], "effective": ["CAP_CHOWN"]},
    "noNewPrivileges": True,
    "apparmorProfile": "shoal",
    "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2}],
    "terminal": True,
    "consoleSize": {"height": 1, "width": 1},
}


def request(**options: Any) -> ExecRequest:
    return ExecRequest(container_id="c", args=["ls"], **options)


def test_an_exec_is_as_the_init_in_all_that_is_not_said():
    process = process_spec(INIT, request())
    assert process == {
        **{key: INIT[key] for key in INIT if key != "consoleSize"},
        "args": ["ls"],
        "terminal": False,
    }


def test_what_is_said_counts():
    process = process_spec(
        INIT, request(cwd="/x", env=["A=2", "B=3"], user=(5, 6, (7,)), terminal=True, console_size=(4, 9))
    )
    assert process["cwd"] == "/x" and process["user"] == {"uid": 5, "gid": 6, "additionalGids": [7]}
    assert process["env"] == ["PATH=/bin", "A=2", "TERM=xterm", "B=3"]
    assert process["consoleSize"] == {"height": 4, "width": 9}
    assert process["capabilities"] == {"bounding": ["CAP_CHOWN"]}  # no longer root


def test_a_privileged_exec():
    process = process_spec(INIT, request(capabilities=["CAP_SYS_ADMIN"], unconfined=True))
    assert process["capabilities"]["effective"] == ["CAP_SYS_ADMIN"]
    assert process["noNewPrivileges"] is False and "apparmorProfile" not in process


def test_merging_variables():
    assert merge_env(["A=1", "B=2"], ["A=3", "B", "C=4"]) == ["A=3", "C=4"]
