"""Three devices that drive round the town for ever and tell where they are, once a second."""

import json
import os
import time

from paho.mqtt import client as mqtt

from tracker.geo import distance_m

#: corners of the town's streets, as on its map
WEST, MIDDLE, EAST = 48.7345, 48.7440, 48.7535
SOUTH, CENTRE, NORTH = 55.7480, 55.7520, 55.7560
#: device: (kilometres an hour, corners of its round)
ROUNDS = {
    "bus-1": (36, [(SOUTH, WEST), (NORTH, WEST), (NORTH, EAST), (SOUTH, EAST)]),
    "post-van": (50, [(CENTRE, MIDDLE), (CENTRE, EAST), (NORTH, EAST), (NORTH, MIDDLE)]),
    "bicycle": (18, [(SOUTH, MIDDLE), (CENTRE, MIDDLE), (CENTRE, WEST), (SOUTH, WEST)]),
}


def place(corners, metres):
    """Where one is after so many metres of a round."""
    points = [{"lat": lat, "lon": lon} for lat, lon in corners]
    sides = [(a, b, distance_m(a, b)) for a, b in zip(points, points[1:] + points[:1])]
    metres %= sum(length for _, _, length in sides)
    for a, b, length in sides:
        if metres <= length:
            part = metres / length
            return {key: round(a[key] + (b[key] - a[key]) * part, 6) for key in ("lat", "lon")}
        metres -= length
    return points[0]


def main():
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="devices")
    client.connect(os.environ["MQTT_HOST"])
    client.loop_start()
    start = time.time()
    while True:
        now = time.time()
        for device, (kmh, corners) in ROUNDS.items():
            position = place(corners, (now - start) * kmh / 3.6)
            client.publish(f"gps/{device}", json.dumps({**position, "time": round(now, 1)}), qos=1)
        time.sleep(1 - (time.time() - now) % 1)


if __name__ == "__main__":
    main()
