"""The application: its parts put together, its middlewares, its routes."""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from ..accounts import Accounts
from ..dashboards import Dashboards, Folders
from ..errors import ApiError
from ..files import Provisioning
from ..settings import Settings
from ..sources import Sources
from ..store import Store
from . import annotations, auth, dashboards, datasources, folders, pages, people, queries
from .context import CONTEXT, Context, answer

_LOG = logging.getLogger("panelist")
_STATIC = Path(__file__).parents[1] / "static"
_LARGEST_BODY = 32 * 2**20


def make_app(
    settings: Settings, environ: Mapping[str, str] = os.environ, now_s: Callable[[], float] = time.time
) -> web.Application:
    """The server. `environ`: variables that provisioning files may name"""
    app = web.Application(middlewares=[errors, auth.identify], client_max_size=_LARGEST_BODY)
    modules = (auth, datasources, queries, dashboards, folders, annotations, people, pages)
    for module in modules:
        app.add_routes(module.routes)
    app.router.add_static("/public/", _STATIC)

    async def parts(app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(auto_decompress=True) as client:
            store = Store(str(Path(settings.data) / "grafana.db"))
            accounts = Accounts(store, settings, now_s)
            accounts.make_admin()
            context = Context(
                settings=settings,
                store=store,
                accounts=accounts,
                sources=Sources(store),
                folders=Folders(store, now_s),
                dashboards=Dashboards(store, now_s),
                client=client,
                now_s=now_s,
            )
            app[CONTEXT] = context
            provisioning = Provisioning(settings.provisioning, context.sources, context.folders, context.dashboards)
            provisioning.load(environ)
            watching = asyncio.create_task(provisioning.watch())
            try:
                yield
            finally:
                watching.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watching
                store.close()

    app.cleanup_ctx.append(parts)
    return app


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors as the API tells them: `{message, …}`."""
    try:
        return await handler(request)
    except ApiError as error:
        return answer({"message": error.message, **error.extra}, status=error.status)
    except web.HTTPException as error:
        if request.path.startswith("/api/") and error.status >= 400:
            return answer({"message": error.reason}, status=error.status)
        raise
    except (TypeError, ValueError) as error:
        # A body of other types than the API names.
        _LOG.warning("%s %s: %r", request.method, request.path, error, exc_info=True)
        return answer({"message": f"bad request data: {error}"}, status=400)
