"""Counts its visitors in Redis and says which container answered."""

import signal
import socket
import sys

# The first process of a container has no default for SIGTERM: without this, stopping takes the whole grace period.
# It comes before the slow imports, so that a container that has just been started stops at once too.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

from flask import Flask
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError
from redis.retry import Retry

app = Flask(__name__)
# Redis may still be starting: try again for up to 5 seconds.
redis = Redis(host="redis", retry=Retry(ConstantBackoff(0.1), 50), retry_on_error=[ConnectionError])

PAGE = """<!doctype html>
<title>Counter</title>
<h1>This page was visited {count} time{s}.</h1>
<p>Answered by container {container}.</p>
"""


@app.get("/")
def page() -> str:
    count = redis.incr("visits")
    return PAGE.format(count=count, s="" if count == 1 else "s", container=socket.gethostname())


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000)
