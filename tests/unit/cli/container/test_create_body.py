"""Command lines of `run` -> the body of POST /containers/create, compared whole with golden files."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from shoal.cli.container.create.body import wanted_container
from shoal.cli.container.create.flags import RUN_FLAGS
from shoal.cli.environment import environment
from shoal.cli.errors import UsageError
from shoal.cli.flags import parse_flags

GOLDEN = Path(__file__).parents[3] / "golden" / "cli"
ENV = {"HOME": "/home/ann", "FROM_OUTSIDE": "yes"}

#: {golden file: command line after `run`}
LINES = {
    "plain": "busybox",
    "detached": "-d --name web nginx",
    "interactive": "-it --rm alpine sh -c 'exit 3'",
    "command_flags": "alpine ls -l --all",
    "environment": "-e A=1 -eB=two=2 -e FROM_OUTSIDE -e NOT_THERE --env EMPTY= alpine",
    "identity": "-u 1000:1000 -w /srv -h box --domainname lan -l a=b --label flag --entrypoint /x --stop-signal INT "
    "--stop-timeout 0 alpine y",
    "no_entrypoint": "--entrypoint= alpine",
    "volumes": "-v /data -v named:/a:ro -v /host:/b -v ~/c:/c --tmpfs /run:size=64m --tmpfs /tmp "
    "--mount type=bind,src=/etc,dst=/e,readonly,bind-propagation=rslave --mount source=v,target=/v,volume-nocopy "
    "--mount type=tmpfs,destination=/t,tmpfs-size=1m,tmpfs-mode=1770 --volumes-from other:ro --read-only alpine",
    "ports": "-p 80 -p 8080:80 -p 127.0.0.1:53:53/udp -p [::1]:8000-8001:9000-9001 --expose 7 -P alpine",
    "one_network": "--network back --network-alias db --ip 10.1.2.3 --ip6 fd00::3 --link a:b "
    "--mac-address 02:42:ac:11:00:02 alpine",
    "networks": "--network name=back,alias=db,alias=sql,ip=10.1.2.3 --network front alpine",
    "host_network": "--network host alpine",
    "limits": "--cpus 1.5 --cpuset-cpus 0,1 -c 512 -m 64m --memory-swap=-1 --memory-reservation 32m --pids-limit 100 "
    "--blkio-weight 300 --device-read-bps /dev/vda:1mb --ulimit nofile=1024:2048 --ulimit core=0 --shm-size 1g "
    "--oom-score-adj 5 --memory-swappiness 0 alpine",
    "security": "--privileged --cap-add NET_ADMIN --cap-drop ALL --device /dev/null:/dev/x:r --device /dev/zero "
    "--security-opt no-new-privileges --security-opt seccomp=unconfined --group-add 7 --sysctl net.core.somaxconn=1024 "
    "--userns host --pid host --ipc private --uts host --init alpine",
    "unconfined_paths": "--security-opt systempaths=unconfined alpine",
    "health": "--health-cmd 'curl -f localhost' --health-interval 5s --health-retries 3 --health-timeout 1m30s "
    "--health-start-period 2s --health-start-interval 500ms alpine",
    "no_health": "--no-healthcheck alpine",
    "restart": "-d --restart on-failure:3 --dns 1.1.1.1 --dns-search lan --dns-option ndots:1 --add-host a:10.0.0.1 "
    "--add-host b=[::1] --log-driver json-file --log-opt max-size=1m --cgroup-parent /x --init=false alpine",
    "attach_one": "-a stderr alpine",
}  # fmt: skip


def body_of(line: str) -> Any:
    import shlex

    words = [os.path.expanduser(word) for word in shlex.split(line.replace("~/c", "/home/ann/c"))]
    options, arguments = parse_flags(RUN_FLAGS, words, is_interspersed=False)
    return wanted_container(options, arguments, ENV, is_detached=options.flag("detach")).body


@pytest.mark.parametrize("name", sorted(LINES))
def test_body(name: str) -> None:
    path = GOLDEN / f"run_{name}.json"
    assert body_of(LINES[name]) == json.loads(path.read_text()), f"{name}: run {LINES[name]}"


def test_every_golden_file_belongs_to_a_line() -> None:
    assert {path.stem for path in GOLDEN.glob("run_*.json")} == {f"run_{name}" for name in LINES}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-p x alpine", "invalid containerPort: x"),
        ("--cpus a alpine", 'invalid argument "a" for "--cpus" flag: failed to parse a as a rational number'),
        ("--restart sometimes alpine", "invalid restart policy: unknown policy 'sometimes'"),
        ("--restart on-failure:x alpine", "maximum retry count must be an integer"),
        ("--restart always --rm alpine", "conflicting options: cannot specify both --restart and --rm"),
        ("--ulimit nofile alpine", "invalid ulimit argument: nofile"),
        ("--ulimit nofile=9:3 alpine", "ulimit soft limit must be less than or equal to hard limit: 9 > 3"),
        ("--mount type=bind,target=/a alpine", "source is required"),
        ("--mount type=bind,source=/a alpine", "target is required"),
        ("--mount kind=bind alpine", "unexpected key 'kind' in 'kind=bind'"),
        (
            "--mount type=bind,src=/a,dst=/b,volume-nocopy alpine",
            "cannot mix 'volume-*' options with mount type 'bind'",
        ),
        ("-v relative alpine", "must be absolute"),
        ("--device nonsense:x:q alpine", "invalid device specification: nonsense:x:q"),
        ("--network a --network a alpine", 'network "a" is specified multiple times'),
        ("--network host --network a alpine", "cannot attach both user-defined and non-user-defined network-modes"),
        ("--network-alias x alpine", "network-scoped aliases are only supported for user-defined networks"),
        ("--no-healthcheck --health-cmd x alpine", "--no-healthcheck conflicts with --health-* options"),
        ("--add-host nothing alpine", 'bad format for add-host: "nothing"'),
        ("-d -a stdout alpine", "cannot specify both --attach and --detach"),
        ("-a everything alpine", "valid streams are STDIN, STDOUT and STDERR"),
        ("--gpus all alpine", "--gpus is not supported"),
        ("--memory-swappiness 101 alpine", "Valid memory swappiness range is 0-100"),
        ("-e =x alpine", "invalid environment variable: =x"),
    ],
)
def test_mistakes(line: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        body_of(line)
    assert message in error.value.message


def test_env_files_come_first_and_flags_win_by_coming_later(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("# comment\nA=1\n  B=two words\nFROM_OUTSIDE\nNOT_THERE\n\n")
    assert environment([str(file)], ["A=2"], ENV) == ["A=1", "B=two words", "FROM_OUTSIDE=yes", "A=2"]
    file.write_text("some key=1\n")
    with pytest.raises(UsageError, match="contains whitespaces"):
        environment([str(file)], [], ENV)
    with pytest.raises(UsageError, match="no such file"):
        environment([str(tmp_path / "no")], [], ENV)
