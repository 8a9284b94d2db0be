"""shoald: from its command line to its last line of log."""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from aiohttp import web

from shoal.daemon import host
from shoal.daemon.abandoned import EngineNotes
from shoal.daemon.cgroup_root import leave_cgroup_root
from shoal.daemon.drivers import Drivers, make_drivers
from shoal.daemon.logs import set_up_logging
from shoal.daemon.options import parse_settings
from shoal.daemon.priority import SETTLING_S, queue_again
from shoal.daemon.sockets import listen, listen_for_metrics
from shoal.daemon.wiring import Engine
from shoal.drivers.network.nftables import Nftables
from shoal.drivers.runtime.cgroups import Cgroups, host_mounts
from shoal.errors import ShoalError
from shoal.model.settings import Settings

log = logging.getLogger("shoal.daemon")

PARTING_S = 3.0  #: for answers under way, when the engine stops

MakeDrivers = Callable[[Settings], Drivers]


def main(argv: Sequence[str] | None = None, make_drivers: MakeDrivers = make_drivers) -> int:
    """Run until SIGTERM or SIGINT. Returns: 0, or 1 after an error that was printed"""
    try:
        settings = parse_settings(sys.argv[1:] if argv is None else argv)
        set_up_logging(settings.log_level)
        host.share_one_heap()
        host.ignore_netrc()
        host.require_root()
        host.require_programs()
        host.make_directories(settings)
        lock = host.lock_root(settings)
        host.enter_mount_namespace(settings)
        leave_cgroup_root()
        notes = EngineNotes(Cgroups(host_mounts()), Nftables())
        notes.keep(settings)
        _run(settings, make_drivers, notes)
        os.close(lock)
    except ShoalError as error:
        print(f"shoald: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        return 1
    return 0


def _run(settings: Settings, make_drivers: MakeDrivers, notes: EngineNotes) -> None:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, make_drivers, notes))


async def serve(settings: Settings, make_drivers: MakeDrivers, notes: EngineNotes) -> None:
    """Open the engine, answer requests until told to stop, close it. Containers run on.

    Meanwhile what other engines have left for good is taken away.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    engine = Engine(settings, make_drivers(settings))
    pid_file = Path(settings.run) / "shoald.pid"
    try:
        await engine.open()
        runner = web.ServerRunner(engine.app.server(), shutdown_timeout=PARTING_S)
        metrics = web.ServerRunner(engine.metrics_app.server(), shutdown_timeout=PARTING_S)
        await runner.setup()
        await metrics.setup()
        await listen(runner, settings)
        await listen_for_metrics(metrics, settings, engine.networks.host_gateways())
        pid_file.write_text(f"{os.getpid()}\n")
        gc.collect()
        gc.freeze()  # what is here now stays: no collection needs to look at it
        gc.enable()
        host.notify_systemd("READY=1")
        log.info("ready", extra={"root": settings.root, "pid": os.getpid()})
        asyncio.get_running_loop().call_later(SETTLING_S, queue_again)
        tidying = asyncio.create_task(host.give_back_memory(), name="memory given back")
        await asyncio.gather(stop.wait(), asyncio.to_thread(notes.clear_abandoned, stop.is_set))
        tidying.cancel()
        log.info("stopping")
        host.notify_systemd("STOPPING=1")
        engine.events.close()
        if settings.stop_containers_on_exit:
            await engine.stop_containers()
        engine.app.end_streams()
        await engine.app.drain()
        await _part_from_clients(metrics, runner)
    finally:
        await engine.close()
        pid_file.unlink(missing_ok=True)
        Path(settings.socket).unlink(missing_ok=True)
    log.info("stopped")


async def _part_from_clients(*runners: web.ServerRunner) -> None:
    """Close all connections. Who is not done by then is told nothing more; no client should come to that."""
    now = asyncio.get_running_loop().time
    for runner in runners:
        begin = now()
        await runner.cleanup()
        if now() - begin >= PARTING_S:
            log.warning("the last clients were not waited for", extra={"seconds": PARTING_S})
