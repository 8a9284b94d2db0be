"""The engine's process: reads settings, prepares the host, picks drivers and wires everything by hand."""


def main() -> int:
    """The console script `shoald`."""
    from shoal.daemon.main import main as run

    return run()
