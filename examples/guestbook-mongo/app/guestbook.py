"""A guestbook, and the users of the workshop's second step, in MongoDB."""

import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bson import ObjectId
from flask import Flask, Response, abort, jsonify, redirect, render_template, request
from pymongo import DESCENDING, MongoClient
from pymongo.errors import DuplicateKeyError, PyMongoError
from werkzeug.datastructures import FileStorage

PICTURES = Path("/pictures")
PASSWORD = Path("/run/secrets/guestbook_password")
DATABASE = "python-microservice"
#: what a file must begin with, and the ending of its name here
KINDS = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg"}
SHOWN = 50

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 1 << 20

client: MongoClient[dict[str, Any]] = MongoClient(
    os.environ.get("MONGO_HOST", "mongo"),
    username="guestbook",
    password=PASSWORD.read_text().strip(),
    authSource=DATABASE,
    serverSelectionTimeoutMS=5000,
)
entries = client[DATABASE]["entries"]
users = client[DATABASE]["userdata"]


@app.get("/")
def page() -> str:
    """The form and the newest entries."""
    # Not by their ids: those of several workers come in no order within a second.
    found = entries.find().sort([("at", DESCENDING), ("_id", DESCENDING)]).limit(SHOWN)
    return render_template("page.html", entries=list(found), count=entries.count_documents({}))


@app.post("/sign")
def sign() -> Response:
    """A new entry, then the page again."""
    name = request.form.get("name", "").strip()[:80]
    message = request.form.get("message", "").strip()[:2000]
    if not name or not message:
        abort(400, "a name and a message are needed")
    entry = {"_id": ObjectId(), "name": name, "message": message, "at": datetime.now(timezone.utc)}
    picture = request.files.get("picture")
    if picture is not None and picture.filename:
        entry["picture"] = keep_picture(picture, str(entry["_id"]))
    entries.insert_one(entry)
    return redirect("/", 303)


def keep_picture(sent: FileStorage, stem: str) -> str:
    """The name of the file that the picture is kept in."""
    data = sent.read()
    ending = next((ending for start, ending in KINDS.items() if data.startswith(start)), None)
    if ending is None:
        abort(415, "a picture is a PNG or a JPEG")
    name = f"{stem}.{ending}"
    (PICTURES / name).write_bytes(data)
    return name


@app.get("/user/get/<int:number>")
def get_user(number: int) -> tuple[Response, int]:
    """What was added under this number."""
    user = users.find_one({"_id": number}, {"_id": 0})
    if user is None:
        return jsonify(error=f"no user {number}"), 404
    return jsonify(id=number, **user), 200


@app.post("/user/add/<int:number>")
def add_user(number: int) -> tuple[Response, int]:
    """Keeps the JSON object that was sent under this number; a number is given once."""
    sent = request.get_json(silent=True) or {}
    if not isinstance(sent, dict):
        return jsonify(error="a JSON object is needed"), 400
    fields = {key: value for key, value in sent.items() if key not in ("_id", "id")}
    try:
        users.insert_one({"_id": number, **fields})
    except DuplicateKeyError:
        return jsonify(error=f"there is a user {number} already"), 409
    return jsonify(id=number, **fields), 201


@app.get("/health")
def health() -> tuple[str, int]:
    """Whether the database answers."""
    try:
        entries.find_one({}, {"_id": 1})
    except PyMongoError as error:
        return f"{type(error).__name__}\n", 503
    return "ok\n", 200
