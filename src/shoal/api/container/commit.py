"""/commit: a container becomes an image."""

from aiohttp import web

from shoal.api.http.replies import json_reply
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.engine.commits import CommitRequest, Commits
from shoal.wire.container.create import decode_container


def routes(commits: Commits) -> list[Route]:
    """The commit route."""
    return [Route("POST", "/commit", CommitRouter(commits).commit, "ImageCommit")]


class CommitRouter:
    """Source: Docker Engine API v1.51, ImageCommit."""

    def __init__(self, commits: Commits) -> None:
        self._commits = commits

    async def commit(self, request: Request) -> web.Response:
        """POST /commit"""
        query = request.query
        repo, tag = query.get("repo", ""), query.get("tag", "")
        body = await request.object()
        image = await self._commits.commit(
            CommitRequest(
                container=query.get("container", ""),
                tag=f"{repo}:{tag}" if repo and tag else repo,
                comment=query.get("comment", ""),
                author=query.get("author", ""),
                pause=request.flag("pause", True),
                changes=query.getall("changes", []),
                config=decode_container({"Image": "scratch", **body}) if body else None,
            )
        )
        return json_reply({"Id": image.id}, 201)
