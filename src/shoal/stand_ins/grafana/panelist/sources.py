"""Data sources: kept in the store, provisioned from files, shown as the API writes them."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from .errors import ApiError, bad_request, not_found
from .passwords import new_uid
from .store import Row, Store

Json = dict[str, Any]
_TEXTS = ("name", "type", "access", "url", "user", "database", "basicAuthUser")
_FLAGS = ("basicAuth", "withCredentials", "isDefault", "readOnly")


class Sources:
    """All data sources. What is returned holds secrets: `public` takes them out."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[Json]:
        """Every data source, by name."""
        return [_of(row) for row in self._store.rows("SELECT * FROM data_source ORDER BY name COLLATE NOCASE")]

    def find(self, **where: Any) -> Json | None:
        """The one with this `id`, `uid` or `name`, None where there is none."""
        row = self._store.one("data_source", **where)
        return _of(row) if row else None

    def require(self, **where: Any) -> Json:
        """As `find`. Raises: ApiError 404"""
        found = self.find(**where)
        if found is None:
            raise not_found("Data source")
        return found

    def resolve(self, reference: Any) -> Json:
        """The one that a query names by UID, `{uid}`, name or nothing (the default one). Raises: ApiError 404"""
        named = reference.get("uid") if isinstance(reference, dict) else reference
        if named in (None, "", "default"):
            everything = self.all()
            if not everything:
                raise not_found("Data source")
            return next((each for each in everything if each["isDefault"]), everything[0])
        found = self.find(uid=str(named)) or self.find(name=str(named))
        if found is None:
            raise not_found(f'Data source "{named}"')
        return found

    def add(self, values: Mapping[str, Any], *, provisioned: bool = False) -> Json:
        """The new data source. Raises: ApiError 400, 409 where its name or UID is taken"""
        if not values.get("name") or not values.get("type"):
            raise bad_request("bad request data: name and type are required")
        source = _clean(values)
        uid = str(values.get("uid") or new_uid())
        try:
            row = {"uid": uid, "name": source["name"], "json": json.dumps(source), "provisioned": int(provisioned)}
            row_id = self._store.add("data_source", row)
        except sqlite3.IntegrityError as error:
            raise ApiError(409, "data source with the same name already exists") from error
        self._one_default(row_id, source)
        return self.require(id=row_id)

    def change(self, old: Mapping[str, Any], values: Mapping[str, Any], *, provisioned: bool = False) -> Json:
        """The data source with `values`; secrets that these don't name stay. Raises: ApiError 403, 409"""
        if old["readOnly"] and not provisioned:
            raise ApiError(403, "Cannot update read-only data source")
        secrets = {**old["secureJsonData"], **(values.get("secureJsonData") or {})}
        source = _clean({**values, "secureJsonData": secrets, "version": old["version"] + 1})
        row = {"uid": str(values.get("uid") or old["uid"]), "name": source["name"], "json": json.dumps(source)}
        try:
            self._store.change("data_source", old["id"], {**row, "provisioned": int(provisioned)})
        except sqlite3.IntegrityError as error:
            raise ApiError(409, "data source with the same name already exists") from error
        self._one_default(old["id"], source)
        return self.require(id=old["id"])

    def provision(self, values: Mapping[str, Any]) -> None:
        """Add or change the data source that a file asks for, found by its name. Raises: ApiError"""
        old = self.find(name=values["name"])
        if old is None:
            self.add(values, provisioned=True)
        else:
            self.change(old, values, provisioned=True)

    def remove(self, source: Mapping[str, Any], *, provisioned: bool = False) -> None:
        """Remove it. Raises: ApiError 403 where a file asks for it"""
        if source["readOnly"] and not provisioned:
            raise ApiError(403, "Cannot delete read-only data source")
        self._store.remove("data_source", id=source["id"])

    def _one_default(self, row_id: int, source: Mapping[str, Any]) -> None:
        if not source["isDefault"]:
            return
        for row in self._store.rows("SELECT * FROM data_source WHERE id != ?", row_id):
            other = json.loads(row["json"])
            if other.get("isDefault"):
                self._store.change("data_source", row["id"], {"json": json.dumps({**other, "isDefault": False})})


def _clean(values: Mapping[str, Any]) -> Json:
    source: Json = {key: str(values.get(key) or "") for key in _TEXTS}
    source |= {key: bool(values.get(key)) for key in _FLAGS}
    source["access"] = source["access"] or "proxy"
    source["jsonData"] = dict(values.get("jsonData") or {})
    source["secureJsonData"] = {key: str(value) for key, value in (values.get("secureJsonData") or {}).items()}
    source["version"] = int(values.get("version") or 1)
    return source


def _of(row: Row) -> Json:
    return {"id": row["id"], "uid": row["uid"], "orgId": 1, **json.loads(row["json"])}


def public(source: Mapping[str, Any]) -> Json:
    """`source` without its secrets: only which of them are set."""
    shown = {key: value for key, value in source.items() if key != "secureJsonData"}
    kind = str(source["type"])
    return {
        **shown,
        "secureJsonFields": {key: True for key in source["secureJsonData"]},
        "typeName": kind.capitalize(),
        "typeLogoUrl": "",
        "password": "",
        "basicAuthPassword": "",
    }
