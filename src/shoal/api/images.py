"""/images"""

import json
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from shoal.api.auth import registry_auth
from shoal.api.http.progress import body_chunks, stream_progress
from shoal.api.http.replies import json_reply, send_stream
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.engine.images import Images, Removal
from shoal.errors import InvalidArgument, NotFound, NotSupported
from shoal.model.image import Image
from shoal.model.progress import Progress, Report
from shoal.wire.build import STAND_INS_PARAMETER
from shoal.wire.image import decode_platform, encode_history, encode_image, encode_summary, shared_bytes


def routes(images: Images) -> list[Route]:
    """The image routes."""
    router = ImageRouter(images)
    return [
        Route("GET", "/images/json", router.list, "ImageList"),
        Route("POST", "/images/create", router.create, "ImageCreate", stream=True),
        Route("GET", "/images/search", router.search, "ImageSearch"),
        Route("POST", "/images/prune", router.prune, "ImagePrune"),
        Route("GET", "/images/get", router.save_all, "ImageGetAll", stream=True),
        Route("POST", "/images/load", router.load, "ImageLoad", stream=True),
        Route("GET", "/images/{name...}/json", router.inspect, "ImageInspect"),
        Route("GET", "/images/{name...}/history", router.history, "ImageHistory"),
        Route("GET", "/images/{name...}/get", router.save, "ImageGet", stream=True),
        Route("POST", "/images/{name...}/push", router.push, "ImagePush", stream=True),
        Route("POST", "/images/{name...}/tag", router.tag, "ImageTag"),
        Route("DELETE", "/images/{name...}", router.remove, "ImageDelete"),
    ]


class ImageRouter:
    """The operations on images. Source: Docker Engine API v1.51, tag Image."""

    def __init__(self, images: Images) -> None:
        self._images = images

    async def list(self, request: Request) -> web.Response:
        """GET /images/json"""
        filters = request.filters()
        if name := request.query.get("filter"):  # before API 1.41
            filters.setdefault("reference", []).append(name)
        found = self._images.list(filters, intermediate=request.flag("all"))
        everything = self._images.all() if request.flag("shared-size") else ()
        return json_reply(
            [
                encode_summary(
                    image,
                    request.api_version,
                    shared_bytes=shared_bytes(image, everything) if everything else -1,
                )
                for image in found
            ]
        )

    async def create(self, request: Request) -> web.StreamResponse:
        """POST /images/create: pull, or import"""
        query = request.query
        if query.get("fromImage"):
            return await self._pull(request, query["fromImage"], query.get("tag", ""))
        if not query.get("fromSrc"):
            raise InvalidArgument("fromImage or fromSrc is required")
        if query["fromSrc"] != "-":
            raise NotSupported("import from a URL is not served by Shoal: download it and import the file")
        repo, tag = query.get("repo", ""), query.get("tag", "")

        async def work(report: Report) -> None:
            image = await self._images.import_tar(
                body_chunks(request),
                tag=f"{repo}:{tag}" if repo and tag else repo,
                changes=query.getall("changes", []),
                message=query.get("message", ""),
                platform=query.get("platform", ""),
            )
            report(Progress(status=image.id))

        return await stream_progress(request, work)

    async def _pull(self, request: Request, name: str, tag: str) -> web.StreamResponse:
        how: dict[str, Any] = {"platform": request.query.get("platform", ""), "auth": registry_auth(request)}
        if tag:
            name = _join(name, tag)
        is_whole = not tag and "@" not in name and ":" not in name.rpartition("/")[2]

        async def work(report: Report) -> None:
            if is_whole:
                await self._images.pull_all(name, report=report, **how)
            else:
                stand_in = request.flag(STAND_INS_PARAMETER)
                await self._images.pull(name, report=report, stand_in=stand_in, **how)

        return await stream_progress(request, work)

    async def push(self, request: Request) -> web.StreamResponse:
        """POST /images/{name}/push"""
        credentials, tag = registry_auth(request), request.query.get("tag", "")

        async def work(report: Report) -> None:
            await self._images.push(request.params["name"], tag=tag, auth=credentials, report=report)

        return await stream_progress(request, work)

    async def load(self, request: Request) -> web.StreamResponse:
        """POST /images/load"""
        platform, quiet = _platform(request), request.flag("quiet")

        async def work(report: Report) -> None:
            await self._images.load(body_chunks(request), platform=platform, report=report, quiet=quiet)

        return await stream_progress(request, work)

    async def save(self, request: Request) -> web.StreamResponse:
        """GET /images/{name}/get"""
        return await self._save(request, [request.params["name"]])

    async def save_all(self, request: Request) -> web.StreamResponse:
        """GET /images/get"""
        return await self._save(request, request.query.getall("names", []))

    async def _save(self, request: Request, names: Sequence[str]) -> web.StreamResponse:
        return await send_stream(request, "application/x-tar", self._images.save(names))

    async def inspect(self, request: Request) -> web.Response:
        """GET /images/{name}/json"""
        return json_reply(encode_image(self._find(request), request.api_version))

    async def history(self, request: Request) -> web.Response:
        """GET /images/{name}/history"""
        return json_reply(encode_history(self._find(request)))

    def _find(self, request: Request) -> Image:
        image = self._images.resolve(request.params["name"])
        wanted = _platform(request)
        if wanted and not str(image.platform).startswith(wanted):
            raise NotFound(
                f"image with reference {request.params['name']} was found but does not provide the specified platform "
                f"({wanted}): it is for {image.platform}"
            )
        return image

    async def tag(self, request: Request) -> web.Response:
        """POST /images/{name}/tag"""
        repo, tag = request.query.get("repo", ""), request.query.get("tag", "")
        await self._images.tag(request.params["name"], f"{repo}:{tag}" if tag else repo)
        return web.Response(status=201)

    async def remove(self, request: Request) -> web.Response:
        """DELETE /images/{name}"""
        removals = await self._images.remove(
            request.params["name"], force=request.flag("force"), prune=not request.flag("noprune")
        )
        return json_reply(_removals(removals))

    async def prune(self, request: Request) -> web.Response:
        """POST /images/prune"""
        pruned = await self._images.prune(request.filters())
        return json_reply({"ImagesDeleted": _removals(pruned.removals) or None, "SpaceReclaimed": pruned.freed_bytes})

    async def search(self, request: Request) -> web.Response:
        """GET /images/search"""
        raise NotSupported("search is not served by Shoal: registries have no common way to search")


def _removals(removals: Sequence[Removal]) -> list[dict[str, str]]:
    return [{"Untagged": r.untagged} if r.untagged else {"Deleted": r.deleted} for r in removals]


def _join(name: str, tag: str) -> str:
    """`tag` may be a digest; it replaces the tag that the name has."""
    if "@" in name:
        return name
    if ":" in tag:
        return f"{name}@{tag}"
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}:{tag}"


def _platform(request: Request) -> str:
    text = request.query.get("platform", "")
    if not text:
        return ""
    try:
        return decode_platform(json.loads(text))
    except (ValueError, RecursionError):
        raise InvalidArgument(f"failed to parse platform: expected JSON, got {text!r}") from None
