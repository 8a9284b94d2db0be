"""examples/gps-tracker: from a device's MQTT message to the map in a browser and to a file over FTP."""

import base64
import ftplib
import io
import json
import os
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Page, expect

from tests.support.apps import fetch
from tests.support.browser import keep
from tests.support.deadlines import patient
from tests.support.engine import wait_for
from tests.support.examples import Example
from tests.support.ports import free_port
from tests.support.stand_ins import engine_with_stand_ins

pytestmark = pytest.mark.heavy
NAME = "gps-tracker"
#: apart from what other engines on this machine have taken
POOLS = ("--address-pool", "10.131.0.0/16:24")
STAND_INS = ("python:alpine", "node:slim", "mongo:6", "rabbitmq:3.8-management", "eclipse-mosquitto:2", "fauria/vsftpd")


class Tracker(Example):
    """The example whose FTP server, which is on the host's own network, has ports of its own too."""

    def __init__(self, engine: Any, base: Path) -> None:
        super().__init__(engine, NAME, base)
        self.told = int(time.time())  #: when the tram was last seen
        self.ftp_port, passive = free_port(), free_port()
        conf = f"echo listen_port={self.ftp_port} >> /etc/vsftpd/vsftpd.conf; exec /usr/sbin/run-vsftpd.sh"
        ftp = {"command": ["sh", "-c", conf], "environment": {"PASV_MIN_PORT": passive, "PASV_MAX_PORT": passive}}
        self.write(yaml.safe_dump({"services": {"ftp-server": ftp}}), "ftp.override.yml")
        self.env["COMPOSE_FILE"] += ":ftp.override.yml"

    def publish(self, device: str, message: str) -> None:
        """What a device does."""
        self.compose(
            "exec", "-T", "mqtt-broker", "mosquitto_pub", "-q", "1", "-t", f"gps/{device}", "-m", message, timeout_s=30
        )

    def tell(self, device: str, *positions: tuple[float, float, int]) -> None:
        for lat, lon, at in positions:
            self.publish(device, json.dumps({"lat": lat, "lon": lon, "time": at}))

    def track(self, device: str, points: int) -> dict[str, Any]:
        """The track of a device once it has so many points."""

        def found() -> dict[str, Any] | None:
            tracks = {track["device"]: track for track in json.loads(fetch(self.web, "/tracks"))}
            return tracks[device] if device in tracks and len(tracks[device]["points"]) == points else None

        return wait_for(f"{points} points of {device}", found, 30)

    @property
    def web(self) -> int:
        return self.port("visual-backend", 5000)

    @contextmanager
    def login(self, password: str = "gps") -> Iterator[ftplib.FTP]:
        with ftplib.FTP() as ftp:
            ftp.connect("127.0.0.1", self.ftp_port, timeout=patient(10))
            ftp.login("gps", password)
            yield ftp


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracker]:
    with engine_with_stand_ins(*STAND_INS, flags=POOLS) as engine:
        tracker = Tracker(engine, tmp_path_factory.mktemp("examples"))
        tracker.up()
        # a thousandth of a degree of latitude is 111.2 m: in 10 s, 40 km/h
        now = tracker.told
        tracker.tell("tram", (55.7500, 48.744, now - 20), (55.7510, 48.744, now - 10), (55.7520, 48.744, now))
        yield tracker
        tracker.down()


def test_unquoted_ports_are_ports_and_no_numbers_to_base_60(tracker: Tracker) -> None:
    ports = tracker.config()["services"]["ftp-server"]["ports"]
    assert [(port["target"], port["published"]) for port in ports[:3]] == [(20, "20"), (21, "21"), (21000, "21000")]
    assert len(ports) == 2 + 11


def test_messages_become_tracks_with_distance_and_speed(tracker: Tracker) -> None:
    track = tracker.track("tram", 3)
    assert track["points"] == [[55.75, 48.744], [55.751, 48.744], [55.752, 48.744]]
    assert (track["distance_m"], track["speed_kmh"], track["seen"]) == (222, 40.0, tracker.told)


