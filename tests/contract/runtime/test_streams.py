"""Exec, attach and terminals with real crun and conmon."""

import asyncio
import signal

import pytest

from shoal.contracts.runtime import Attachment, ExecRequest
from shoal.errors import InvalidArgument
from tests.support.runtime import Box, eventually


async def read_until(attachment: Attachment, wanted: bytes) -> bytes:
    seen = b""
    async with asyncio.timeout(10):
        while wanted not in seen:
            piece = await attachment.read()
            assert piece is not None, seen
            seen += piece[1]
    return seen


async def read_to_end(attachment: Attachment) -> dict[int, bytes]:
    out = {1: b"", 2: b""}
    async with asyncio.timeout(20):
        while (piece := await attachment.read()) is not None:
            out[piece[0]] += piece[1]
    return out


async def test_exec_output_status_environment_user_and_workdir(box: Box):
    await box.run("sleep", "1000")
    assert await box.exec("sh", "-c", "echo out; echo err >&2; exit 7") == (7, b"out\n", b"err\n")
    assert (await box.exec("sh", "-c", "kill -9 $$"))[0] == 137
    status, out, _ = await box.exec(
        "sh", "-c", "id -u; id -G; pwd; echo $A $FROM_INIT", env=["A=b"], user=(1000, 1000, (5,)), cwd="/tmp"
    )
    assert (status, out.split(b"\n")) == (0, [b"1000", b"1000 5", b"/tmp", b"b yes", b""])


async def test_exec_has_the_capabilities_of_the_init_unless_told(box: Box):
    await box.run("sleep", "1000")
    show = ("sh", "-c", "while read k v; do case $k in CapEff:|CapBnd:) echo $v;; esac; done < /proc/self/status")
    usual = (1 << 0) | (1 << 5) | (1 << 13)
    _, out, _ = await box.exec(*show)
    assert [int(line, 16) for line in out.split()] == [usual, usual]
    _, out, _ = await box.exec(*show, user=(1000, 1000, ()))
    assert [int(line, 16) for line in out.split()] == [0, usual]
    _, out, _ = await box.exec(*show, capabilities=["CAP_CHOWN"])
    assert [int(line, 16) for line in out.split()] == [1, 1]


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("nope", 'exec: "nope": executable file not found in $PATH: unknown'),
        ("/etc", "is a directory"),
        ("/etc/passwd", "permission denied"),
    ],
)
async def test_exec_that_cannot_run(box: Box, program: str, words: str):
    await box.run("sleep", "1000")
    with pytest.raises(InvalidArgument) as error:
        await box.exec(program)
    assert error.value.message.startswith("OCI runtime exec failed: exec failed: unable to start container process: ")
    assert words in error.value.message


async def test_exec_of_a_script_without_interpreter_is_127(box: Box):
    (box.rootfs / "bad").write_text("#!/bin/nosuch\n")
    (box.rootfs / "bad").chmod(0o755)
    await box.run("sleep", "1000")
    try:
        assert (await box.exec("/bad"))[0] == 127
    except InvalidArgument as error:  # crun may tell before or after it has told the pid
        assert "exec /bad: no such file or directory" in error.message


async def test_exec_stdin_and_large_output(box: Box):
    await box.run("sleep", "1000")
    process = await box.runtime.exec(ExecRequest(container_id=box.id, args=["cat"], stdin=True))
    data = bytes(range(256)) * 4000

    async def feed() -> None:
        await process.write(data)
        process.close_stdin()

    feeding = asyncio.create_task(feed())
    got = b"".join([piece async for _, piece in process.read()])
    await feeding
    assert got == data and await process.wait() == 0
    process.close()


async def test_exec_ends_though_a_child_keeps_its_output_open(box: Box):
    await box.run("sleep", "1000")
    async with asyncio.timeout(5):
        assert (await box.exec("sh", "-c", "sleep 1000 & echo done"))[:2] == (0, b"done\n")


