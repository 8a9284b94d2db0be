"""stencil: a file made from a template of what Consul knows, and nginx told to read it again. A small consul-template.

    stencil.py TEMPLATE FILE     runs nginx, keeps FILE current, ends with nginx
    stencil.py --is-ready        for a health check: nginx has had an instance of each service

A template is text with

    {{range service "tag.name"}} … {{.Address}} {{.Port}} {{.ID}} … {{else}} … {{end}}

The part before `else` is repeated for each instance that Consul calls passing, in order of their ids; the one after it
counts where there is none. A change is seen at once: Consul answers a question with `index` when the answer is another
one. A file that nginx refuses is not used, the old one stays.

Variables: CONSUL (host:port).
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

CONSUL = "http://" + os.environ.get("CONSUL", "consul:8500")
BLOCK = re.compile(r'\{\{range service "([^"]+)"\}\}(.*?)(?:\{\{else\}\}(.*?))?\{\{end\}\}', re.DOTALL)
FIELD = re.compile(r"\{\{\.(Address|Port|ID|Name)\}\}")
READY = Path("/run/stencil-ready")
WAIT_S = 60
RETRY_S = 1.0


def render(template, instances):
    """The text. instances: {"tag.name": [{"Address": …, "Port": …, "ID": …}, …]}"""

    def block(found):
        each, nobody = found[2], found[3] or ""
        known = instances.get(found[1], [])
        return "".join(fill(each, one) for one in known) if known else nobody

    return BLOCK.sub(block, template)


def fill(text, one):
    return FIELD.sub(lambda field: str(one[field[1]]), text)


def ask(query, index):
    """(the instances of "tag.name" that are well, index for the next question). Waits while nothing is new."""
    tag, _, name = query.rpartition(".")
    url = f"{CONSUL}/v1/health/service/{name}?passing&index={index}&wait={WAIT_S}s" + (f"&tag={tag}" if tag else "")
    with urllib.request.urlopen(url, timeout=WAIT_S + 30) as answer:
        told = [entry["Service"] for entry in json.load(answer)]
        new = int(answer.headers["X-Consul-Index"])
    found = [{"Name": s["Service"], **{key: s[key] for key in ("Address", "Port", "ID")}} for s in told]
    return sorted(found, key=lambda one: one["ID"]), new if new >= index else 0


class Stencil:
    """The file and the nginx that reads it."""

    def __init__(self, template, target):
        self.template, self.target = template.read_text(), target
        self.queries = sorted({found[0] for found in BLOCK.findall(self.template)})
        self.instances = {}
        self.lock = threading.Lock()
        self.nginx = None  #: its process

    def follow(self, query):
        """One thread for each service in the template."""
        index = 0
        while True:
            try:
                found, index = ask(query, index)
            except (OSError, urllib.error.URLError, ValueError, KeyError) as error:
                print(f"{query}: again in {RETRY_S:.0f} s: {error}", flush=True)
                index = 0
                threading.Event().wait(RETRY_S)
                continue
            with self.lock:
                if self.instances.get(query) != found:
                    self.instances[query] = found
                    self.write()

    def write(self):
        if len(self.instances) < len(self.queries):
            return  # not everything was asked yet
        text = render(self.template, self.instances)
        old = self.target.read_text() if self.target.exists() else None
        if text != old and not self.use(text, old or ""):
            return
        if all(self.instances.values()):
            READY.touch()
        print(", ".join(f"{query}: {len(found)}" for query, found in self.instances.items()), flush=True)

    def use(self, text, old):
        """Whether nginx takes the new text; else it keeps the old one."""
        self.target.write_text(text)
        if subprocess.run(["nginx", "-t", "-q"]).returncode != 0:
            print("nginx refuses the new file: the old one stays", flush=True)
            self.target.write_text(old)
            return False
        self.nginx.send_signal(signal.SIGHUP)
        return True

    def run(self):
        """Until nginx ends; its exit status."""
        READY.unlink(missing_ok=True)
        self.nginx = subprocess.Popen(["nginx", "-g", "daemon off;"])
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, lambda *_: self.nginx.send_signal(signal.SIGQUIT))
        for query in self.queries:
            threading.Thread(target=self.follow, args=(query,), daemon=True).start()
        return self.nginx.wait()


if __name__ == "__main__":
    if sys.argv[1:] == ["--is-ready"]:
        sys.exit(0 if READY.exists() else 1)
    sys.exit(Stencil(Path(sys.argv[1]), Path(sys.argv[2])).run())
