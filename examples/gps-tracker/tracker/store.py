"""What is kept in MongoDB: `positions` as they came in, and `tracks` made of them, one for each device."""

import os
from datetime import UTC, datetime

from pymongo import ASCENDING, DESCENDING, MongoClient

#: positions of a device that its track is made of
LATEST = 500
KEPT_S = 24 * 3600


class Store:
    def __init__(self):
        self.database = MongoClient(os.environ["MONGO_URL"]).tracker
        self.database.positions.create_index([("device", ASCENDING), ("time", DESCENDING)])
        self.database.positions.create_index("stored", expireAfterSeconds=KEPT_S)

    def add_position(self, position):
        self.database.positions.insert_one({**position, "stored": datetime.now(UTC)})

    def positions(self, device):
        """The latest positions of a device, the oldest first."""
        found = self.database.positions.find({"device": device}, {"_id": 0, "stored": 0}).sort("time", DESCENDING).limit(LATEST)
        return list(found)[::-1]

    def put_track(self, track):
        self.database.tracks.replace_one({"device": track["device"]}, track, upsert=True)

    def tracks(self):
        return list(self.database.tracks.find({}, {"_id": 0}).sort("device", ASCENDING))

    def ping(self):
        self.database.command("ping")
