"""The engine's process: reads settings, prepares the host, picks drivers and wires everything by hand."""

import gc

from shoal.daemon.priority import go_ahead


def main() -> int:
    """The console script `shoald`."""
    go_ahead()
    gc.disable()  # until it is ready: a tenth of the start would go into looking at what only grows
    from shoal.daemon.main import main as run

    return run()
