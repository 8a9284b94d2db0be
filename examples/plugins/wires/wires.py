#!/usr/bin/env python3
"""wires: a network plugin without bridges. Each container has a line of its own to the host, and the host routes.

    wires.py [--socket /run/docker/plugins/wires.sock] [--root /var/lib/wires]

      container                         host                          container
    eth0 10.5.0.2/24 ───────── wr1a2b3c (169.254.1.1) ── routes ── wr4d5e6f ───────── eth0 10.5.0.3/24
         default via 169.254.1.1        10.5.0.2 dev wr1a2b3c                  default via 169.254.1.1

No container reaches another one's link layer: the host answers every ARP question for itself, and takes only packets
that come from the container's own address. Addresses come from the network's subnet as the engine gives them; nothing
is translated, so whoever shall answer from elsewhere needs a route to the host.

    <root>/state.json       networks and endpoints, so that the plugin can be started again

Options of a network: `mtu` (default 1400).
Only Python's standard library, and ip of iproute2. Must run as root.
"""

import argparse
import contextlib
import json
import socketserver
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

GATEWAY = "169.254.1.1"  #: the same on every line: the container never sees whose it is
GENERIC = "com.docker.network.generic"


class Wrong(Exception):
    """What the engine is told in `Err`."""


def ip(*argv, missing_ok=False):
    """Raises: Wrong with what ip wrote"""
    done = subprocess.run(["ip", *argv], capture_output=True, text=True)
    if done.returncode != 0 and not missing_ok:
        raise Wrong(f"ip {' '.join(argv)}: {done.stderr.strip()}")


def set_for(link, setting, value):
    Path("/proc/sys/net", setting.replace("LINK", link)).write_text(value)


class Wires:
    """All networks and lines. One lock: the engine asks for several at a time."""

    def __init__(self, root):
        self.path = root / "state.json"
        self.lock = threading.Lock()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.state = json.loads(self.path.read_text()) if self.path.exists() else {"networks": {}, "endpoints": {}}

    def sweep(self):
        """Take away lines that nobody uses: the engine gave them back while we were not there to hear it."""
        for name, endpoint in list(self.state["endpoints"].items()):
            link = endpoint["link"]
            if not Path(f"/sys/class/net/{link}").exists() or Path(f"/sys/class/net/{link}p").exists():
                ip("link", "delete", link, missing_ok=True)
                del self.state["endpoints"][name]
        self.save()

    def save(self):
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.state))
        new.rename(self.path)  # a crash leaves the old one

    def network(self, asked):
        found = self.state["networks"].get(asked["NetworkID"])
        if found is None:
            raise Wrong(f"there is no network {asked['NetworkID'][:12]}")
        return found

    def endpoint(self, asked):
        found = self.state["endpoints"].get(asked["EndpointID"])
        if found is None:
            raise Wrong(f"there is no endpoint {asked['EndpointID'][:12]}")
        return found

    def create_network(self, asked):
        options = (asked.get("Options") or {}).get(GENERIC) or {}
        unknown = set(options) - {"mtu"}
        if unknown:
            raise Wrong(f"unknown option: {', '.join(sorted(unknown))} (there is mtu)")
        mtu = int(options.get("mtu", "1400"))
        if not 1280 <= mtu <= 9000:
            raise Wrong(f"mtu: expected a number from 1280 to 9000, got {mtu}")
        if asked.get("IPv6Data"):
            raise Wrong("lines have IPv4 only")
        self.state["networks"][asked["NetworkID"]] = {"mtu": mtu}
        return {}

    def delete_network(self, asked):
        self.state["networks"].pop(asked["NetworkID"], None)
        return {}

    def create_endpoint(self, asked):
        self.network(asked)
        address = (asked.get("Interface") or {}).get("Address") or ""
        if not address:
            raise Wrong("a line needs an address: leave the IPAM driver as it is")
        name = asked["EndpointID"][:8]
        self.state["endpoints"][asked["EndpointID"]] = {"link": f"wr{name}", "address": address.partition("/")[0]}
        if asked["Interface"].get("MacAddress"):
            return {"Interface": {}}  # nothing to add to what the user chose
        return {"Interface": {"MacAddress": "02:77:" + ":".join(name[i : i + 2] for i in range(0, 8, 2))}}

    def join(self, asked):
        network, endpoint = self.network(asked), self.endpoint(asked)
        link, peer = endpoint["link"], endpoint["link"] + "p"
        ip("link", "add", link, "mtu", str(network["mtu"]), "type", "veth", "peer", "name", peer)
        try:
            ip("link", "set", peer, "mtu", str(network["mtu"]))
            ip("address", "add", f"{GATEWAY}/32", "dev", link)
            set_for(link, "ipv6/conf/LINK/disable_ipv6", "1")
            set_for(link, "ipv4/conf/LINK/rp_filter", "1")  # nobody sends from an address that is not his
            set_for(link, "ipv4/conf/LINK/proxy_arp", "1")  # the others of the subnet are behind the host
            set_for(link, "ipv4/neigh/LINK/proxy_delay", "0")
            ip("link", "set", link, "up")
            ip("route", "replace", endpoint["address"] + "/32", "dev", link)
        except (Wrong, OSError):
            ip("link", "delete", link, missing_ok=True)
            raise
        return {
            "InterfaceName": {"SrcName": peer, "DstPrefix": "eth"},
            "Gateway": GATEWAY,
            "StaticRoutes": [{"Destination": f"{GATEWAY}/32", "RouteType": 1}],
        }

    def leave(self, asked):
        ip("link", "delete", self.endpoint(asked)["link"], missing_ok=True)  # its other end goes with it
        return {}

    def delete_endpoint(self, asked):
        self.state["endpoints"].pop(asked["EndpointID"], None)
        return {}

    def info(self, asked):
        return {"Value": self.endpoint(asked)}


