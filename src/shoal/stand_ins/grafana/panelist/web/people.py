"""Routes of users, the one organisation, service accounts and API keys."""

import asyncio
from typing import Any

from aiohttp import web

from ..errors import ApiError, bad_request, not_found
from ..settings import ROLES
from ..store import Row
from .context import answer, body_of, caller_of, context_of, number_of, require_role

routes = web.RouteTableDef()
Json = dict[str, Any]
_ORGANISATION: Json = {"id": 1, "name": "Main Org.", "address": {}}


def _profile(user: Row) -> Json:
    return {
        **{key: user[key] for key in ("id", "email", "name", "login", "theme")},
        "orgId": 1,
        "isGrafanaAdmin": bool(user["is_admin"]),
        "isDisabled": False,
        "isExternal": False,
        "authLabels": [],
    }


@routes.get("/api/user")
async def me(request: web.Request) -> web.Response:
    """GET /api/user: who asks."""
    caller = require_role(request, "Viewer")
    user = context_of(request).store.one("user", id=caller.user_id)
    if user is None:
        nobody = {"id": 0, "email": "", "name": caller.login, "login": caller.login, "theme": "", "is_admin": 0}
        return answer({**_profile(nobody), "role": caller.role, "isAnonymous": caller.is_anonymous})
    return answer({**_profile(user), "role": caller.role})


@routes.get("/api/user/orgs")
async def my_organisations(request: web.Request) -> web.Response:
    """GET /api/user/orgs."""
    caller = require_role(request, "Viewer")
    return answer([{"orgId": 1, "name": _ORGANISATION["name"], "role": caller.role}])


@routes.get("/api/user/teams")
async def my_teams(request: web.Request) -> web.Response:
    """GET /api/user/teams: there are none."""
    require_role(request, "Viewer")
    return answer([])


@routes.get("/api/user/preferences")
@routes.get("/api/org/preferences")
async def preferences(request: web.Request) -> web.Response:
    """GET /api/user/preferences, /api/org/preferences."""
    caller = require_role(request, "Viewer")
    user = context_of(request).store.one("user", id=caller.user_id)
    return answer({"theme": user["theme"] if user else "", "homeDashboardId": 0, "timezone": "", "weekStart": ""})


@routes.put("/api/user/preferences")
@routes.patch("/api/user/preferences")
async def set_preferences(request: web.Request) -> web.Response:
    """PUT /api/user/preferences: the theme."""
    caller, body = require_role(request, "Viewer"), await body_of(request)
    theme = str(body.get("theme") or "")
    if theme not in ("", "dark", "light"):
        raise bad_request("Invalid theme")
    if caller.user_id and "theme" in body:
        context_of(request).store.change("user", caller.user_id, {"theme": theme})
    return answer({"message": "Preferences updated"})


@routes.put("/api/user/password")
async def set_password(request: web.Request) -> web.Response:
    """PUT /api/user/password: `{oldPassword, newPassword}`."""
    caller, body = caller_of(request), await body_of(request)
    accounts = context_of(request).accounts
    old, new = str(body.get("oldPassword") or ""), str(body.get("newPassword") or "")
    if not caller.user_id or await asyncio.to_thread(accounts.check, caller.login, old) is None:
        raise ApiError(401, "Invalid old password")
    await asyncio.to_thread(accounts.set_password, caller.user_id, new)
    return answer({"message": "User password changed"})


@routes.get("/api/org")
@routes.get(r"/api/orgs/1")
@routes.get("/api/orgs/name/{name}")
async def organisation(request: web.Request) -> web.Response:
    """GET /api/org: there is one."""
    require_role(request, "Viewer")
    if request.match_info.get("name", _ORGANISATION["name"]) != _ORGANISATION["name"]:
        raise not_found("Organization")
    return answer(_ORGANISATION)


@routes.get("/api/orgs")
async def organisations(request: web.Request) -> web.Response:
    """GET /api/orgs."""
    require_role(request, "Admin")
    return answer([{"id": 1, "name": _ORGANISATION["name"]}])


@routes.get("/api/org/users")
async def organisation_users(request: web.Request) -> web.Response:
    """GET /api/org/users."""
    require_role(request, "Admin")
    users = context_of(request).store.rows("SELECT * FROM user ORDER BY login")
    return answer(
        [{"orgId": 1, "userId": u["id"], "email": u["email"], "login": u["login"], "role": u["role"]} for u in users]
    )


