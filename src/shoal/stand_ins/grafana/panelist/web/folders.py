"""Routes of folders and of the search."""

from typing import Any

from aiohttp import web

from ..dashboards import iso, model
from ..store import Row
from .context import answer, body_of, caller_of, context_of, number_of, require_role
from .dashboards import url_of

routes = web.RouteTableDef()
Json = dict[str, Any]
_MOST = 5000


def _folder(row: Row) -> Json:
    return {
        "id": row["id"],
        "uid": row["uid"],
        "title": row["title"],
        "url": f"/dashboards/f/{row['uid']}",
        "hasAcl": False,
        "canSave": True,
        "canEdit": True,
        "canAdmin": True,
        "version": row["version"],
        "created": iso(row["created"]),
        "updated": iso(row["updated"]),
    }


@routes.get("/api/folders")
async def listing(request: web.Request) -> web.Response:
    """GET /api/folders."""
    require_role(request, "Viewer")
    rows = context_of(request).folders.all()
    return answer([{key: row[key] for key in ("id", "uid", "title")} for row in rows])


@routes.post("/api/folders")
async def create(request: web.Request) -> web.Response:
    """POST /api/folders."""
    require_role(request, "Editor")
    body = await body_of(request)
    return answer(_folder(context_of(request).folders.add(str(body.get("title") or ""), str(body.get("uid") or ""))))


@routes.get(r"/api/folders/id/{id:\d+}")
@routes.get("/api/folders/{uid}")
async def show(request: web.Request) -> web.Response:
    """GET /api/folders/{uid}, /api/folders/id/{id}."""
    require_role(request, "Viewer")
    parts = request.match_info
    where: Json = {"uid": parts["uid"]} if "uid" in parts else {"id": number_of(parts["id"], "id")}
    return answer(_folder(context_of(request).folders.require(**where)))


@routes.put("/api/folders/{uid}")
async def update(request: web.Request) -> web.Response:
    """PUT /api/folders/{uid}."""
    require_role(request, "Editor")
    body, folders = await body_of(request), context_of(request).folders
    row = folders.require(uid=request.match_info["uid"])
    changed = folders.change(row, str(body.get("title") or ""), body.get("version"), bool(body.get("overwrite")))
    return answer(_folder(changed))


@routes.delete("/api/folders/{uid}")
async def delete(request: web.Request) -> web.Response:
    """DELETE /api/folders/{uid}: with the dashboards in it."""
    require_role(request, "Editor")
    folders = context_of(request).folders
    row = folders.require(uid=request.match_info["uid"])
    folders.remove(row)
    return answer({"message": f"Folder {row['title']} deleted", "id": row["id"], "title": row["title"]})


@routes.get("/api/search")
async def search(request: web.Request) -> web.Response:
    """GET /api/search: by `query`, `tag`, `type`, `folderIds`, `folderUIDs`, `dashboardUIDs`, `starred`."""
    require_role(request, "Viewer")
    hits = [hit for hit in _hits(request) if _fits(hit, request)]
    limit = min(_MOST, number_of(request.query.get("limit", "1000"), "limit"))
    start = (number_of(request.query.get("page", "1"), "page") - 1) * limit
    return answer(hits[start : start + limit])


def _hits(request: web.Request) -> list[Json]:
    context = context_of(request)
    folders = {row["id"]: row for row in context.folders.all()}
    stars = context.store.rows("SELECT dashboard_id FROM star WHERE user_id = ?", caller_of(request).user_id)
    starred = {row["dashboard_id"] for row in stars}
    hits = [_folder_hit(row) for row in folders.values()]
    for row in context.dashboards.all():
        hits.append(_dashboard_hit(row, folders.get(row["folder_id"]), row["id"] in starred))
    return hits


def _folder_hit(row: Row) -> Json:
    shown = {key: row[key] for key in ("id", "uid", "title")}
    url = f"/dashboards/f/{row['uid']}"
    return {
        **shown,
        "uri": f"db/{row['uid']}",
        "url": url,
        "slug": "",
        "type": "dash-folder",
        "tags": [],
        "isStarred": False,
    }


def _dashboard_hit(row: Row, folder: Row | None, is_starred: bool) -> Json:
    url = url_of(row)
    hit = {
        **{key: row[key] for key in ("id", "uid", "title")},
        "uri": f"db/{url.rpartition('/')[2]}",
        "url": url,
        "slug": "",
        "type": "dash-db",
        "tags": model(row).get("tags") or [],
        "isStarred": is_starred,
    }
    if folder:
        hit |= {"folderId": folder["id"], "folderUid": folder["uid"], "folderTitle": folder["title"]}
        hit["folderUrl"] = f"/dashboards/f/{folder['uid']}"
    return hit


def _fits(hit: Json, request: web.Request) -> bool:
    wanted = request.query
    if wanted.get("query", "").lower() not in hit["title"].lower():
        return False
    if wanted.get("type") and hit["type"] != wanted["type"]:
        return False
    if wanted.get("starred") == "true" and not hit["isStarred"]:
        return False
    if not set(wanted.getall("tag", [])) <= set(hit["tags"]):
        return False
    by = {
        "folderIds": str(hit.get("folderId", 0)),
        "folderUIDs": hit.get("folderUid", "general"),
        "dashboardIds": str(hit["id"]),
        "dashboardIDs": str(hit["id"]),
        "dashboardUIDs": hit["uid"],
        "dashboardUID": hit["uid"],
    }
    return all(value in _many(wanted.getall(name)) for name, value in by.items() if name in wanted)


def _many(values: list[str]) -> set[str]:
    """Values given once each, or with commas."""
    return {part for value in values for part in value.split(",")}