def answer(wires, method, asked):
    """The answer to one call of the protocol."""
    known = {
        "Plugin.Activate": lambda asked: {"Implements": ["NetworkDriver"]},
        "NetworkDriver.GetCapabilities": lambda asked: {"Scope": "local", "ConnectivityScope": "local"},
        "NetworkDriver.CreateNetwork": wires.create_network,
        "NetworkDriver.DeleteNetwork": wires.delete_network,
        "NetworkDriver.CreateEndpoint": wires.create_endpoint,
        "NetworkDriver.DeleteEndpoint": wires.delete_endpoint,
        "NetworkDriver.EndpointOperInfo": wires.info,
        "NetworkDriver.Join": wires.join,
        "NetworkDriver.Leave": wires.leave,
        "NetworkDriver.ProgramExternalConnectivity": lambda asked: {},  # reached at their own addresses
        "NetworkDriver.RevokeExternalConnectivity": lambda asked: {},
        "NetworkDriver.DiscoverNew": lambda asked: {},
        "NetworkDriver.DiscoverDelete": lambda asked: {},
    }
    if method not in known:
        raise Wrong(f"there is no {method}")
    told = known[method](asked)
    wires.save()
    return told


class Call(BaseHTTPRequestHandler):
    """One POST of the engine."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        try:
            with self.server.wires.lock:
                told = answer(self.server.wires, self.path.strip("/"), asked)
        except (Wrong, OSError, ValueError, KeyError) as error:
            told = {"Err": str(error)}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.docker.plugins.v1.2+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        print(self.path, asked.get("EndpointID", "")[:12], told.get("Err", "ok"), file=sys.stderr, flush=True)

    def address_string(self):
        return "engine"

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers on the socket until it is told to stop."""

    daemon_threads = True


def main():
    parser = argparse.ArgumentParser(description="Networks without bridges.")
    parser.add_argument("--socket", type=Path, default=Path("/run/docker/plugins/wires.sock"))
    parser.add_argument("--root", type=Path, default=Path("/var/lib/wires"))
    args = parser.parse_args()
    args.socket.parent.mkdir(parents=True, exist_ok=True)
    args.socket.unlink(missing_ok=True)
    with Server(str(args.socket), Call) as server:
        server.wires = Wires(args.root)
        server.wires.sweep()
        print(f"wires: listening on {args.socket}", file=sys.stderr, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    main()
