"""What each instruction does to the config, and what it tells the executor."""

import pytest

from shoal.dockerfile.args import platform_args
from shoal.dockerfile.evaluate import DEFAULT_PATH, Scope, evaluate, first_state
from shoal.dockerfile.parser import parse
from shoal.dockerfile.stages import plan_build
from shoal.dockerfile.vertices import DirectoryVertex, RunVertex, State, Step, TransferVertex
from shoal.errors import ShoalError
from shoal.model.health import Healthcheck
from shoal.model.image import ImageConfig, Platform

NATIVE = Platform()


def steps(body: str, base: ImageConfig | None = None, head: str = "", **build_args: str) -> tuple[list[Step], State]:
    """The steps of `FROM base` and `body`, and the state at the end."""
    auto = platform_args(NATIVE, NATIVE)
    plan = plan_build(parse(f"{head}FROM base\n{body}"), build_args=build_args, platforms=auto)
    state = first_state(base or ImageConfig(), "base")
    done: list[Step] = []
    for instruction in plan.target.instructions:
        done.append(evaluate(state, instruction, Scope(plan=plan, stage=plan.target, auto_args=auto)))
        state = done[-1].done(done[-1].digest())
    return done, state


def config(body: str, base: ImageConfig | None = None, **build_args: str) -> ImageConfig:
    return steps(body, base, **build_args)[1].config


def vertex(body: str, base: ImageConfig | None = None, **build_args: str):
    return steps(body, base, **build_args)[0][-1].vertex


def refused(body: str) -> str:
    with pytest.raises(ShoalError) as caught:
        steps(body)
    return caught.value.message


def test_env_in_both_forms():
    got = config('ENV A=1 "B C"="x y" D=a\\ b\nENV E  some   "quoted" $A\nENV PYTHONPATH ${PYTHONPATH}:/code')
    assert got.env == (f"PATH={DEFAULT_PATH}", "A=1", "B C=x y", "D=a b", "E=some   quoted 1", "PYTHONPATH=:/code")


def test_the_pairs_of_one_env_do_not_see_each_other():
    assert config("ENV abc=hello\nENV abc=bye def=$abc\nENV ghi=$abc").env[1:] == ("abc=bye", "def=hello", "ghi=bye")


def test_env_wins_over_arg():
    assert vertex("ARG V=arg\nENV V=env\nRUN x").env == (f"PATH={DEFAULT_PATH}", "V=env")


def test_arguments_have_their_scopes():
    run = vertex("ARG A\nARG B=$A-b\nARG TARGETARCH\nARG C\nRUN x", A="1", UNDECLARED="2", http_proxy="p")
    assert set(run.env) == {f"PATH={DEFAULT_PATH}", "A=1", "B=1-b", "TARGETARCH=amd64"}
    assert run.proxies == ("http_proxy=p",)
    assert run.created_by == "RUN |3 A=1 B=1-b TARGETARCH=amd64 /bin/sh -c x"


def test_a_global_argument_must_be_asked_for_in_the_stage():
    found, _ = steps("RUN x\nARG V\nRUN y", head="ARG V=7\n")
    assert "V=7" not in found[0].vertex.env
    assert "V=7" in found[2].vertex.env


def test_cmd_and_entrypoint():
    shell = config('SHELL ["/bin/bash", "-c"]\nENTRYPOINT python3 run.py\nCMD ["a", "b"]')
    assert shell.entrypoint == ("/bin/bash", "-c", "python3 run.py")
    assert shell.cmd == ("a", "b")


def test_entrypoint_takes_the_bases_cmd_away_but_not_ones_own():
    base = ImageConfig(cmd=("old",), entrypoint=("x",))
    assert config('ENTRYPOINT ["new"]', base).cmd == ()
    assert config('CMD ["mine"]\nENTRYPOINT ["new"]', base).cmd == ("mine",)
    assert config("CMD []", base).cmd == ()


def test_expose_splits_and_counts():
    ports = config(
        "ENV P='90/udp 91'\nEXPOSE 80 80/tcp $P 7000-7002", ImageConfig(exposed_ports=("1/tcp",))
    ).exposed_ports
    assert ports == ("1/tcp", "80/tcp", "90/udp", "91/tcp", "7000/tcp", "7001/tcp", "7002/tcp")


def test_what_only_changes_the_config():
    got = config(
        'USER app:app\nVOLUME /a /b\nVOLUME ["/c d"]\nLABEL a=1 "b c"="d e"\nLABEL old some text\nSTOPSIGNAL SIGQUIT\n'
        "HEALTHCHECK --interval=1m30s --timeout=3s --start-period=500ms --retries=2 CMD curl -f x || exit 1\n"
        "ONBUILD RUN again"
    )
    assert got.user == "app:app"
    assert got.volumes == ("/a", "/b", "/c d")
    assert got.labels == {"a": "1", "b c": "d e", "old": "some text"}
    assert got.stop_signal == "SIGQUIT"
    assert got.healthcheck == Healthcheck(
        test=("CMD-SHELL", "curl -f x || exit 1"),
        interval_ns=90 * 10**9,
        timeout_ns=3 * 10**9,
        start_period_ns=500 * 10**6,
        retries=2,
    )
    assert got.on_build == ("RUN again",)
    assert config("HEALTHCHECK NONE").healthcheck == Healthcheck(test=("NONE",))


def test_the_bases_triggers_do_not_stay():
    assert config("RUN x", ImageConfig(on_build=("RUN y",))).on_build == ()


