"""Stages run side by side and are told one after the other."""

from shoal.engine.builds.transcript import Output, Transcript
from shoal.model.progress import Progress


class Printed:
    def __init__(self) -> None:
        self.text = ""

    def __call__(self, progress: Progress) -> None:
        self.text += progress.stream


def test_the_first_unfinished_stage_speaks_live():
    printed = Printed()
    transcript = Transcript(printed, [0, 1, 2])
    transcript.say(1, "b1 ")
    transcript.say(0, "a1 ")
    assert printed.text == "a1 "
    transcript.say(2, "c1 ")
    transcript.finish(2)
    transcript.finish(0)
    assert printed.text == "a1 b1 "
    transcript.say(1, "b2 ")
    transcript.finish(1)
    assert printed.text == "a1 b1 b2 c1 "


def test_a_stage_that_fails_out_of_turn_is_still_told():
    printed = Printed()
    transcript = Transcript(printed, [0, 1])
    transcript.say(0, "a1 ")
    transcript.say(1, "b1 ")
    transcript.fail(1)
    transcript.say(1, "b2 ")
    assert printed.text == "a1 b1 b2 "


def test_quiet_says_what_must_be_said():
    printed = Printed()
    transcript = Transcript(printed, [0], quiet=True)
    transcript.say(0, "no")
    transcript.say_now("no")
    transcript.tell(Progress(stream="yes"))
    assert printed.text == "yes"


def test_output_keeps_its_last_lines_and_letters_whole():
    printed = Printed()
    output = Output(Transcript(printed, [0]), 0, tail_lines=3)
    data = "".join(f"line {n} ü\n" for n in range(100)).encode()
    for at in range(0, len(data), 7):
        output(data[at : at + 7])
    assert printed.text.encode() == data
    assert output.tail == "line 97 ü\nline 98 ü\nline 99 ü"
