"""What the tutorial of services and stacks is told with: its two images, its stack file, and how its tables look."""

import re
from collections.abc import Sequence
from pathlib import Path

from tests.support.counter import EXAMPLE
from tests.support.engine import EngineProcess

IMAGE = "je12emy/gsd:first_container"
APP = """
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        body = socket.gethostname().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        print("asked", self.path, flush=True)


ThreadingHTTPServer(("", 8080), Page).serve_forever()
"""
DOCKERFILE = """
FROM python:alpine
WORKDIR /src
COPY app.py .
EXPOSE 8080
STOPSIGNAL SIGKILL
CMD ["python", "app.py"]
"""

STACK_IMAGE = "je12emy/gsd:swarm-stack"
STACK_FILE = "docker-compose.yml"
STACK = """version: "3.8"
services:
  web-fe:
    image: je12emy/gsd:swarm-stack
    command: python app.py
    deploy:
      replicas: 10
    ports:
      - target: 5000
        published: 5000
    networks:
      - counter-net
    volumes:
      - type: volume
        source: counter-vol
        target: /code
  redis:
    image: "redis:alpine"
    networks:
      counter-net:

networks:
  counter-net:

volumes:
  counter-vol:
"""

FULL = "[==================================================>]"
ID, SHORT = r"[0-9a-z]{25}", r"[0-9a-z]{12}"
AGO = r"(Less than a second|\d+ seconds?)"


def build_first(engine: EngineProcess, folder: Path) -> None:
    """Make IMAGE: its page is the id of the container that answers."""
    (folder / "app.py").write_text(APP)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    engine.shoal("image", "build", "-t", IMAGE, str(folder))


def build_stack(engine: EngineProcess) -> None:
    """Make STACK_IMAGE: the counter."""
    engine.shoal("image", "build", "-t", STACK_IMAGE, str(EXAMPLE))


def is_table(lines: Sequence[str], *patterns: str) -> None:
    """Each line is what its pattern says; one of columns, whatever their widths."""
    assert len(lines) == len(patterns), "\n".join(lines)
    for line, pattern in zip(lines, patterns, strict=True):
        loose = re.sub(r" {3,}", lambda gap: r" {3,}", pattern)
        assert re.fullmatch(loose, line.rstrip()), f"{line!r}\nis not\n{pattern!r}"
