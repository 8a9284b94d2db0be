#!/usr/bin/env python3
"""boxes: a volume plugin. A volume is a file of a fixed size with a file system in it: it can be filled, not overrun.

    boxes.py [--socket /run/docker/plugins/boxes.sock] [--root /var/lib/boxes]

    <root>/NAME/box         the file: ext4, sparse
    <root>/NAME/box.json    {"size": "64m", "created": "…", "users": ["id of a container", …]}
    <root>/NAME/content     where it is mounted while somebody uses it

Options of a volume: `size` (default 64m), `mode` of its top folder (octal, default 755).
Only Python's standard library, mkfs.ext4, mount and umount. Must run as root.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import socketserver
import subprocess
import sys
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
SMALLEST = 4 << 20
DEFAULT_SIZE = "64m"


class Wrong(Exception):
    """What the engine is told in `Err`."""


def size_bytes(text):
    """64m -> 67108864"""
    found = re.fullmatch(r"(\d+)([kmg]?)b?", text.lower())
    if not found:
        raise Wrong(f'size: expected a number with k, m or g, got "{text}"')
    size = int(found[1]) * UNITS[found[2]]
    if size < SMALLEST:
        raise Wrong(f'size: expected at least 4m, got "{text}"')
    return size


def run(*argv):
    """Raises: Wrong with the last line that the program wrote"""
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        raise Wrong(f"{argv[0]}: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")


class Boxes:
    """All boxes below a folder. One lock: the engine asks for several at a time."""

    def __init__(self, root):
        self.root = root
        self.lock = threading.Lock()
        root.mkdir(mode=0o711, parents=True, exist_ok=True)

    def folder(self, name):
        if not NAME.fullmatch(name):
            raise Wrong(f'a name of a box has letters, digits, "_", "." and "-", got "{name}"')
        return self.root / name

    def note(self, name):
        path = self.folder(name) / "box.json"
        if not path.exists():
            raise Wrong(f'there is no box "{name}"')
        return json.loads(path.read_text())

    def write(self, name, note):
        path = self.folder(name) / "box.json"
        new = path.with_suffix(".new")
        new.write_text(json.dumps(note))
        new.rename(path)  # a crash leaves the old one

    def create(self, name, options):
        unknown = set(options) - {"size", "mode"}
        if unknown:
            raise Wrong(f"unknown option: {', '.join(sorted(unknown))} (there are size, mode)")
        size = options.get("size", DEFAULT_SIZE)
        wanted, mode = size_bytes(size), int(options.get("mode", "755"), 8)
        folder = self.folder(name)
        if (folder / "box.json").exists():
            return
        (folder / "content").mkdir(mode=0o755, parents=True, exist_ok=True)
        with open(folder / "box", "wb") as box:
            box.truncate(wanted)
        run("mkfs.ext4", "-q", "-F", "-m", "0", str(folder / "box"))
        note = {"size": size, "mode": mode, "created": datetime.now(UTC).isoformat(timespec="seconds")}
        self.write(name, {**note, "users": []})

    def mount(self, name, user):
        note = self.note(name)
        content = self.folder(name) / "content"
        if not os.path.ismount(content):  # a reboot unmounts, whatever the note says of users
            run("mount", "-o", "loop", str(self.folder(name) / "box"), str(content))
            shutil.rmtree(content / "lost+found", ignore_errors=True)  # or the engine takes the volume for filled
            content.chmod(note["mode"])
        self.write(name, {**note, "users": sorted({*note["users"], user})})
        return str(content)

    def unmount(self, name, user):
        note = self.note(name)
        users = [each for each in note["users"] if each != user]
        content = self.folder(name) / "content"
        if not users and os.path.ismount(content):
            run("umount", str(content))
        self.write(name, {**note, "users": users})

    def remove(self, name):
        note = self.note(name)
        content = self.folder(name) / "content"
        if os.path.ismount(content):
            if note["users"]:
                raise Wrong(f'box "{name}" is used by {", ".join(user[:12] for user in note["users"])}')
            run("umount", str(content))
        shutil.rmtree(self.folder(name))

    def get(self, name):
        note = self.note(name)
        content, box = self.folder(name) / "content", self.folder(name) / "box"
        status = {"size": note["size"], "takes": f"{box.stat().st_blocks * 512 >> 10}k", "users": len(note["users"])}
        if os.path.ismount(content):
            room = os.statvfs(content)
            status["free"] = f"{room.f_bavail * room.f_frsize >> 10}k"
        return {"Name": name, "Mountpoint": str(content), "CreatedAt": note["created"], "Status": status}

    def names(self):
        return sorted(path.parent.name for path in self.root.glob("*/box.json"))


def answer(boxes, method, asked):
    """The answer to one call of the protocol."""
    name, user = asked.get("Name", ""), asked.get("ID", "")
    if method == "Plugin.Activate":
        return {"Implements": ["VolumeDriver"]}
    if method == "VolumeDriver.Capabilities":
        return {"Capabilities": {"Scope": "local"}}
    if method == "VolumeDriver.Create":
        boxes.create(name, asked.get("Opts") or {})
    elif method == "VolumeDriver.Remove":
        boxes.remove(name)
    elif method == "VolumeDriver.Mount":
        return {"Mountpoint": boxes.mount(name, user)}
    elif method == "VolumeDriver.Unmount":
        boxes.unmount(name, user)
    elif method == "VolumeDriver.Path":
        return {"Mountpoint": boxes.get(name)["Mountpoint"]}
    elif method == "VolumeDriver.Get":
        return {"Volume": boxes.get(name)}
    elif method == "VolumeDriver.List":
        return {"Volumes": [boxes.get(each) for each in boxes.names()]}
    else:
        raise Wrong(f"there is no {method}")
    return {}


class Call(BaseHTTPRequestHandler):
    """One POST of the engine."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        try:
            with self.server.boxes.lock:
                told = answer(self.server.boxes, self.path.strip("/"), asked)
        except (Wrong, OSError, ValueError) as error:
            told = {"Err": str(error)}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.docker.plugins.v1.2+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        print(self.path, asked.get("Name", ""), told.get("Err", "ok"), file=sys.stderr, flush=True)

    def address_string(self):
        return "engine"

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers on the socket until it is told to stop."""

    daemon_threads = True


def main():
    parser = argparse.ArgumentParser(description="Volumes of a fixed size.")
    parser.add_argument("--socket", type=Path, default=Path("/run/docker/plugins/boxes.sock"))
    parser.add_argument("--root", type=Path, default=Path("/var/lib/boxes"))
    args = parser.parse_args()
    args.socket.parent.mkdir(parents=True, exist_ok=True)
    args.socket.unlink(missing_ok=True)
    with Server(str(args.socket), Call) as server:
        server.boxes = Boxes(args.root)
        print(f"boxes: listening on {args.socket}", file=sys.stderr, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    main()