def test_the_work_went_through_rabbitmq(tracker: Tracker) -> None:
    tracker.track("tram", 3)
    word = base64.b64encode(b"tracker:there-it-is").decode()
    url = f"http://127.0.0.1:{tracker.port('rabbitmq', 15672)}/api/queues/%2F/celery"
    asked = urllib.request.Request(url, headers={"Authorization": f"Basic {word}"})

    def delivered() -> bool:
        with urllib.request.urlopen(asked, timeout=patient(10)) as answer:
            queue = json.load(answer)
        stats = queue.get("message_stats", {})  # all of it a few seconds behind
        return queue.get("consumers") == 1 and stats.get("ack", 0) >= 3

    wait_for("one worker has taken tasks from the queue", delivered, 30)


def test_the_map_shows_where_devices_are(tracker: Tracker, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"http://127.0.0.1:{tracker.web}/")
    expect(page.locator("li[data-device=tram] .speed")).to_have_text("40 km/h")
    expect(page.locator("li[data-device=tram] small")).to_contain_text("0.22 km")
    expect(page.locator(".place").filter(has_text="Long Pond")).to_be_visible()
    box = page.locator(".device-tram").bounding_box()
    there = page.evaluate("""() => {
        const corner = document.getElementById("map").getBoundingClientRect();
        const point = map.latLngToContainerPoint([55.752, 48.744]);
        return [corner.left + point.x, corner.top + point.y];
    }""")
    assert box is not None
    assert (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) == pytest.approx(there, abs=3)

    bus = page.locator(".device-bus-1")
    before = bus.get_attribute("d") or ""
    expect(bus).not_to_have_attribute("d", before)  # it moves, and nobody has loaded the page again
    expect(page.locator("li[data-device=bus-1] .speed")).to_have_text("36 km/h")
    if os.environ.get("SHOAL_SCREENSHOTS"):  # a picture with something to see
        page.wait_for_function("shown.get('bus-1').line.getLatLngs().length > 30", timeout=patient(60) * 1000)
    keep(page, NAME, "map")
    assert {url.split("/")[2] for url in asked if url.startswith("http")} == {f"127.0.0.1:{tracker.web}"}


def test_messages_that_make_no_sense_are_passed_over(tracker: Tracker) -> None:
    ghost = f"ghost-{time.time_ns()}"
    for message in ("no json", "[1, 2]", '{"lat": 91, "lon": 0, "time": 1}', '{"lat": "here"}'):
        tracker.publish(ghost, message)
    tracker.tell(ghost, (55.75, 48.74, tracker.told))
    assert tracker.track(ghost, 1)["speed_kmh"] == 0
    said = tracker.compose("logs", "--no-log-prefix", "databroker").stdout
    assert said.count(f"gps/{ghost}: ignored: ") == 4


def test_the_export_is_downloaded_from_the_hosts_own_network(tracker: Tracker) -> None:
    server = tracker.inspect("ftp-server-1")
    assert server["HostConfig"]["NetworkMode"] == "host"
    assert not server["NetworkSettings"]["Ports"]
    points = tracker.track("tram", 3)
    with tracker.login() as ftp:
        assert {"tram.csv", "bus-1.csv"} <= set(ftp.nlst())
        taken = io.BytesIO()
        ftp.retrbinary("RETR tram.csv", taken.write)
    rows = taken.getvalue().decode().split()
    assert rows[0] == "time,lat,lon"
    assert [row.split(",", 1)[1] for row in rows[1:]] == [f"{lat},{lon}" for lat, lon in points["points"]]
    last = datetime.fromisoformat(rows[-1].split(",")[0])
    assert last == datetime.fromtimestamp(points["seen"], UTC)
    with pytest.raises(ftplib.error_perm, match="530"), tracker.login("wrong"):
        pass


def test_positions_outlive_down_and_up(tracker: Tracker) -> None:
    ferry = f"ferry-{time.time_ns()}"
    tracker.tell(ferry, (55.7500, 48.744, tracker.told))
    before = tracker.track(ferry, 1)
    tracker.compose("down", timeout_s=120)
    assert tracker.containers() == []
    tracker.up()
    assert tracker.track(ferry, 1) == before
    tracker.tell(ferry, (55.7510, 48.744, tracker.told + 10))
    assert tracker.track(ferry, 2)["distance_m"] == 111
