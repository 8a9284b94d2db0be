from shoal.contracts.logs import LogRecord
from shoal.engine.streams.attach import joined
from shoal.engine.streams.logs import LogRenderer, log_details
from shoal.model.container import Container, ContainerSpec, HostSpec, LogConfig
from shoal.wire.frames import frame


def container(tty: bool = False) -> Container:
    log = LogConfig(driver="json-file", options={"labels": "team,none", "env": "A"})
    spec = ContainerSpec(image="x", tty=tty, labels={"team": "blue"}, env=("A=1", "B=2"), host=HostSpec(log=log))
    return Container(id="c", name="c", spec=spec, argv=("x",), image_id="i", created_at=0)


BATCH = [
    LogRecord(1, b"T1", b"begin "),
    LogRecord(2, b"T2", b"err\n"),
    LogRecord(1, b"T3", b"end\n"),
    LogRecord(1, b"T4", b"next\n"),
]


def test_each_record_is_a_frame_and_a_terminal_has_none():
    assert LogRenderer(container(), timestamps=False, details=False)(BATCH) == b"".join(
        frame(r[0], r[2]) for r in BATCH
    )
    assert LogRenderer(container(tty=True), timestamps=False, details=False)(BATCH) == b"begin err\nend\nnext\n"


def test_times_and_details_come_once_a_line():
    render = LogRenderer(container(tty=True), timestamps=True, details=True)
    assert render(BATCH[:2]) == b"T1 team=blue,A=1 begin T2 team=blue,A=1 err\n"
    assert render(BATCH[2:]) == b"end\nT4 team=blue,A=1 next\n"
    assert log_details(container()) == "team=blue,A=1"


def test_neighbours_of_one_stream_are_sent_together():
    assert joined(BATCH) == [(1, b"begin "), (2, b"err\n"), (1, b"end\nnext\n")]