@routes.patch(r"/api/org/users/{id:\d+}")
async def change_role(request: web.Request) -> web.Response:
    """PATCH /api/org/users/{id}: `{role}`."""
    require_role(request, "Admin")
    role = (await body_of(request)).get("role")
    if role not in ROLES:
        raise bad_request("Invalid role specified")
    context_of(request).store.change("user", _user(request)["id"], {"role": role})
    return answer({"message": "Organization user updated"})


def _user(request: web.Request) -> Row:
    user = context_of(request).store.one("user", id=number_of(request.match_info["id"], "id"))
    if user is None:
        raise not_found("user")
    return user


@routes.get("/api/users")
async def users(request: web.Request) -> web.Response:
    """GET /api/users."""
    require_role(request, "Admin")
    rows = context_of(request).store.rows("SELECT * FROM user ORDER BY login")
    return answer([{**_profile(row), "isAdmin": bool(row["is_admin"])} for row in rows])


@routes.get("/api/users/lookup")
async def lookup(request: web.Request) -> web.Response:
    """GET /api/users/lookup?loginOrEmail=…"""
    require_role(request, "Admin")
    user = context_of(request).accounts.user(request.query.get("loginOrEmail", ""))
    if user is None:
        raise not_found("user")
    return answer(_profile(user))


@routes.get(r"/api/users/{id:\d+}")
async def one_user(request: web.Request) -> web.Response:
    """GET /api/users/{id}."""
    require_role(request, "Admin")
    return answer(_profile(_user(request)))


@routes.post("/api/admin/users")
async def create_user(request: web.Request) -> web.Response:
    """POST /api/admin/users: `{login, email, name, password}`."""
    require_role(request, "Admin")
    context, body = context_of(request), await body_of(request)
    login = str(body.get("login") or body.get("email") or "")
    texts = {key: str(body.get(key) or "") for key in ("email", "name")}
    role, password = context.settings.new_user_role, str(body.get("password") or "")
    user_id = await asyncio.to_thread(lambda: context.accounts.add_user(login, password, role=role, **texts))
    return answer({"id": user_id, "message": "User created"})


@routes.put(r"/api/admin/users/{id:\d+}/password")
async def set_user_password(request: web.Request) -> web.Response:
    """PUT /api/admin/users/{id}/password."""
    require_role(request, "Admin")
    user, password = _user(request), str((await body_of(request)).get("password") or "")
    await asyncio.to_thread(context_of(request).accounts.set_password, user["id"], password)
    return answer({"message": "User password updated"})


@routes.delete(r"/api/admin/users/{id:\d+}")
async def delete_user(request: web.Request) -> web.Response:
    """DELETE /api/admin/users/{id}."""
    caller, user = require_role(request, "Admin"), _user(request)
    if user["id"] == caller.user_id:
        raise bad_request("you can't delete yourself")
    context_of(request).store.remove("user", id=user["id"])
    return answer({"message": "User deleted"})


def _account(request: web.Request) -> Row:
    account = context_of(request).store.one("account", id=number_of(request.match_info["id"], "id"))
    if account is None:
        raise not_found("service account")
    return account


def _account_shown(request: web.Request, row: Row) -> Json:
    tokens = context_of(request).store.rows("SELECT id FROM token WHERE account_id = ?", row["id"])
    return {
        "id": row["id"],
        "name": row["name"],
        "login": f"sa-{row['name']}",
        "orgId": 1,
        "role": row["role"],
        "isDisabled": bool(row["disabled"]),
        "tokens": len(tokens),
    }


@routes.post("/api/serviceaccounts")
@routes.post("/api/serviceaccounts/")
async def create_account(request: web.Request) -> web.Response:
    """POST /api/serviceaccounts: `{name, role}`."""
    require_role(request, "Admin")
    body, context = await body_of(request), context_of(request)
    account_id = context.accounts.add_account(str(body.get("name") or ""), str(body.get("role") or "Viewer"))
    return answer(_account_shown(request, context.store.one("account", id=account_id) or {}), status=201)


