"""The microservice `user`: who cooks here, and how often was asked for whom."""

from kitchen import redis, serve

COOKS = {"1": "Ada", "2": "Grace", "3": "Edsger"}


def page(id):
    return lambda: {"id": id, "name": COOKS[id], "asked": int(redis("INCR", f"asked:{id}"))}


serve({f"/{id}": page(id) for id in COOKS} | {"/": lambda: {"users": COOKS}})
