"""Dashboards and folders: saving with a check of the version, searching, provisioning from files."""

import json
import re
import sqlite3
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from .errors import ApiError, bad_request, not_found
from .passwords import new_uid
from .store import Row, Store

Json = dict[str, Any]
_CHANGED = "The dashboard has been changed by someone else"
_NO_UID = re.compile(r"[^A-Za-z0-9_-]")
GENERAL = "General"


def slug_of(title: str) -> str:
    """`title` as addresses write it."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "dashboard"


def iso(at_s: int) -> str:
    """A time as the API writes it."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Folders:
    """Folders of dashboards; General, with id 0, is there always."""

    def __init__(self, store: Store, now_s: Callable[[], float]) -> None:
        self._store = store
        self._now_s = now_s

    def all(self) -> list[Row]:
        """Every folder but General, by title."""
        return self._store.rows("SELECT * FROM folder ORDER BY title COLLATE NOCASE")

    def require(self, **where: Any) -> Row:
        """The folder with this `id`, `uid` or `title`. Raises: ApiError 404"""
        row = self._store.one("folder", **where)
        if row is None:
            raise ApiError(404, "folder not found")
        return row

    def add(self, title: str, uid: str = "") -> Row:
        """The new folder. Raises: ApiError 400, 409 (title taken), 412 (UID taken)"""
        title, uid = title.strip(), uid or new_uid()
        if not title:
            raise bad_request("folder title cannot be empty")
        _check_uid(uid)
        if self._store.one("folder", title=title) or title.lower() == GENERAL.lower():
            raise ApiError(409, "a folder with the same name already exists")
        if self._store.one("folder", uid=uid):
            raise ApiError(412, "a folder with the same UID already exists")
        now = int(self._now_s())
        return self.require(id=self._store.add("folder", {"uid": uid, "title": title, "created": now, "updated": now}))

    def named(self, title: str, uid: str = "") -> int:
        """The id of the folder with this title, which is made where there is none; 0 for General."""
        if not title or title == GENERAL:
            return 0
        row = self._store.one("folder", title=title) or self.add(title, uid)
        return int(row["id"])

    def change(self, folder: Row, title: str, version: int | None, overwrite: bool) -> Row:
        """The folder with a new title. Raises: ApiError 400, 409, 412 where `version` is not the one stored"""
        if not title.strip():
            raise bad_request("folder title cannot be empty")
        if not overwrite and version != folder["version"]:
            raise ApiError(412, "the folder has been changed by someone else", status="version-mismatch")
        values = {"title": title.strip(), "version": folder["version"] + 1, "updated": int(self._now_s())}
        try:
            self._store.change("folder", folder["id"], values)
        except sqlite3.IntegrityError as error:
            raise ApiError(409, "a folder with the same name already exists") from error
        return self.require(id=folder["id"])

    def remove(self, folder: Row) -> None:
        """Remove the folder with the dashboards in it."""
        self._store.remove("dashboard", folder_id=folder["id"])
        self._store.remove("folder", id=folder["id"])


def _check_uid(uid: str) -> None:
    if _NO_UID.search(uid):
        raise bad_request("uid contains illegal characters")
    if len(uid) > 40:
        raise bad_request("uid too long, max 40 characters")


