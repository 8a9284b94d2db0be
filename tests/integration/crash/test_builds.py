"""`kill -9` of the engine at each step of a build: no half image, nothing left running, the next build goes through."""

import pytest

from tests.support.builds import build, context, run
from tests.support.crashing import CrashingEngine
from tests.support.images import entry
from tests.support.traces import traces, wait_until_as

DOCKERFILE = """
FROM busybox AS one
RUN --mount=type=cache,target=/cache echo one | tee /one /cache/kept
FROM busybox
COPY file /file
WORKDIR /made/here
RUN --mount=type=secret,id=none --mount=type=tmpfs,target=/tmp echo two >two && sleep 0.05
COPY --from=one /one /one
CMD ["cat", "/one", "/file", "/made/here/two"]
"""
FILES = (entry("file", b"file\n"),)


@pytest.mark.parametrize(("steps", "twice"), [("calls", False), ("calls", True), ("effects", False)])
def test_build(crashing: CrashingEngine, steps: str, twice: bool) -> None:
    before = traces(crashing)
    body = context(DOCKERFILE, *FILES)
    deaths = []
    stride = {"calls": 13 if twice else 7, "effects": 53}[steps]
    for step in crashing.each_step(
        lambda: crashing.attempt("POST", "/build?t=app:1", body), steps=steps, stride=stride, twice=twice
    ):
        deaths.append(step)
        tags = [tag for image in crashing.call("GET", "/images/json")[1] for tag in image["RepoTags"]]
        assert set(tags) <= {"busybox:latest", "app:1"}
        if "app:1" in tags:
            assert run(crashing, "app:1") == "one\nfile\ntwo\n"
        assert build(crashing, DOCKERFILE, *FILES, t="app:1").id
        assert run(crashing, "app:1") == "one\nfile\ntwo\n"
        crashing.docker("rmi", "app:1")
        crashing.call("POST", "/build/prune?all=1")
        crashing.docker("image", "prune", "-f")
        wait_until_as(crashing, before)
    assert len(deaths) > 3


def test_what_was_built_before_the_crash_is_not_built_again(crashing: CrashingEngine) -> None:
    """Finished steps stay in the cache."""
    text = "FROM busybox\nRUN cat /proc/sys/kernel/random/uuid >/first\nRUN sleep 0.1; echo >/second\n"
    for step in crashing.each_step(lambda: crashing.attempt("POST", "/build?t=app:1", context(text))):
        if step == "build_steps.run":
            break
    seen = 0
    for step in crashing.each_step(lambda: crashing.attempt("POST", "/build?t=app:1", context(text))):
        seen += step == "build_steps.run"
    assert build(crashing, text, t="app:1").cached == 2
    assert seen <= 2
    crashing.docker("rmi", "app:1")
    crashing.call("POST", "/build/prune?all=1")
