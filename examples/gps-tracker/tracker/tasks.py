"""What Celery does in the background: tracks and their speeds, and a file of each for download."""

import csv
import functools
import os
from datetime import UTC, datetime
from pathlib import Path

from celery import Celery

from tracker.geo import length_m, speed_kmh
from tracker.store import Store

app = Celery("tracker", broker=os.environ["CELERY_BROKER_URL"])
app.conf.task_ignore_result = True
app.conf.broker_connection_retry_on_startup = True

EXPORTS = Path("/exports")


@functools.cache
def store():
    """Of this worker process: a MongoClient must not be there before it forks."""
    return Store()


@app.task
def update_track(device):
    """Make the track of a device anew from its latest positions."""
    positions = store().positions(device)
    if not positions:
        return
    store().put_track(
        {
            "device": device,
            "points": [[position["lat"], position["lon"]] for position in positions],
            "distance_m": round(length_m(positions)),
            "speed_kmh": round(speed_kmh(positions), 1),
            "seen": positions[-1]["time"],
        }
    )
    export(device, positions)


def export(device, positions):
    """Write the positions for FTP's users, whole or not at all."""
    fresh = EXPORTS / f".{device}.csv"
    with fresh.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["time", "lat", "lon"])
        for position in positions:
            time = datetime.fromtimestamp(position["time"], UTC).isoformat(timespec="seconds")
            rows.writerow([time, position["lat"], position["lon"]])
    fresh.chmod(0o644)
    fresh.rename(EXPORTS / f"{device}.csv")
