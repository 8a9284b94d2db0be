"""POST /api/ds/query: queries of panels, their macros filled in, the answers as data frames."""

import asyncio
import json
import re
from typing import Any

from aiohttp import web

from ..errors import ApiError, bad_request
from ..frames import Asked, error_result, frames_of
from ..intervals import DEFAULT_POINTS, QueryTimes, expand, macros, parse_duration_ms, parse_time_ms, query_times
from .context import answer, body_of, context_of, require_role
from .datasources import upstream

routes = web.RouteTableDef()
Json = dict[str, Any]


@routes.post("/api/ds/query")
async def query(request: web.Request) -> web.Response:
    """POST /api/ds/query: `{queries: [{refId, datasource, expr, …}], from, to}`. One that fails makes it 400."""
    require_role(request, "Viewer")
    body = await body_of(request)
    queries = body.get("queries")
    if not isinstance(queries, list) or not all(isinstance(each, dict) for each in queries) or not queries:
        raise bad_request("no queries found")
    now_ms = int(context_of(request).now_s() * 1000)
    try:
        span = (
            parse_time_ms(body.get("from", "now-1h"), now_ms),
            parse_time_ms(body.get("to", "now"), now_ms),
        )
    except ValueError as error:
        raise bad_request(f"failed to parse the time range: {error}") from error
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(_one(request, each, span)) for each in queries if not each.get("hide")]
    results: Json = {}
    for ref_id, result in (task.result() for task in asked):
        results[ref_id] = result
    failed = any("error" in result for result in results.values())
    return answer({"results": results}, status=400 if failed else 200)


async def _one(request: web.Request, target: Json, span: tuple[int, int]) -> tuple[str, Json]:
    ref_id = str(target.get("refId") or "A")
    try:
        source = context_of(request).sources.resolve(target.get("datasource"))
        if source["type"] != "prometheus":
            raise bad_request(f'data sources of the type "{source["type"]}" are not served by this stand-in')
        frames: list[Json] = []
        is_instant = bool(target.get("instant"))
        if target.get("range", not is_instant):
            frames += await _ask(request, source, target, span, instant=False)
        if is_instant:
            frames += await _ask(request, source, target, span, instant=True)
    except ApiError as error:
        return ref_id, error_result(error.message, error.status)
    return ref_id, {"status": 200, "frames": frames}


async def _ask(request: web.Request, source: Json, target: Json, span: tuple[int, int], *, instant: bool) -> list[Json]:
    times = times_of(source, target, span)
    expression = expand(str(target.get("expr") or ""), macros(times))
    if not expression.strip():
        raise bad_request("the query is empty")
    form = {"query": expression}
    if instant:
        form["time"] = f"{span[1] / 1000:.3f}"
    else:
        bounds = {"start": times.start_ms, "end": times.end_ms, "step": times.step_ms}
        form |= {name: f"{value / 1000:.3f}" for name, value in bounds.items()}
    answered = await _prometheus(request, source, "query" if instant else "query_range", form)
    asked = Asked(
        ref_id=str(target.get("refId") or "A"),
        expression=expression,
        legend=str(target.get("legendFormat") or ""),
        step_ms=0 if instant else times.step_ms,
    )
    try:
        return frames_of(answered.get("data") or {}, asked)
    except ValueError as error:
        raise ApiError(502, str(error)) from error


def times_of(source: Json, target: Json, span: tuple[int, int]) -> QueryTimes:
    """When the query of `target` is evaluated. Raises: ApiError 400"""
    scrape = str(source["jsonData"].get("timeInterval") or "")
    least = str(target.get("interval") or "")
    factor = int(target.get("intervalFactor") or 1)
    try:
        if re.search(r"\$", least):
            # The query's own least interval may be "$__rate_interval".
            values = macros(query_times(*span, points=DEFAULT_POINTS, scrape=scrape))
            least, factor = expand(least, values), 1
        points = int(target.get("maxDataPoints") or DEFAULT_POINTS)
        if not least and target.get("intervalMs") and not target.get("maxDataPoints"):
            least = f"{int(target['intervalMs'])}ms"
        least_ms = parse_duration_ms(least) if least else 0
        return query_times(
            *span, points=points, min_interval=f"{least_ms}ms" if least_ms else "", scrape=scrape, factor=factor
        )
    except ValueError as error:
        raise bad_request(str(error)) from error


async def _prometheus(request: web.Request, source: Json, path: str, form: dict[str, str]) -> Json:
    method = str(source["jsonData"].get("httpMethod") or "POST").upper()
    options: Json = {"query": form} if method == "GET" else {"data": form}
    async with upstream(request, source, method, f"api/v1/{path}", **options) as response:
        raw = await response.read()
    try:
        answered = json.loads(raw)
    except ValueError as error:
        text = raw.decode(errors="replace").strip()[:200]
        raise ApiError(502, f"{source['name']} answered {response.status}: {text}") from error
    if not isinstance(answered, dict) or answered.get("status") != "success":
        error_text = answered.get("error") if isinstance(answered, dict) else ""
        raise ApiError(400, f"{error_text or 'the data source refused the query'}")
    return answered
