"""Text to nodes: directives, continuation, comments, heredocs, flags, positions, errors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.dockerfile.decode import decode_all
from shoal.dockerfile.instructions import Cmd, Run
from shoal.dockerfile.parser import KEYWORDS, parse
from shoal.errors import ShoalError


def nodes(text: str):
    return parse(text).nodes


def message(text: str | bytes) -> str:
    with pytest.raises(ShoalError) as caught:
        decode_all(parse(text))
    return caught.value.message


def test_directives_come_before_everything_else():
    ast = parse("# syntax=docker/dockerfile:1\n# escape=`\n# check=skip=all\nFROM a\nRUN x `\n  y\n")
    assert ast.directives == {"syntax": "docker/dockerfile:1", "escape": "`", "check": "skip=all"}
    assert ast.nodes[1].text.value == "x   y"


def test_a_directive_after_a_comment_is_a_comment():
    ast = parse("# hello\n# escape=`\nFROM a\nRUN x \\\n y\n")
    assert ast.escape == "\\"
    assert ast.nodes[1].text.value == "x  y"


def test_continuation_lines_lose_comments_and_blank_lines():
    ast = parse("FROM a\nRUN one \\\n  # why\n\n  two \\\n# more\n  three\n")
    assert ast.nodes[1].text.value == "one   two   three"
    assert ast.warnings == ("Dockerfile:4:1: empty continuation line",)


def test_an_escaped_escape_at_the_end_does_not_continue():
    assert [n.keyword for n in nodes("FROM a\nRUN x\\\\\nRUN y")] == ["FROM", "RUN", "RUN"]


def test_positions_survive_continuation():
    node = nodes("FROM a\n  RUN one \\\n    two")[1]
    assert str(node.position) == "Dockerfile:2:3"
    assert str(node.text.at(node.text.value.index("two"))) == "Dockerfile:3:5"


def test_carriage_returns_and_a_byte_order_mark_are_no_part_of_the_text():
    assert [n.text.value for n in parse(b"\xef\xbb\xbfFROM a\r\nRUN x \\\r\n y\r\n").nodes] == ["a", "x  y"]


def test_heredocs_of_every_kind():
    node = nodes("FROM a\nRUN cat <<A <<-'B' 3<<\"C\" > /x\n$one\nA\n\t\ttwo\n\tB\nthree\nC\nUSER u\n")[1]
    assert [(h.name, h.content, h.expand) for h in node.heredocs] == [
        ("A", "$one\n", True),
        ("B", "two\n", False),
        ("C", "three\n", False),
    ]


def test_here_strings_and_quoted_arrows_are_no_heredocs():
    assert nodes("FROM a\nRUN cat <<<x; echo '<<EOF' \"<<EOF\"\nUSER u")[1].heredocs == ()


def test_only_run_copy_and_add_have_heredocs():
    assert nodes("FROM a\nCMD cat <<EOF\nUSER u")[1].heredocs == ()


def test_flags_are_taken_off_and_keep_their_place():
    node = nodes('FROM a\nCOPY --from=b --chown="1:2 3" -- --odd /x')[1]
    assert [(f.name, f.value) for f in node.flags] == [("from", "b"), ("chown", "1:2 3")]
    assert str(node.flags[1].position) == "Dockerfile:2:15"
    assert node.text.value == "--odd /x"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "Dockerfile:1:1: the Dockerfile (Dockerfile) cannot be empty"),
        ("# only\n# comments\n", "Dockerfile:1:1: the Dockerfile (Dockerfile) cannot be empty"),
        ("FORM a", "Dockerfile:1:1: unknown instruction: FORM (did you mean FROM?)"),
        ("FROM a\n  COPPY x y", "Dockerfile:2:3: unknown instruction: COPPY (did you mean COPY?)"),
        ("FROM a\nxyzzy", "Dockerfile:2:1: unknown instruction: xyzzy"),
        ("# escape=x\nFROM a", 'Dockerfile:1:10: invalid ESCAPE: expected "\\" or "`", got "x"'),
        ("# escape=`\n# escape=`\nFROM a", "Dockerfile:2:1: only one escape parser directive can be used"),
        ("FROM a\nRUN <<EOF\nx", 'Dockerfile:2:5: RUN: unterminated heredoc: expected a line "EOF"'),
        (b"FROM a\nRUN \xff\xfe", "Dockerfile:2:5: expected text in UTF-8, got binary data (byte 0xff)"),
        (b"\x7fELF\x00\x01", "Dockerfile:1:5: expected text in UTF-8, got binary data (byte 0x00)"),
        ("FROM a\nRUN", "Dockerfile:2:1: RUN: RUN requires at least one argument, got none"),
        ("FROM a b", "Dockerfile:1:1: FROM: FROM requires either one or three arguments"),
        ("FROM a\nCOPY --form=x a b", "Dockerfile:2:6: COPY: unknown flag: --form (did you mean --from?)"),
        ("FROM a\nCOPY --from=x --from=y a b", "Dockerfile:2:15: COPY: duplicate flag specified: --from"),
        ("FROM a\nCOPY x", "Dockerfile:2:1: COPY: COPY requires at least two arguments"),
        ("FROM a\nENV x", 'Dockerfile:2:5: ENV: ENV must have two arguments, got only "x"'),
        ("FROM a\nENV a=b c", 'Dockerfile:2:9: ENV: can\'t find = in "c": expected key=value'),
        ("FROM a\nSHELL /bin/sh", "Dockerfile:2:1: SHELL: SHELL requires the arguments to be in JSON form"),
        ("FROM a\nHEALTHCHECK CMDD x", 'Dockerfile:2:13: HEALTHCHECK: unknown type "CMDD"'),
        (
            "FROM a\nHEALTHCHECK --interval=5 CMD x",
            "Dockerfile:2:13: HEALTHCHECK: --interval: time: missing unit in duration",
        ),
        ("FROM a\nONBUILD FROM b", "Dockerfile:2:9: ONBUILD: FROM isn't allowed as an ONBUILD trigger"),
        ("FROM a\nONBUILD ONBUILD RUN x", "Dockerfile:2:9: ONBUILD: Chaining ONBUILD"),
        ("FROM a\nRUN --mount=type=ssh x", "Dockerfile:2:5: RUN: --mount: type=ssh is not supported"),
        ("FROM a\nRUN --mount=type=cache x", 'Dockerfile:2:5: RUN: --mount: mount type "cache" requires a target'),
        ("FROM a\nRUN --mount=targt=/x x", 'unexpected key "targt" in "targt=/x" (did you mean target?)'),
        ("FROM a\nRUN --network=lan x", 'RUN: --network: expected one of default, none, host, got "lan"'),
        ("FROM a\nADD --checksum=md5:1 http://x/y /z", 'checksum: expected "sha256:" and 64 hex digits, got "md5:1"'),
    ],
)
def test_errors_say_where_what_was_wanted_and_what_was_got(text: str | bytes, wanted: str):
    assert wanted in message(text)


def test_json_that_is_none_falls_back_to_the_shell():
    cmd = decode_all(parse('FROM a\nCMD ["python", "app.py"]%'))[1]
    assert isinstance(cmd, Cmd)
    assert cmd.command.is_shell
    assert cmd.command.words == ('["python", "app.py"]%',)


@given(st.binary(max_size=400))
def test_noise_ends_in_an_error_or_in_instructions(noise: bytes):
    try:
        decode_all(parse(noise))
    except ShoalError as error:
        assert error.message.startswith("Dockerfile:")


WORD = st.text("abcXYZ019/._-=:", min_size=1, max_size=8).filter(lambda word: not word.startswith("--"))


@given(st.lists(st.lists(WORD, min_size=1, max_size=5), min_size=1, max_size=6), st.data())
def test_what_is_written_over_several_lines_is_read_as_one(commands: list[list[str]], data: st.DataObject):
    """Written in any layout (continuation, comments, blank lines, case), the words come back."""
    lines = ["FROM a"]
    for words in commands:
        keyword = data.draw(st.sampled_from(["RUN", "run", "Run"]))
        breaks = [data.draw(st.sampled_from([" ", " \\\n  ", " \\\n# c\n\t", "\t\\\n\n"])) for _ in words]
        lines.append(keyword + "".join(gap + word for gap, word in zip([" ", *breaks], words, strict=False)))
    runs = [i for i in decode_all(parse("\n".join(lines))) if isinstance(i, Run)]
    assert [run.command.words[0].split() for run in runs] == commands


@given(st.sampled_from(KEYWORDS), st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=60))
def test_any_instruction_with_any_text_is_read_or_refused(keyword: str, text: str):
    try:
        decode_all(parse(f"FROM a\n{keyword} {text}"))
    except ShoalError as error:
        assert error.message.startswith("Dockerfile:")