class Dashboards:
    """All dashboards. A row's `json` is what was saved, with `id`, `uid` and `version` put in by `model`."""

    def __init__(self, store: Store, now_s: Callable[[], float]) -> None:
        self._store = store
        self._now_s = now_s

    def require(self, uid: str) -> Row:
        """The dashboard with this UID. Raises: ApiError 404"""
        row = self._store.one("dashboard", uid=uid)
        if row is None:
            raise not_found("Dashboard")
        return row

    def require_id(self, dashboard_id: int) -> Row:
        """The dashboard with this id. Raises: ApiError 404"""
        row = self._store.one("dashboard", id=dashboard_id)
        if row is None:
            raise not_found("Dashboard")
        return row

    def all(self) -> list[Row]:
        """Every dashboard, by title."""
        return self._store.rows("SELECT * FROM dashboard ORDER BY title COLLATE NOCASE, id")

    def save(self, dashboard: Mapping[str, Any], *, folder_id: int, overwrite: bool, message: str, by: str) -> Row:
        """The saved dashboard; a new one where its UID and id are unknown.

        Raises: ApiError 400, 404, 412 where it is not the newest version, or another one has its title
        """
        title = str(dashboard.get("title") or "").strip()
        if not title:
            raise bad_request("Dashboard title cannot be empty")
        uid = str(dashboard.get("uid") or "")
        _check_uid(uid)
        old = self._old(dashboard, uid)
        if old is None:
            self._check_title(title, folder_id, 0, overwrite)
            return self._add(dashboard, uid or new_uid(), folder_id, message, by)
        if old["provider"] and not self._may_change(old):
            raise bad_request("Cannot save provisioned dashboard")
        if not overwrite and dashboard.get("version") != old["version"]:
            raise ApiError(412, _CHANGED, status="version-mismatch")
        self._check_title(title, folder_id, old["id"], overwrite)
        return self._change(old, dashboard, folder_id, message, by)

    def _old(self, dashboard: Mapping[str, Any], uid: str) -> Row | None:
        row_id = dashboard.get("id")
        if row_id and (row := self._store.one("dashboard", id=row_id)) is not None:
            return row
        if row_id and not uid:
            raise ApiError(404, "Dashboard not found", status="not-found")
        return self._store.one("dashboard", uid=uid) if uid else None

    def _may_change(self, row: Row) -> bool:
        return bool(json.loads(row["provider"]).get("allow_ui_updates"))

    def _check_title(self, title: str, folder_id: int, own_id: int, overwrite: bool) -> None:
        same = self._store.one("dashboard", title=title, folder_id=folder_id)
        if same is not None and same["id"] != own_id and not overwrite:
            text = "A dashboard with the same name in the folder already exists"
            raise ApiError(412, text, status="name-exists")

    def _add(self, dashboard: Mapping[str, Any], uid: str, folder_id: int, message: str, by: str) -> Row:
        now = int(self._now_s())
        values = {"uid": uid, "folder_id": folder_id, "title": str(dashboard["title"]).strip(), "version": 1}
        row_id = self._store.add(
            "dashboard", {**values, "json": json.dumps(dashboard), "created": now, "updated": now, "by": by}
        )
        self._note_version(row_id, 1, dashboard, message, by)
        return self.require_id(row_id)

    def _change(self, old: Row, dashboard: Mapping[str, Any], folder_id: int, message: str, by: str) -> Row:
        version = old["version"] + 1
        values = {"title": str(dashboard["title"]).strip(), "folder_id": folder_id, "version": version, "by": by}
        if dashboard.get("uid"):
            values["uid"] = dashboard["uid"]
        now = int(self._now_s())
        self._store.change("dashboard", old["id"], {**values, "json": json.dumps(dashboard), "updated": now})
        self._note_version(old["id"], version, dashboard, message, by)
        return self.require_id(old["id"])

    def _note_version(self, row_id: int, version: int, dashboard: Mapping[str, Any], message: str, by: str) -> None:
        values = {"dashboard_id": row_id, "version": version, "message": message, "json": json.dumps(dashboard)}
        self._store.add("version", {**values, "created": int(self._now_s()), "by": by})

    def versions(self, row: Row) -> list[Row]:
        """Every version that was saved, newest first."""
        return self._store.rows("SELECT * FROM version WHERE dashboard_id = ? ORDER BY version DESC", row["id"])

    def remove(self, row: Row) -> None:
        """Remove it. Raises: ApiError 400 where a file provides it"""
        if row["provider"]:
            raise bad_request("provisioned dashboard cannot be deleted")
        self._store.remove("dashboard", id=row["id"])

    def provision(
        self, dashboard: Mapping[str, Any], *, folder_id: int, provider: Json, path: str, digest: str
    ) -> None:
        """Save the dashboard of a file, where it is not saved yet as `digest` has it. Raises: ApiError"""
        old = self._store.one("dashboard", path=path)
        if old is not None and old["digest"] == digest and old["folder_id"] == folder_id:
            return
        content = {key: value for key, value in dashboard.items() if key not in ("id", "version")}
        if not str(content.get("title") or "").strip():
            raise bad_request("Dashboard title cannot be empty")
        taken = self._store.one("dashboard", uid=str(content.get("uid") or "")) if content.get("uid") else None
        old = old or taken
        if old is None:
            row = self._add(content, str(content.get("uid") or new_uid()), folder_id, "", "")
        else:
            row = self._change(old, {**content, "uid": content.get("uid") or old["uid"]}, folder_id, "", "")
        values = {"provider": json.dumps(provider), "path": path, "digest": digest}
        self._store.change("dashboard", row["id"], values)

    def forget_files(self, provider_name: str, paths: set[str], *, keep: bool) -> None:
        """Remove dashboards whose files are gone. `keep`: only cut them loose from the files."""
        for row in self._store.rows("SELECT id, provider, path FROM dashboard WHERE provider != ''"):
            if json.loads(row["provider"])["name"] == provider_name and row["path"] not in paths:
                if keep:
                    self._store.change("dashboard", row["id"], {"provider": "", "path": "", "digest": ""})
                else:
                    self._store.remove("dashboard", id=row["id"])


def model(row: Row) -> Json:
    """The dashboard of `row` as it was saved, with the numbers that the store gave it."""
    return {**json.loads(row["json"]), "id": row["id"], "uid": row["uid"], "version": row["version"]}