def test_workdir_is_joined():
    found, state = steps("WORKDIR /a\nWORKDIR b\nWORKDIR ../c/")
    assert [step.vertex.path for step in found if isinstance(step.vertex, DirectoryVertex)] == ["/a", "/a/b", "/a/c"]
    assert state.config.workdir == "/a/c"


@pytest.mark.parametrize(
    ("destination", "wanted"),
    [(".", "/w/"), ("./", "/w/"), ("x", "/w/x"), ("x/", "/w/x/"), ("/", "/"), ("/a/../b", "/b"), ("$D", "/w/dd")],
)
def test_destinations(destination: str, wanted: str):
    assert vertex(f"WORKDIR /w\nENV D=dd\nCOPY a {destination}").destination == wanted


def test_copy_with_everything():
    copy = vertex("ARG U=9\nCOPY --chown=$U:7 --chmod=u=rwX,go=rX --exclude=*.md --parents --link a* b /d/")
    assert isinstance(copy, TransferVertex)
    assert (copy.chown, copy.chmod, copy.exclude, copy.parents) == ("9:7", "u=rwX,go=rX", ("*.md",), True)
    assert copy.sources == ("a*", "b")


def test_heredocs_as_files():
    copy = vertex("ENV A=1\nCOPY <<x <<'y' c /d/\n$A\nx\n$A\ny\n")
    assert [(file.name, file.content) for file in copy.files] == [("x", "1\n"), ("y", "$A\n")]
    assert copy.sources == ("c",)


@pytest.mark.parametrize(
    ("run", "argv", "script"),
    [
        ("RUN a  b", ("/bin/sh", "-c", "a  b"), ""),
        ('RUN ["a", "b c"]', ("a", "b c"), ""),
        ("RUN <<E\nset -e\nx $Y\nE\n", ("/bin/sh", "-c", "set -e\nx $Y\n"), ""),
        ("RUN <<-'E'\n\tx\n\tE\n", ("/bin/sh", "-c", "x\n"), ""),
        (
            "RUN <<E\n#!/usr/bin/env python3\nprint(1)\nE\n",
            ("/dev/shoal/script",),
            "#!/usr/bin/env python3\nprint(1)\n",
        ),
        ("RUN python3 <<E > /x\nprint(1)\nE\n", ("/bin/sh", "-c", "python3 <<E > /x\nprint(1)\nE\n"), ""),
    ],
)
def test_what_run_runs(run: str, argv: tuple[str, ...], script: str):
    got = vertex(run)
    assert isinstance(got, RunVertex)
    assert (got.argv, got.script) == (argv, script)


def test_mounts():
    run = vertex(
        "ENV C=/c\nWORKDIR /w\nRUN --mount=type=cache,target=$C,sharing=locked,mode=0700,uid=5 "
        "--mount=type=secret,id=k --mount=target=rel,source=src --mount=type=tmpfs,target=/t,size=1m "
        '--mount=type=secret,id=t,env=TOKEN --mount=type=bind,from=other/image:1,target="/i",rw x'
    )
    found = [(m.mount.type, m.mount.id, m.mount.target, m.mount.readonly, m.image) for m in run.mounts]
    assert found == [
        ("cache", "/c", "/c", False, ""),
        ("secret", "k", "/run/secrets/k", False, ""),
        ("bind", "", "/w/rel", True, ""),
        ("tmpfs", "", "/t", False, ""),
        ("secret", "t", "", False, ""),
        ("bind", "", "/i", False, "other/image:1"),
    ]
    assert run.mounts[0].mount.mode == 0o700
    assert run.mounts[3].mount.size_bytes == 1 << 20


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("EXPOSE 99999", 'Dockerfile:2:1: EXPOSE: invalid containerPort: "99999"'),
        ("EXPOSE 80/icmp", 'invalid proto: "icmp"'),
        ("COPY ../x /", "Dockerfile:2:1: COPY: forbidden path outside the build context: ../x ()"),
        ("ADD https://github.com/a/b.git /x", "ADD from a git repository is not supported"),
        ("COPY --chmod=999 a b", "--chmod: expected an octal mode"),
        ("STOPSIGNAL SIGNOPE", "STOPSIGNAL: invalid signal: SIGNOPE"),
        ("WORKDIR $nothing", "WORKDIR: expected a path"),
        ('ENV A="${B:?must be set}"', 'ENV: failed to process ""${B:?must be set}"": B: must be set'),
        ("RUN --mount=type=bind,target=/ x", 'invalid mount target "/"'),
    ],
)
def test_what_is_refused(body: str, wanted: str):
    assert wanted in refused(body)


def digest(body: str, *inputs: str, **build_args: str) -> str:
    return steps(body, **build_args)[0][-1].digest(inputs)


def test_the_digest_covers_what_decides_the_result():
    assert digest("RUN x") == digest("RUN   x")
    assert digest("RUN x") != digest("RUN y")
    assert digest("RUN x") != digest("ENV A=1\nRUN x")
    assert digest("ARG A\nRUN x", A="1") != digest("ARG A\nRUN x", A="2")
    assert digest("COPY a b", "content 1") != digest("COPY a b", "content 2")
    assert digest("USER u\nRUN x") != digest("RUN x")


def test_the_digest_leaves_out_what_does_not():
    assert digest("RUN x", http_proxy="a") == digest("RUN x", http_proxy="b")
    assert digest("RUN --mount=type=secret,id=a,required=true x") == digest("RUN --mount=type=secret,id=a x")
