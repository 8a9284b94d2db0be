"""Routes of annotations: texts at a time, which graphs show as lines."""

import json
from typing import Any

from aiohttp import web

from ..errors import bad_request, not_found
from ..store import Row
from .context import answer, body_of, context_of, number_of, require_role

routes = web.RouteTableDef()
Json = dict[str, Any]


def _shown(request: web.Request, row: Row) -> Json:
    dashboard = context_of(request).store.one("dashboard", id=row["dashboard_id"])
    return {
        "id": row["id"],
        "dashboardId": row["dashboard_id"],
        "dashboardUID": dashboard["uid"] if dashboard else "",
        "panelId": row["panel_id"],
        "time": row["starts"],
        "timeEnd": row["ends"],
        "text": row["text"],
        "tags": json.loads(row["tags"]),
        "login": row["by"],
    }


@routes.get("/api/annotations")
async def listing(request: web.Request) -> web.Response:
    """GET /api/annotations: by `from`, `to`, `dashboardUID`, `dashboardId`, `panelId`, `tags`, `limit`."""
    require_role(request, "Viewer")
    query = request.query
    first = number_of(query.get("from") or "0", "from")
    last = number_of(query.get("to") or str(2**62), "to")
    found = context_of(request).store.rows(
        "SELECT * FROM annotation WHERE ends >= ? AND starts <= ? ORDER BY starts DESC", first, last
    )
    shown = [each for each in (_shown(request, row) for row in found) if _fits(each, request)]
    return answer(shown[: number_of(query.get("limit") or "100", "limit")])


def _fits(shown: Json, request: web.Request) -> bool:
    query = request.query
    same = (("dashboardUID", "dashboardUID"), ("dashboardId", "dashboardId"), ("panelId", "panelId"))
    if any(query.get(name) not in (None, "", str(shown[key])) for name, key in same):
        return False
    return set(query.getall("tags", [])) <= set(shown["tags"])


@routes.post("/api/annotations")
async def create(request: web.Request) -> web.Response:
    """POST /api/annotations: `{text, time, timeEnd, tags, dashboardUID, panelId}`."""
    caller = require_role(request, "Editor")
    body, context = await body_of(request), context_of(request)
    if not body.get("text"):
        raise bad_request("Failed to save annotation: text field should not be empty")
    starts = int(body.get("time") or context.now_s() * 1000)
    dashboard_id = int(body.get("dashboardId") or 0)
    if body.get("dashboardUID"):
        dashboard_id = context.dashboards.require(str(body["dashboardUID"]))["id"]
    values: Json = {"dashboard_id": dashboard_id, "panel_id": int(body.get("panelId") or 0), "starts": starts}
    values |= {"ends": int(body.get("timeEnd") or starts), "text": str(body["text"]), "by": caller.login}
    row_id = context.store.add("annotation", {**values, "tags": json.dumps(body.get("tags") or [])})
    return answer({"message": "Annotation added", "id": row_id})


def _row(request: web.Request) -> Row:
    row = context_of(request).store.one("annotation", id=number_of(request.match_info["id"], "id"))
    if row is None:
        raise not_found("Annotation")
    return row


@routes.get(r"/api/annotations/{id:\d+}")
async def show(request: web.Request) -> web.Response:
    """GET /api/annotations/{id}."""
    require_role(request, "Viewer")
    return answer(_shown(request, _row(request)))


@routes.put(r"/api/annotations/{id:\d+}")
@routes.patch(r"/api/annotations/{id:\d+}")
async def update(request: web.Request) -> web.Response:
    """PUT, PATCH /api/annotations/{id}: what is named is changed."""
    require_role(request, "Editor")
    row, body = _row(request), await body_of(request)
    values: Json = {}
    for key, column in (("text", "text"), ("time", "starts"), ("timeEnd", "ends")):
        if body.get(key):
            values[column] = str(body[key]) if key == "text" else int(body[key])
    if "tags" in body:
        values["tags"] = json.dumps(body["tags"] or [])
    if values:
        context_of(request).store.change("annotation", row["id"], values)
    return answer({"message": "Annotation updated"})


@routes.delete(r"/api/annotations/{id:\d+}")
async def delete(request: web.Request) -> web.Response:
    """DELETE /api/annotations/{id}."""
    require_role(request, "Editor")
    context_of(request).store.remove("annotation", id=_row(request)["id"])
    return answer({"message": "Annotation deleted"})
