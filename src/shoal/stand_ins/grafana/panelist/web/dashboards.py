"""Routes of dashboards, their versions and stars."""

import json
from pathlib import Path
from typing import Any

from aiohttp import web

from ..dashboards import GENERAL, iso, model, slug_of
from ..errors import ApiError, not_found
from ..store import Row
from ..upgrade import upgrade_dashboard
from .context import Context, answer, body_of, caller_of, context_of, number_of, require_role

routes = web.RouteTableDef()
Json = dict[str, Any]
_HOME: Json = {"isHome": True, "canSave": False, "canEdit": False, "canStar": False, "slug": "home", "folderId": 0}


def url_of(row: Row) -> str:
    """Address of a dashboard's page."""
    return f"/d/{row['uid']}/{slug_of(row['title'])}"


def _meta(request: web.Request, row: Row) -> Json:
    context, caller = context_of(request), caller_of(request)
    folder = context.store.one("folder", id=row["folder_id"])
    provider = json.loads(row["provider"]) if row["provider"] else {}
    may_edit = caller.role in ("Editor", "Admin")
    starred = context.store.one("star", user_id=caller.user_id, dashboard_id=row["id"])
    return {
        "type": "db",
        "canSave": may_edit and (not provider or provider.get("allow_ui_updates", False)),
        "canEdit": may_edit,
        "canAdmin": caller.role == "Admin",
        "canStar": caller.user_id > 0,
        "canDelete": may_edit and not provider,
        "slug": slug_of(row["title"]),
        "url": url_of(row),
        "expires": "0001-01-01T00:00:00Z",
        "created": iso(row["created"]),
        "updated": iso(row["updated"]),
        "updatedBy": row["by"] or "Anonymous",
        "createdBy": row["by"] or "Anonymous",
        "version": row["version"],
        "hasAcl": False,
        "isFolder": False,
        "isStarred": starred is not None,
        "folderId": row["folder_id"],
        "folderUid": folder["uid"] if folder else "",
        "folderTitle": folder["title"] if folder else GENERAL,
        "folderUrl": f"/dashboards/f/{folder['uid']}" if folder else "",
        "provisioned": bool(provider),
        "provisionedExternalId": Path(row["path"]).name if provider else "",
    }


@routes.get("/api/dashboards/uid/{uid}")
async def show(request: web.Request) -> web.Response:
    """GET /api/dashboards/uid/{uid}: as it was saved."""
    require_role(request, "Viewer")
    row = context_of(request).dashboards.require(request.match_info["uid"])
    return answer({"meta": _meta(request, row), "dashboard": model(row)})


@routes.get("/api/panelist/home")
async def home_upgraded(request: web.Request) -> web.Response:
    """Our own: the home dashboard of a file that no provider reads, in the newest form."""
    require_role(request, "Viewer")
    context = context_of(request)
    upgraded = upgrade_dashboard(_home_file(context), context.sources.all())
    return answer({"meta": _HOME, "dashboard": {**upgraded, "uid": ""}})


@routes.get("/api/panelist/dashboards/{uid}")
async def show_upgraded(request: web.Request) -> web.Response:
    """Our own: the dashboard in the newest form, which the page draws."""
    require_role(request, "Viewer")
    context = context_of(request)
    row = context.dashboards.require(request.match_info["uid"])
    upgraded = upgrade_dashboard(model(row), context.sources.all())
    return answer({"meta": _meta(request, row), "dashboard": upgraded})


@routes.post("/api/dashboards/db")
async def save(request: web.Request) -> web.Response:
    """POST /api/dashboards/db: `{dashboard, folderUid | folderId, overwrite, message}`."""
    caller = require_role(request, "Editor")
    context, body = context_of(request), await body_of(request)
    dashboard = body.get("dashboard")
    if not isinstance(dashboard, dict):
        raise ApiError(400, "bad request data: dashboard is missing")
    row = context.dashboards.save(
        dashboard,
        folder_id=_folder_id(context, body),
        overwrite=bool(body.get("overwrite")),
        message=str(body.get("message") or ""),
        by=caller.login,
    )
    saved = {"id": row["id"], "uid": row["uid"], "url": url_of(row), "status": "success"}
    return answer({**saved, "version": row["version"], "slug": slug_of(row["title"])})


def _folder_id(context: Context, body: Json) -> int:
    if body.get("folderUid") and body["folderUid"] != "general":
        return int(context.folders.require(uid=body["folderUid"])["id"])
    if folder_id := int(body.get("folderId") or 0):
        return int(context.folders.require(id=folder_id)["id"])
    return 0


