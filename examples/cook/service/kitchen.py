"""What both microservices are made of: pages as JSON, the database, the cache, and each other by way of Consul."""

import json
import os
import random
import signal
import socket
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 3000
ME = socket.gethostname()
CONSUL = "http://" + os.environ.get("CONSUL", "consul:8500")


def link(alias, port):
    """(host, port) of a linked container, from the variables that links give."""
    stem = f"{alias.upper()}_PORT_{port}_TCP"
    return os.environ[f"{stem}_ADDR"], int(os.environ[f"{stem}_PORT"])


def redis(*words):
    """One command to the database: its answer, None, a number or text. Source: the Redis protocol, RESP"""
    with socket.create_connection(link("db", 6379), timeout=3) as line, line.makefile("rb") as answer:
        line.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in map(str.encode, words)))
        first = answer.readline().rstrip()
        if first[:1] == b"$":
            length = int(first[1:])
            return None if length < 0 else answer.read(length).decode()
        if first[:1] == b"-":
            raise OSError(first[1:].decode())
        return first[1:].decode()


def cached(key, seconds, make):
    """The text under `key`, made anew where the cache has none. Source: memcached's text protocol"""
    with socket.create_connection(link("cache", 11211), timeout=3) as line, line.makefile("rb") as answer:
        line.sendall(b"get %s\r\n" % key.encode())
        first = answer.readline()
        if first.startswith(b"VALUE "):
            return answer.read(int(first.split()[3])).decode()
        value = make()
        line.sendall(b"set %s 0 %d %d\r\n%s\r\n" % (key.encode(), seconds, len(value.encode()), value.encode()))
        answer.readline()
        return value


def ask(service, path):
    """The answer of an instance of another microservice that is well, whichever."""
    with urllib.request.urlopen(f"{CONSUL}/v1/health/service/{service}?passing", timeout=3) as answer:
        found = [entry["Service"] for entry in json.load(answer)]
    if not found:
        raise OSError(f"nobody is {service} now")
    one = random.choice(found)
    with urllib.request.urlopen(f"http://{one['Address']}:{one['Port']}{path}", timeout=3) as answer:
        return json.load(answer)


def serve(pages):
    """Answer until told to end. pages: {path: function that gives what becomes JSON}; `/health` is there by itself"""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            page = {**pages, "/health": lambda: {"well": True}}.get(self.path)
            try:
                status, told = (200, page()) if page else (404, {"error": "there is no such page"})
            except OSError as error:
                status, told = 503, {"error": str(error)}
            body = json.dumps({**told, "instance": ME}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"listening on {PORT}", flush=True)
    ThreadingHTTPServer(("", PORT), Page).serve_forever()
