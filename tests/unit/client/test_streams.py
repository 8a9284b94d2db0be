"""What comes from the engine, taken apart."""

import io

from hypothesis import given
from hypothesis import strategies as st

from shoal.client.streams import frames
from shoal.wire.frames import frame

PIECES = st.lists(st.tuples(st.sampled_from((1, 2)), st.binary(max_size=300)), max_size=10)


@given(PIECES, st.integers(1, 700))
def test_frames_are_taken_apart_as_they_were_joined_wherever_they_are_cut(
    pieces: list[tuple[int, bytes]], step: int
) -> None:
    source = io.BytesIO(b"".join(frame(*piece) for piece in pieces))
    found = list(frames(lambda size: source.read(min(size, step))))
    for stream in (1, 2):
        assert b"".join(data for s, data in found if s == stream) == b"".join(d for s, d in pieces if s == stream)
    order = [stream for stream, data in pieces if data]
    seen = [stream for stream, data in found if data]
    assert [s for n, s in enumerate(seen) if not n or seen[n - 1] != s] == [
        s for n, s in enumerate(order) if not n or order[n - 1] != s
    ]
