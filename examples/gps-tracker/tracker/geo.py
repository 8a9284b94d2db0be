"""Distances and speeds on the Earth's surface."""

from math import asin, cos, radians, sin, sqrt

EARTH_M = 6_371_000


def distance_m(a, b):
    """Metres between two positions, each a dict with `lat` and `lon` in degrees."""
    lat_a, lat_b = radians(a["lat"]), radians(b["lat"])
    half_lat, half_lon = (lat_b - lat_a) / 2, radians(b["lon"] - a["lon"]) / 2
    return 2 * EARTH_M * asin(sqrt(sin(half_lat) ** 2 + cos(lat_a) * cos(lat_b) * sin(half_lon) ** 2))


def length_m(positions):
    """Metres along positions, in their order."""
    return sum(distance_m(a, b) for a, b in zip(positions, positions[1:]))


def speed_kmh(positions, window_s=10):
    """Kilometres an hour over the last `window_s` seconds of positions, the oldest first."""
    recent = [position for position in positions if positions[-1]["time"] - position["time"] <= window_s]
    took_s = recent[-1]["time"] - recent[0]["time"]
    return length_m(recent) / took_s * 3.6 if took_s > 0 else 0.0
