"""Outputs: where events go."""

import base64
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any

from .codecs import codec_of, encode
from .config import Plugin, listed
from .event import Event

#: what one request carries at most
BATCH = 500
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
_TIMEOUT_S = 60.0


class Elasticsearch:
    """Bulk requests to one of the hosts, again until one takes them: an event is never lost because nobody answers."""

    def __init__(self, plugin: Plugin) -> None:
        self._settings = plugin.settings
        hosts = [str(host) for host in listed(plugin.settings.get("hosts", "127.0.0.1:9200"))]
        self._hosts = [host if "://" in host else f"http://{host}" for host in hosts]
        self._headers = {"Content-Type": "application/x-ndjson"}
        if "user" in plugin.settings:
            secret = f"{plugin.settings['user']}:{plugin.settings.get('password', '')}".encode()
            self._headers["Authorization"] = f"Basic {base64.b64encode(secret).decode()}"
        self._major = 0

    def send(self, events: Sequence[Event]) -> None:
        """Blocks until they are taken."""
        pause = _FIRST_PAUSE_S
        while True:
            for host in self._hosts:
                try:
                    self._send_to(host, events)
                    return
                except (OSError, ValueError) as error:
                    print(f"[WARN ] elasticsearch at {host} does not take events: {error}", flush=True)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _send_to(self, host: str, events: Sequence[Event]) -> None:
        self._major = self._major or int(self._call(f"{host}/")["version"]["number"].split(".")[0])
        body = bulk(events, self._settings, self._major)
        answer = self._call(f"{host}/_bulk", body.encode())
        for item in answer.get("items", []) if answer.get("errors") else []:
            for result in item.values():
                if result.get("status", 200) >= 300:
                    print(f"[WARN ] elasticsearch refused an event: {result.get('error')}", flush=True)

    def _call(self, url: str, body: bytes | None = None) -> dict[str, Any]:
        request = urllib.request.Request(url, body, self._headers)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            raise OSError(f"{error.code} {error.reason}") from error


def bulk(events: Sequence[Event], settings: dict[str, Any], major: int) -> str:
    """The body of a bulk request. major: of the Elasticsearch; types end with 7"""
    lines = []
    for event in events:
        action: dict[str, Any] = {"_index": event.text(settings.get("index", "logstash-%{+YYYY.MM.dd}"))}
        if major < 7:
            action["_type"] = event.text(settings.get("document_type", "logs"))
        if "document_id" in settings:
            action["_id"] = event.text(settings["document_id"])
        lines += [json.dumps({"index": action}), json.dumps(event.fields)]
    return "\n".join(lines) + "\n"


class Stdout:
    """Events on the container's output."""

    def __init__(self, plugin: Plugin) -> None:
        self._codec = codec_of(plugin.settings, "rubydebug")

    def send(self, events: Sequence[Event]) -> None:
        """Print them."""
        print(*(encode(self._codec, event.fields) for event in events), sep="\n", file=sys.stdout, flush=True)


OUTPUTS: dict[str, Callable[[Plugin], Elasticsearch | Stdout]] = {"elasticsearch": Elasticsearch, "stdout": Stdout}
