"""Starts Elasticsearch 1.5 and answers for it until it ends; a signal ends it first."""

import os
import signal
import subprocess
import sys
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

import yaml

from .server import BEHIND, Handler
from .settings import command, settings

HOME = "/usr/share/elasticsearch"


def main() -> int:
    file = Path(HOME, "config/elasticsearch.yml")
    said = yaml.safe_load(file.read_text()) if file.exists() else None
    chosen = settings(said or {}, os.environ)
    print(
        "This is a stand-in: Elasticsearch 1.5.0 with an adapter for clients of 5.x. No security, one node.", flush=True
    )
    if chosen.ignored:
        print(f"Ignored here: {', '.join(chosen.ignored)}", flush=True)
    node = subprocess.Popen(command(HOME, BEHIND[1], chosen, os.environ.get("ES_JAVA_OPTS", "")))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: node.send_signal(number))
    server = ThreadingHTTPServer(("", 9200), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    status = node.wait()
    return 128 - status if status < 0 else status


sys.exit(main())
