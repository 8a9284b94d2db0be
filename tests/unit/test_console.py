"""The runner of console blocks itself: it must see what differs, or the pages prove nothing."""

import pytest

from tests.support.console import Names, blocks_of

PAGE = """\
Text.

```console pid
$ pid=$(cat pid)
$ ps -p $pid
4242 sleep
node2$ cat <<END
> one
> END
one
```

```console v2
$ cat cgroup.procs
```
"""


def difference(shown: str, real: str, *words: str) -> str:
    return Names().difference(shown, real, words)


def test_blocks_are_steps_of_a_host_a_command_and_what_it_shows() -> None:
    first, second = blocks_of(PAGE)
    assert [(step.host, step.command, step.shown) for step in first.steps] == [
        ("", "pid=$(cat pid)\n", ""),
        ("", "ps -p $pid\n", "4242 sleep\n"),
        ("node2", "cat <<END\none\nEND\n", "one\n"),
    ]
    assert first.is_for("v1") and second.is_for("v2") and not second.is_for("v1")


def test_a_block_with_a_word_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown words.*'pit'"):
        blocks_of("```console pit\n$ true\n```\n")


def test_everything_counts_but_the_kinds_named_and_blanks_at_the_end() -> None:
    assert difference("a 12 b\n", "a 12 b  \n") == ""
    assert difference("a 12 b\n", "a 13 b\n") == "other text"
    assert difference("a 12 b\n", "a 13 b\n", "pid") == ""
    assert difference("a 12 b\n", "a 13 c\n", "pid") == "other text"
    assert difference("a 12 b\n", "a 13 b\nmore\n", "pid") == "other text"
    assert difference("a 12 b\n", "a  13   b\n", "pid") == "other text"
    assert difference("a 12 b\n", "a  13   b\n", "pid", "columns") == ""


def test_a_name_stands_for_one_thing_throughout_a_page() -> None:
    names = Names()
    assert names.difference("12 12 15\n", "98 98 97\n", ("pid",)) == ""
    assert names.difference("12\n", "98\n", ("pid",)) == ""
    assert names.difference("12\n", "99\n", ("pid",)) == "pid 99 where 98 was before; the page has 12 at both places"
    assert names.difference("16\n", "98\n", ("pid",)) == "pid 98 at two places where the page has 16 and 12"
