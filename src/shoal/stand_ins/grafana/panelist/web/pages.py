"""The pages: one HTML file for all of them, what it loads, and what says how the server is."""

import html
import json
import time
from pathlib import Path

from aiohttp import web

from .. import API_VERSION, NAME, TITLE
from ..sources import public
from .auth import COOKIE
from .context import Json, answer, caller_of, context_of

routes = web.RouteTableDef()
_STATIC = Path(__file__).parents[1] / "static"
_PAGE = (_STATIC / "page.html").read_text()
_STARTED = time.time()


@routes.get("/api/health")
@routes.get("/healthz")
async def health(request: web.Request) -> web.Response:
    """GET /api/health: asks the store, for a health check is to find out whether it works."""
    context_of(request).store.rows("SELECT 1")
    return answer({"commit": "", "database": "ok", "version": API_VERSION, "standIn": TITLE})


@routes.get("/metrics")
async def metrics(request: web.Request) -> web.Response:
    """GET /metrics: for Prometheus."""
    store = context_of(request).store
    counts = {
        table: store.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"]
        for table in ("dashboard", "user", "data_source")
    }
    lines = [
        "# TYPE grafana_build_info gauge",
        f'grafana_build_info{{version="{API_VERSION}",edition="stand-in"}} 1',
        "# TYPE process_start_time_seconds gauge",
        f"process_start_time_seconds {_STARTED:.3f}",
    ]
    for table, count in counts.items():
        name = f"grafana_stat_total_{table}s"
        lines += [f"# TYPE {name} gauge", f"{name} {count}"]
    return web.Response(text="\n".join(lines) + "\n", content_type="text/plain")


@routes.get("/api/frontend/settings")
async def frontend_settings(request: web.Request) -> web.Response:
    """GET /api/frontend/settings: the part that clients look at."""
    context = context_of(request)
    sources = context.sources.all()
    default = next((each["name"] for each in sources if each["isDefault"]), "")
    return answer(
        {
            "buildInfo": {
                "version": API_VERSION,
                "edition": "Stand-in",
                "commit": "",
                "env": "production",
                "name": TITLE,
            },
            "datasources": {each["name"]: {**public(each), "meta": {"id": each["type"]}} for each in sources},
            "defaultDatasource": default,
            "disableUserSignUp": not context.settings.allow_sign_up,
            "anonymousEnabled": bool(context.settings.anonymous_role),
            "minRefreshInterval": context.settings.min_refresh,
            "panels": {
                name: {"id": name} for name in ("timeseries", "stat", "gauge", "bargauge", "table", "text", "row")
            },
        }
    )


@routes.get("/robots.txt")
async def robots(request: web.Request) -> web.Response:
    """GET /robots.txt."""
    return web.Response(text="User-agent: *\nDisallow: /\n")


@routes.get("/")
@routes.get("/login")
@routes.get("/signup")
@routes.get("/explore")
@routes.get("/dashboards")
@routes.get("/dashboards/f/{uid}")
@routes.get("/dashboard/import")
@routes.get("/dashboard/new")
@routes.get("/d/{uid}")
@routes.get("/d/{uid}/{slug}")
@routes.get("/d-solo/{uid}/{slug}")
@routes.get("/datasources")
@routes.get("/connections/datasources")
@routes.get("/profile")
async def page(request: web.Request) -> web.Response:
    """Every page: the same HTML; its script looks at the address."""
    context, caller = context_of(request), caller_of(request)
    if request.path == "/login" and caller.user_id and request.cookies.get(COOKIE):
        raise web.HTTPFound("/")
    user = context.store.one("user", id=caller.user_id)
    boot: Json = {
        "title": TITLE,
        "name": NAME,
        "version": API_VERSION,
        "user": {"login": caller.login, "role": caller.role, "isAnonymous": caller.is_anonymous, "id": caller.user_id},
        "signUp": context.settings.allow_sign_up,
        "loginForm": context.settings.login_form,
        "minRefresh": context.settings.min_refresh,
    }
    theme = (user["theme"] if user else "") or context.settings.theme
    text = _PAGE.replace("{theme}", theme).replace("{title}", html.escape(TITLE))
    text = text.replace("{boot}", html.escape(json.dumps(boot)))
    return web.Response(text=text, content_type="text/html", headers=_headers(context.settings.allow_embedding))


def _headers(may_embed: bool) -> dict[str, str]:
    policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: http: https:; base-uri 'self'"
    if not may_embed:
        policy += "; frame-ancestors 'none'"
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
