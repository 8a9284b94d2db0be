"""The parser of flags: docker's grammar and words."""

import pytest

from shoal.cli.command import MANY, Command
from shoal.cli.errors import UsageError
from shoal.cli.flags import Flag, HelpAsked, number, parse_flags, several, switch

FLAGS = (
    switch("interactive", "i", "x"),
    switch("tty", "t", "x"),
    switch("proxy", "", "x", default=True),
    several("env", "e", "x"),
    Flag("name", "", "x"),
    Flag("memory", "m", "x", kind="bytes"),
    Flag("wait", "w", "x", kind="duration"),
    Flag("dry", "", "x", bare="all"),
    number("tail", "n", "x", default=-1),
)


def parse(*argv: str, interspersed: bool = True):
    return parse_flags(FLAGS, argv, is_interspersed=interspersed)


@pytest.mark.parametrize(
    ("argv", "name", "value"),
    [
        (["--name", "web"], "name", "web"),
        (["--name=web=1"], "name", "web=1"),
        (["-it"], "tty", True),
        (["-it"], "interactive", True),
        (["--tty=false"], "tty", False),
        (["--proxy=0"], "proxy", False),
        (["-eA=1", "-e", "B", "-e=C=", "--env=D"], "env", ["A=1", "B", "C=", "D"]),
        (["-m512m"], "memory", 512 << 20),
        (["-m=1.5g"], "memory", 3 << 29),
        (["-w1m30s"], "wait", 90 * 10**9),
        (["-tn5"], "tail", 5),
        (["--dry"], "dry", "all"),
        (["--dry=one"], "dry", "one"),
        ([], "tail", -1),
        ([], "env", []),
    ],
)
def test_values(argv: list[str], name: str, value: object) -> None:
    options, arguments = parse(*argv)
    assert (options[name], arguments) == (value, [])


def test_flags_may_follow_arguments_or_not() -> None:
    options, arguments = parse("a", "-t", "b")
    assert (options.flag("tty"), arguments) == (True, ["a", "b"])
    options, arguments = parse("-i", "image", "-t", "--name", "x", interspersed=False)
    assert (options.flag("tty"), options.flag("interactive"), arguments) == (
        False,
        True,
        ["image", "-t", "--name", "x"],
    )


def test_two_dashes_end_the_flags_and_one_is_an_argument() -> None:
    assert parse("-t", "--", "-i", "--name")[1] == ["-i", "--name"]
    assert parse("-")[1] == ["-"]


def test_a_flag_given_with_its_default_counts_as_given() -> None:
    options, _ = parse("--tail=-1")
    assert options.is_given("tail") and not options.is_given("name")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--nope"], "unknown flag: --nope"),
        (["-tz"], "unknown shorthand flag: 'z' in -tz"),
        (["--name"], "flag needs an argument: --name"),
        (["-te"], "flag needs an argument: 'e' in -te"),
        (["-m", "big"], 'invalid argument "big" for "-m, --memory" flag: invalid size: \'big\''),
        (
            ["--tty=maybe"],
            'invalid argument "maybe" for "-t, --tty" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
        ),
        (["-w", "5"], 'invalid argument "5" for "-w, --wait" flag: time: missing unit in duration "5"'),
    ],
)
def test_mistakes_have_docker_s_words(argv: list[str], message: str) -> None:
    with pytest.raises(UsageError) as error:
        parse(*argv)
    assert error.value.message == message


def test_a_near_miss_is_named() -> None:
    with pytest.raises(UsageError) as error:
        parse("--interactiv")
    assert error.value.hint == 'did you mean "--interactive"?'


@pytest.mark.parametrize("argv", [["--help"], ["-h"], ["a", "--help"]])
def test_help_is_asked_for_anywhere(argv: list[str]) -> None:
    with pytest.raises(HelpAsked):
        parse(*argv)


@pytest.mark.parametrize(
    ("bounds", "given", "message"),
    [
        ((1, MANY), [], "'shoal stop' requires at least 1 argument"),
        ((2, 2), ["a"], "'shoal stop' requires 2 arguments"),
        ((1, 1), ["a", "b"], "'shoal stop' requires 1 argument"),
        ((0, 1), ["a", "b"], "'shoal stop' requires at most 1 argument"),
        ((0, 0), ["a"], "'shoal stop' accepts no arguments"),
    ],
)
def test_the_number_of_arguments(bounds: tuple[int, int], given: list[str], message: str) -> None:
    command = Command("", lambda context, options, arguments: 0, arguments=bounds)
    with pytest.raises(UsageError) as error:
        command.check_arguments("shoal stop", given)
    assert error.value.message == message
