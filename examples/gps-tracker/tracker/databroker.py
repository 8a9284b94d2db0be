"""From MQTT into MongoDB: every position published below `gps/` is stored, and its track asked for."""

import json
import os
from pathlib import Path

from paho.mqtt import client as mqtt

from tracker.store import Store
from tracker.tasks import update_track

TOPIC = "gps/+"
#: there while messages are taken
LISTENING = Path("/tmp/listening")


def parse_position(topic, payload):
    """The position in a message. Raises: ValueError for one that makes no sense"""
    message = json.loads(payload)
    if not isinstance(message, dict):
        raise ValueError("no JSON object")
    try:
        lat, lon, time = (float(message[key]) for key in ("lat", "lon", "time"))
    except (KeyError, TypeError) as error:
        raise ValueError(f"lat, lon and time must be numbers: {error}") from None
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise ValueError(f"no place on Earth: {lat}, {lon}")
    return {"device": topic.split("/")[1], "lat": lat, "lon": lon, "time": time}


def main():
    LISTENING.unlink(missing_ok=True)
    store = Store()

    def subscribe(client, _userdata, _flags, _reason, _properties):
        client.subscribe(TOPIC, qos=1)

    def subscribed(*_):
        print(f"listening to {TOPIC}")
        LISTENING.touch()

    def gone(*_):
        LISTENING.unlink(missing_ok=True)

    def take(_client, _userdata, message):
        try:
            position = parse_position(message.topic, message.payload)
        except ValueError as error:
            print(f"{message.topic}: ignored: {error}")
            return
        store.add_position(position)
        update_track.delay(position["device"])

    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="databroker", clean_session=False)
    client.on_connect = subscribe
    client.on_subscribe = subscribed
    client.on_disconnect = gone
    client.on_message = take
    client.connect(os.environ["MQTT_HOST"])
    client.loop_forever()


if __name__ == "__main__":
    main()
