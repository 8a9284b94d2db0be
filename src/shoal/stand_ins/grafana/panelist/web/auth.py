"""Who asks: a session's cookie, basic authentication, a bearer token, or nobody; and the routes of logging in."""

import asyncio
import base64
import binascii
import logging
from urllib.parse import quote, urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from ..accounts import SESSION_S, Caller, caller_of_user
from ..errors import ApiError
from .context import CALLER, Context, answer, body_of, caller_of, context_of

_LOG = logging.getLogger("panelist.auth")
COOKIE = "grafana_session"
_SAFE = ("GET", "HEAD", "OPTIONS")
#: what everybody may ask for
_OPEN = ("/api/health", "/healthz", "/metrics", "/login", "/logout", "/signup", "/api/user/signup", "/robots.txt")
_OPEN_BELOW = ("/public/",)

routes = web.RouteTableDef()


@web.middleware
async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put the caller into the request; who is nobody gets the page to log in, or 401 from the API."""
    caller = await _caller(request)
    request[CALLER] = caller
    if caller.role or request.path in _OPEN or request.path.startswith(_OPEN_BELOW):
        return await handler(request)
    if request.path.startswith("/api/"):
        raise ApiError(401, "Unauthorized")
    raise web.HTTPFound(f"/login?redirect={quote(request.path_qs, safe='')}")


async def _caller(request: web.Request) -> Caller:
    context = context_of(request)
    kind, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "basic" and context.settings.basic_auth:
        return await _basic(context, credentials)
    if kind.lower() == "bearer":
        found = context.accounts.of_token(credentials.strip())
        if found is None:
            raise ApiError(401, "Invalid API key")
        return found
    if token := request.cookies.get(COOKIE):
        found = context.accounts.of_session(token)
        if found is not None:
            _check_origin(request)
            return found
    role = context.settings.anonymous_role
    return Caller(role=role, is_anonymous=bool(role))


async def _basic(context: Context, credentials: str) -> Caller:
    try:
        login, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ApiError(401, "Invalid Basic Auth Header") from error
    user = await asyncio.to_thread(context.accounts.check, login, password)
    if user is None:
        # A service account's token may come as a password too.
        caller = context.accounts.of_token(password)
        if caller is None:
            raise ApiError(401, "Invalid username or password")
        return caller
    return caller_of_user(user)


def _check_origin(request: web.Request) -> None:
    """A browser sends the cookie along with what any page asks for; only ours may change things."""
    origin = request.headers.get("Origin")
    if request.method in _SAFE or not origin:
        return
    own = {request.host, urlsplit(context_of(request).settings.root_url).netloc}
    if urlsplit(origin).netloc not in own:
        raise ApiError(403, "origin not allowed")


@routes.post("/login")
async def login(request: web.Request) -> web.Response:
    """POST /login: JSON or a form with `user` and `password`."""
    context = context_of(request)
    if not context.settings.login_form:
        raise ApiError(401, "Login is disabled")
    is_json = request.content_type == "application/json"
    values = await body_of(request) if is_json else dict(await request.post())
    name, password = str(values.get("user") or ""), str(values.get("password") or "")
    user = await asyncio.to_thread(context.accounts.check, name, password)
    if user is None:
        _LOG.warning("a login as %r failed", name)
        raise ApiError(401, "Invalid username or password", messageId="password-auth.failed")
    target = _own_page(request.query.get("redirect", "/"))
    if is_json:
        response = answer({"message": "Logged in", "redirectUrl": target})
    else:
        response = web.Response(status=302, headers={"Location": target})
    response.set_cookie(
        COOKIE,
        context.accounts.open_session(user["id"]),
        max_age=SESSION_S,
        httponly=True,
        samesite="Lax",
        secure=context.settings.cookie_secure,
    )
    return response


def _own_page(target: str) -> str:
    """`target` where it is a path of this server, else its first page."""
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) else "/"


@routes.get("/logout")
async def logout(request: web.Request) -> web.Response:
    """GET /logout."""
    if token := request.cookies.get(COOKIE):
        context_of(request).accounts.close_session(token)
    response = web.Response(status=302, headers={"Location": "/login"})
    response.del_cookie(COOKIE)
    return response


@routes.post("/api/user/signup")
async def sign_up(request: web.Request) -> web.Response:
    """POST /api/user/signup: a new user, where `[users] allow_sign_up` says so."""
    context = context_of(request)
    if not context.settings.allow_sign_up:
        raise ApiError(401, "User signup is disabled")
    body = await body_of(request)
    email = str(body.get("email") or "")
    name = str(body.get("username") or body.get("login") or email)
    role, password = context.settings.new_user_role, str(body.get("password") or "")
    user_id = await asyncio.to_thread(lambda: context.accounts.add_user(name, password, role=role, email=email))
    return answer({"message": "User created and logged in", "code": "redirect-to-landing-page", "id": user_id})


@routes.get("/api/login/ping")
async def ping(request: web.Request) -> web.Response:
    """GET /api/login/ping: whether the session still holds."""
    if caller_of(request).is_anonymous:
        raise ApiError(401, "Unauthorized")
    return answer({"message": "Logged in"})