@routes.delete("/api/dashboards/uid/{uid}")
async def delete(request: web.Request) -> web.Response:
    """DELETE /api/dashboards/uid/{uid}."""
    require_role(request, "Editor")
    context = context_of(request)
    row = context.dashboards.require(request.match_info["uid"])
    context.dashboards.remove(row)
    return answer({"title": row["title"], "message": f"Dashboard {row['title']} deleted", "id": row["id"]})


@routes.get("/api/dashboards/home")
async def home(request: web.Request) -> web.Response:
    """GET /api/dashboards/home: the dashboard of `[dashboards] default_home_dashboard_path`, where that is set."""
    require_role(request, "Viewer")
    context = context_of(request)
    path = context.settings.home_dashboard
    for row in context.dashboards.all():
        if path and row["path"] == path:
            return answer({"redirectUri": url_of(row)})
    dashboard = _home_file(context)
    return answer({"meta": _HOME, "dashboard": dashboard})


def _home_file(context: Context) -> Json:
    """What the setting's file holds. An empty one where there is none. Raises: ValueError where it is no dashboard"""
    path = Path(context.settings.home_dashboard)
    if not context.settings.home_dashboard or not path.is_file():
        return {"title": "Home", "panels": [], "schemaVersion": 36}
    dashboard = json.loads(path.read_text())
    if not isinstance(dashboard, dict):
        raise ValueError(f"{path}: expected a dashboard")
    return dashboard


@routes.get("/api/dashboards/tags")
async def tags(request: web.Request) -> web.Response:
    """GET /api/dashboards/tags."""
    require_role(request, "Viewer")
    counts: dict[str, int] = {}
    for row in context_of(request).dashboards.all():
        for tag in model(row).get("tags") or []:
            counts[tag] = counts.get(tag, 0) + 1
    return answer([{"term": tag, "count": count} for tag, count in sorted(counts.items())])


def _row_of_path(request: web.Request) -> Row:
    dashboards, parts = context_of(request).dashboards, request.match_info
    if "uid" in parts:
        return dashboards.require(parts["uid"])
    return dashboards.require_id(number_of(parts["id"], "id"))


@routes.get("/api/dashboards/uid/{uid}/versions")
@routes.get(r"/api/dashboards/id/{id:\d+}/versions")
async def versions(request: web.Request) -> web.Response:
    """GET /api/dashboards/uid/{uid}/versions."""
    require_role(request, "Editor")
    row = _row_of_path(request)
    return answer([_version(row, each) for each in context_of(request).dashboards.versions(row)])


@routes.get(r"/api/dashboards/uid/{uid}/versions/{version:\d+}")
@routes.get(r"/api/dashboards/id/{id:\d+}/versions/{version:\d+}")
async def one_version(request: web.Request) -> web.Response:
    """GET /api/dashboards/uid/{uid}/versions/{version}."""
    require_role(request, "Editor")
    row, wanted = _row_of_path(request), int(request.match_info["version"])
    for each in context_of(request).dashboards.versions(row):
        if each["version"] == wanted:
            return answer({**_version(row, each), "data": json.loads(each["json"])})
    raise not_found("Dashboard version")


def _version(row: Row, version: Row) -> Json:
    return {
        "id": version["id"],
        "dashboardId": row["id"],
        "uid": row["uid"],
        "version": version["version"],
        "created": iso(version["created"]),
        "createdBy": version["by"],
        "message": version["message"],
    }


@routes.post(r"/api/user/stars/dashboard/{id:\d+}")
@routes.post("/api/user/stars/dashboard/uid/{uid}")
async def star(request: web.Request) -> web.Response:
    """POST /api/user/stars/dashboard/uid/{uid}."""
    caller, row = require_role(request, "Viewer"), _row_of_path(request)
    if not caller.user_id:
        raise ApiError(400, "only users have stars")
    statement = "INSERT OR IGNORE INTO star (user_id, dashboard_id) VALUES (?, ?)"
    context_of(request).store.run(statement, caller.user_id, row["id"])
    return answer({"message": "Dashboard starred!"})


@routes.delete(r"/api/user/stars/dashboard/{id:\d+}")
@routes.delete("/api/user/stars/dashboard/uid/{uid}")
async def unstar(request: web.Request) -> web.Response:
    """DELETE /api/user/stars/dashboard/uid/{uid}."""
    caller, row = require_role(request, "Viewer"), _row_of_path(request)
    context_of(request).store.remove("star", user_id=caller.user_id, dashboard_id=row["id"])
    return answer({"message": "Dashboard unstarred"})