async def test_exec_with_a_terminal(box: Box):
    await box.run("sleep", "1000")
    request = ExecRequest(
        container_id=box.id,
        args=["sh", "-c", "tty; stty size; read x; stty size; echo $TERM"],
        terminal=True,
        console_size=(11, 22),
    )
    process = await box.runtime.exec(request)
    seen, answered = b"", False
    async with asyncio.timeout(10):
        async for stream, piece in process.read():
            assert stream == 1
            seen += piece
            if b"11 22" in seen and not answered:
                answered = True
                process.resize(40, 100)
                await process.write(b"\n")
    assert b"/dev/pts/" in seen and b"11 22\r\n" in seen and b"40 100\r\nxterm\r\n" in seen
    assert await process.wait() == 0
    process.close()


async def test_exec_is_killed(box: Box):
    await box.run("sleep", "1000")
    process = await box.runtime.exec(ExecRequest(container_id=box.id, args=["sleep", "500"]))
    process.kill(signal.SIGKILL)
    assert await asyncio.wait_for(process.wait(), 5) == 137
    process.close()


async def test_detached_exec_tells_its_status(box: Box):
    await box.run("sleep", "1000")
    process = await box.runtime.exec(ExecRequest(container_id=box.id, args=["sh", "-c", "exit 3"], detached=True))
    assert await asyncio.wait_for(process.wait(), 5) == 3
    process.close()


async def test_who_attached_before_the_start_gets_all_output(box: Box):
    attaching = asyncio.create_task(box.runtime.attach(box.id))
    await asyncio.sleep(0)
    await box.run("sh", "-c", "seq 1 30000; echo end >&2", log=False)
    attachment = await attaching
    out = await read_to_end(attachment)
    attachment.close()
    assert out == {1: b"".join(b"%d\n" % i for i in range(1, 30001)), 2: b"end\n"}


async def test_stdin_reaches_the_init_and_ends_once(box: Box):
    await box.create("sh", "-c", "cat; echo over", stdin_open=True, stdin_once=True)
    attachment = await box.runtime.attach(box.id)
    await box.runtime.start(box.id)
    data = b"x" * 99_999 + b"\n"
    writing = asyncio.create_task(attachment.write(data))
    out = await read_until(attachment, b"\n")
    await writing
    attachment.close_stdin()
    out += (await read_to_end(attachment))[1]
    assert out == data + b"over\n"
    attachment.close()


async def test_stdin_stays_open_for_the_next_client(box: Box):
    await box.run("sh", "-c", "while read x; do echo got $x; done", stdin_open=True)
    for word in (b"one", b"two"):
        attachment = await box.runtime.attach(box.id)
        await attachment.write(word + b"\n")
        await read_until(attachment, b"got " + word)
        attachment.close_stdin()
        attachment.close()


async def test_terminal_of_a_container_and_its_size(box: Box):
    await box.create("sh", "-c", "tty; read x; stty size", terminal=True, stdin_open=True)
    attachment = await box.runtime.attach(box.id)
    await box.runtime.start(box.id)
    await read_until(attachment, b"/dev/")
    await box.runtime.resize(box.id, 33, 99)
    await asyncio.sleep(0.05)  # conmon reads its fifo and its socket in no fixed order
    await attachment.write(b"\n")
    await read_until(attachment, b"33 99\r\n")
    attachment.close()


async def test_fifty_execs_at_once(box: Box):
    await box.run("sleep", "1000")
    async with asyncio.timeout(30):
        results = await asyncio.gather(*(box.exec("sh", "-c", f"echo {i}; exit {i}") for i in range(50)))
    assert [(status, out) for status, out, _ in results] == [(i, b"%d\n" % i) for i in range(50)]
    await eventually("no exec is left", lambda: len(box.runtime._cgroups.processes(box.runtime.cgroup_of(box.id))) == 1)
