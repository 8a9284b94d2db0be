"""Requests of 5.x as 1.5 understands them, and its answers as clients of 5.x expect them. Pure.

Source: the breaking changes of Elasticsearch 2.0 and 5.0
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

OLD_VERSION, NEW_VERSION = "1.5.0", "5.1.1"
#: unknown to 1.5, which refuses requests with them
_NEW_PARAMETERS = ("filter_path", "include_defaults", "pretty_print", "typed_keys", "include_type_name")
_META_FIELDS = {"_id": False, "_type": True, "_index": True, "_source": False, "_score": False}
_FAR = 4_102_444_800_000  #: 2100, in ms since 1970

Json = dict[str, Any]


def path(text: str) -> str:
    """The path and query without parameters that are new."""
    parts = urlsplit(text)
    kept = [
        (name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in _NEW_PARAMETERS
    ]
    return f"{parts.path}?{urlencode(kept)}" if kept else parts.path


def body(method: str, where: str, data: bytes) -> bytes:
    """The body of a request. `where`: its path without the query. What is no JSON stays as it is"""
    if where.endswith("/_msearch"):
        return _lines(data, search)
    if where.endswith("/_bulk") or where == "/_bulk":
        return data
    change: Callable[[Json], Json] | None = None
    if where.endswith(("/_search", "/_count")):
        change = search
    elif method in ("PUT", "POST") and (
        re.fullmatch(r"/[^/_][^/]*", where) or "/_mapping" in where or "/_template" in where
    ):
        change = mapping
    if change is None or not data:
        return data
    try:
        return json.dumps(change(json.loads(data))).encode()
    except ValueError:
        return data


def _lines(data: bytes, change: Callable[[Json], Json]) -> bytes:
    """Of a multi search: every second line is a search."""
    lines = [line for line in data.decode().splitlines() if line.strip()]
    out = [line if number % 2 == 0 else json.dumps(change(json.loads(line))) for number, line in enumerate(lines)]
    return ("\n".join(out) + "\n").encode()


def mapping(tree: Json) -> Json:
    """Fields of type text and keyword are strings, analysed or not."""
    for one in _objects(tree):
        if one.get("type") == "keyword":
            one |= {"type": "string", "index": "not_analyzed"}
        elif one.get("type") == "text":
            one["type"] = "string"
    if isinstance(tree.get("index_patterns"), list):
        tree["template"] = tree.pop("index_patterns")[0]
    return tree


def search(request: Json) -> Json:
    """A search without what is new: stored fields, formats of ranges, filters that are queries, highlights."""
    request.pop("stored_fields", None)
    request.pop("highlight", None)
    if fields := request.pop("docvalue_fields", None):
        request["fielddata_fields"] = fields
    for one in _objects(request.get("query", {})):
        for condition in one.get("range", {}).values() if isinstance(one.get("range"), dict) else ():
            if isinstance(condition, dict):
                condition.pop("format", None)
    for one in _objects(request.get("aggs", {})):
        filters = one.get("filters")
        if isinstance(filters, dict) and isinstance(filters.get("filters"), dict):
            named = filters["filters"]
            filters["filters"] = {name: {"query": f} if "query_string" in f else f for name, f in named.items()}
    return request


def answer(where: str, data: bytes) -> bytes:
    """An answer of 1.5; those that name the version say that of the clients."""
    if where == "/" or where.startswith("/_nodes"):
        return data.replace(f'"{OLD_VERSION}"'.encode(), f'"{NEW_VERSION}"'.encode())
    return data


def field_stats(wanted: Json, mappings: Json, *, by_index: bool) -> Json:
    """What _field_stats would answer, which 1.5 has not: every field there is may be searched and aggregated.

    wanted: the request. mappings: the answer of /_mapping
    """
    if by_index or "index_constraints" in wanted:
        fields = {name: {"min_value": 0, "max_value": _FAR} for name in wanted.get("fields", ())}
        return {"indices": {name: {"fields": fields} for name in mappings}}
    found = {name: {"searchable": True, "aggregatable": True} for name in sorted(set(_names(mappings)))}
    for name, aggregatable in _META_FIELDS.items():
        found.setdefault(name, {"searchable": True, "aggregatable": aggregatable})
    return {"_shards": {"total": 1, "successful": 1, "failed": 0}, "indices": {"_all": {"fields": found}}}


def _names(mappings: Mapping[str, Any]) -> Iterator[str]:
    for index in mappings.values():
        for kind in index.get("mappings", {}).values():
            yield from _properties(kind.get("properties", {}), "")


def _properties(properties: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name, field in properties.items():
        if "properties" in field:
            yield from _properties(field["properties"], f"{prefix}{name}.")
        else:
            yield prefix + name
            yield from (f"{prefix}{name}.{part}" for part in field.get("fields", ()))


def _objects(tree: object) -> Iterator[Json]:
    """All JSON objects in a tree, outermost first."""
    if isinstance(tree, dict):
        yield tree
        for value in list(tree.values()):
            yield from _objects(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _objects(value)
