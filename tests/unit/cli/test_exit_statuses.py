"""What a wrong command line ends with: docker's statuses, and words that say what to do."""

import io

import pytest

from shoal.cli.command import Context
from shoal.cli.commands import NOT_SERVED
from shoal.cli.main import run


def ended(line: str) -> tuple[int, str, str]:
    """(exit status, stdout, stderr) of a command line that needs no engine."""
    context = Context(env={}, stdin=io.BytesIO(), stdout=io.StringIO(), stderr=io.StringIO())
    status = run(line.split(), context)
    assert isinstance(context.stdout, io.StringIO) and isinstance(context.stderr, io.StringIO)
    return status, context.stdout.getvalue(), context.stderr.getvalue()


@pytest.mark.parametrize(
    ("line", "status", "told"),
    [
        ("--nope", 125, "unknown flag: --nope"),
        ("-H", 125, "flag needs an argument: 'H' in -H"),
        ("ps --nope", 125, "unknown flag: --nope"),
        ("ps -n x", 125, 'invalid argument "x" for "-n, --last" flag: strconv.ParseInt: parsing "x": invalid syntax'),
        (
            "ps --filter x",
            125,
            'invalid argument "x" for "-f, --filter" flag: bad format of filter (expected name=value)',
        ),
        ("run --nope busybox", 125, "unknown flag: --nope"),
        ("run -p nonsense:80 busybox", 125, "invalid hostPort: nonsense"),
        ("run", 1, "'shoal run' requires at least 1 argument"),
        ("network create", 1, "'shoal network create' requires 1 argument"),
        ("network create --subnet x n", 1, 'invalid subnet "x"'),
        ("nope", 1, "unknown command: shoal nope"),
        ("network nope", 1, "unknown command: shoal network nope"),
        ("compose --nope up", 1, "unknown flag: --nope"),
        ("compose up --nope", 1, "unknown flag: --nope"),
        ("up --nope", 1, "unknown flag: --nope"),
        ("compose exec web", 1, "'shoal compose exec' requires at least 2 arguments"),
    ],
)
def test_a_wrong_command_line_ends_as_docker_s(line: str, status: int, told: str) -> None:
    found, out, err = ended(line)
    assert (found, out) == (status, "")
    assert f"shoal: {told}" in err and err.endswith("--help' for more information\n")


@pytest.mark.parametrize("word", NOT_SERVED)
def test_docker_s_words_that_are_not_served_say_so(word: str) -> None:
    status, out, err = ended(f"{word} ls")
    assert (status, out) == (1, "")
    assert err.startswith(f"Error: shoal {word} is not served: ") and "did you mean" not in err


@pytest.mark.parametrize(("line", "path"), [("run", "run"), ("container run", "container run"), ("up", "up")])
def test_help_shows_the_usage_under_the_name_that_was_typed(line: str, path: str) -> None:
    status, out, _ = ended(f"{line} --help")
    assert status == 0 and out.startswith(f"Usage:  shoal {path} [OPTIONS]")


@pytest.mark.parametrize("kind", ["container", "image", "network", "volume", "builder", "system"])
def test_a_prune_that_the_user_does_not_want_is_no_failure(kind: str) -> None:
    status, out, err = ended(f"{kind} prune")
    assert (status, err) == (0, "")
    assert out.startswith("WARNING! This will remove") and out.endswith("[y/N] ")
