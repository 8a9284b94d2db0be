"""The microservice `catalog`: dishes, each with its cook, whom the microservice `user` tells and a cache keeps."""

import json

from kitchen import ask, cached, serve

DISHES = {"borscht": "1", "ramen": "2", "stamppot": "3"}


def dishes():
    found = []
    for dish, cook in DISHES.items():
        user = json.loads(cached(f"user:{cook}", 1, lambda cook=cook: json.dumps(ask("user", f"/{cook}"))))
        found.append({"name": dish, "cook": user["name"], "asked": user["asked"], "by": user["instance"]})
    return {"dishes": found}


serve({"/": lambda: {"dishes": list(DISHES)}, "/dishes": dishes})