@routes.get("/api/serviceaccounts/search")
async def search_accounts(request: web.Request) -> web.Response:
    """GET /api/serviceaccounts/search."""
    require_role(request, "Admin")
    rows = context_of(request).store.rows("SELECT * FROM account WHERE is_key = 0 ORDER BY name")
    found = [_account_shown(request, row) for row in rows if request.query.get("query", "") in row["name"]]
    # Everything is on the first page.
    shown = found if request.query.get("page", "1") in ("0", "1") else []
    return answer({"totalCount": len(found), "serviceAccounts": shown, "page": 1, "perPage": max(1000, len(found))})


@routes.get(r"/api/serviceaccounts/{id:\d+}")
async def show_account(request: web.Request) -> web.Response:
    """GET /api/serviceaccounts/{id}."""
    require_role(request, "Admin")
    return answer(_account_shown(request, _account(request)))


@routes.patch(r"/api/serviceaccounts/{id:\d+}")
async def change_account(request: web.Request) -> web.Response:
    """PATCH /api/serviceaccounts/{id}: `{role, isDisabled}`."""
    require_role(request, "Admin")
    account, body = _account(request), await body_of(request)
    role = body.get("role", account["role"])
    if role not in ROLES:
        raise bad_request("invalid role")
    disabled = int(bool(body.get("isDisabled", account["disabled"])))
    context_of(request).store.change("account", account["id"], {"role": role, "disabled": disabled})
    shown = _account_shown(request, _account(request))
    return answer({"message": "Service account updated", "id": account["id"], "serviceaccount": shown})


@routes.delete(r"/api/serviceaccounts/{id:\d+}")
async def delete_account(request: web.Request) -> web.Response:
    """DELETE /api/serviceaccounts/{id}: with its tokens."""
    require_role(request, "Admin")
    context_of(request).store.remove("account", id=_account(request)["id"])
    return answer({"message": "Service account deleted"})


@routes.get(r"/api/serviceaccounts/{id:\d+}/tokens")
async def tokens(request: web.Request) -> web.Response:
    """GET /api/serviceaccounts/{id}/tokens."""
    require_role(request, "Admin")
    rows = context_of(request).store.rows("SELECT * FROM token WHERE account_id = ?", _account(request)["id"])
    return answer([{"id": row["id"], "name": row["name"]} for row in rows])


@routes.post(r"/api/serviceaccounts/{id:\d+}/tokens")
async def create_token(request: web.Request) -> web.Response:
    """POST /api/serviceaccounts/{id}/tokens: `{name, secondsToLive}`."""
    require_role(request, "Admin")
    account, body = _account(request), await body_of(request)
    lives = int(body.get("secondsToLive") or 0)
    return answer(context_of(request).accounts.add_token(account["id"], str(body.get("name") or ""), lives))


@routes.delete(r"/api/serviceaccounts/{id:\d+}/tokens/{token:\d+}")
async def delete_token(request: web.Request) -> web.Response:
    """DELETE /api/serviceaccounts/{id}/tokens/{token}."""
    require_role(request, "Admin")
    where = {"account_id": _account(request)["id"], "id": number_of(request.match_info["token"], "token")}
    if not context_of(request).store.remove("token", **where):
        raise not_found("service account token")
    return answer({"message": "Service account token deleted"})


@routes.post("/api/auth/keys")
async def create_key(request: web.Request) -> web.Response:
    """POST /api/auth/keys: an API key, as of before service accounts."""
    require_role(request, "Admin")
    body, accounts = await body_of(request), context_of(request).accounts
    name = str(body.get("name") or "")
    account = accounts.add_account(name, str(body.get("role") or "Viewer"), is_key=True)
    return answer(accounts.add_token(account, name, int(body.get("secondsToLive") or 0)))


@routes.get("/api/auth/keys")
async def keys(request: web.Request) -> web.Response:
    """GET /api/auth/keys."""
    require_role(request, "Admin")
    rows = context_of(request).store.rows("SELECT * FROM account WHERE is_key = 1 ORDER BY name")
    return answer([{"id": row["id"], "name": row["name"], "role": row["role"]} for row in rows])


@routes.delete(r"/api/auth/keys/{id:\d+}")
async def delete_key(request: web.Request) -> web.Response:
    """DELETE /api/auth/keys/{id}."""
    require_role(request, "Admin")
    if not context_of(request).store.remove("account", id=_account(request)["id"], is_key=1):
        raise not_found("API key")
    return answer({"message": "API key deleted"})
