"""The map of all tracks."""

from flask import Flask, jsonify, render_template

from tracker.store import Store

app = Flask(__name__)
store = Store()


@app.get("/")
def page():
    return render_template("index.html")


@app.get("/tracks")
def tracks():
    return jsonify(store.tracks())


@app.get("/health")
def health():
    store.ping()
    return "ok"
