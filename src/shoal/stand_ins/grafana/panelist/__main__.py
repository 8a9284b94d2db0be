"""Starts the server: `python -m panelist`."""

import logging
import os
import sys
from pathlib import Path

from aiohttp import web

from . import TITLE
from .files import read_text
from .settings import parse_settings
from .web.app import make_app

_CONFIG = "/etc/grafana/grafana.ini"
#: how long requests may go on once the server is told to stop
_LEAVE_S = 3.0


def main() -> None:
    """Read the settings and serve until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    config = Path(os.environ.get("GF_PATHS_CONFIG", _CONFIG))
    try:
        settings = parse_settings(config.read_text() if config.is_file() else "", os.environ, read_text)
        Path(settings.data).mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        sys.exit(f"panelist: {error}")
    logging.getLogger("panelist").info("%s listens on %s:%s", TITLE, settings.address or "*", settings.port)
    web.run_app(
        make_app(settings),
        host=settings.address or None,
        port=settings.port,
        print=None,
        access_log=None,
        shutdown_timeout=_LEAVE_S,
    )


if __name__ == "__main__":
    main()
