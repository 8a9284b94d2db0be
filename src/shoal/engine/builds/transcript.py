"""What a build prints, in the order of the Dockerfile, however its stages run. Source: Docker's classic builder."""

import codecs
from collections.abc import Sequence

from shoal.model.progress import Progress, Report


class Transcript:
    """The lines of several stages that run side by side.

    The first unfinished stage of the file speaks live; what the others say is kept until it is their turn.
    """

    def __init__(self, report: Report, stages: Sequence[int], *, quiet: bool = False) -> None:
        """stages: their indexes, in the order of the file"""
        self._report = report
        self._quiet = quiet
        self._order = list(stages)
        self._kept: dict[int, list[Progress]] = {stage: [] for stage in stages}
        self._finished: set[int] = set()

    def say(self, stage: int, text: str) -> None:
        """Print `text` for a stage, as it is."""
        self.pass_on(stage, Progress(stream=text))

    def pass_on(self, stage: int, progress: Progress) -> None:
        """Print a line of a pull that a stage waits for."""
        if self._quiet:
            return
        if self._order and stage != self._order[0]:
            self._kept[stage].append(progress)
        else:
            self._report(progress)

    def say_now(self, text: str) -> None:
        """Print what belongs to no stage."""
        if not self._quiet:
            self._report(Progress(stream=text))

    def tell(self, progress: Progress) -> None:
        """Print also when quiet."""
        self._report(progress)

    def finish(self, stage: int) -> None:
        """This stage says nothing more; the next one that is not finished gets the word."""
        self._finished.add(stage)
        while self._order and self._order[0] in self._finished:
            self._order.pop(0)
            if self._order:
                self._flush(self._order[0])

    def fail(self, stage: int) -> None:
        """This stage has failed: what it said comes out now, that of the others no more."""
        if self._order and stage != self._order[0]:
            self._order = [stage]
            self._flush(stage)

    def _flush(self, stage: int) -> None:
        for progress in self._kept[stage]:
            self._report(progress)
        self._kept[stage].clear()


class Output:
    """The output of one step on its way to the transcript, and the last of it for the error."""

    def __init__(self, transcript: Transcript, stage: int, *, tail_lines: int = 12) -> None:
        """tail_lines: how many lines are kept for the error"""
        self._transcript = transcript
        self._stage = stage
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._tail_lines = tail_lines
        self._tail = ""

    def __call__(self, piece: bytes) -> None:
        text = self._decoder.decode(piece)
        if text:
            self._transcript.say(self._stage, text)
            self._tail = "\n".join((self._tail + text)[-8192:].split("\n")[-self._tail_lines - 1 :])

    @property
    def tail(self) -> str:
        """The last lines."""
        return self._tail.strip("\n")
