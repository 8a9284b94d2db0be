"""Provisioning files: data sources, and the folders that dashboards are read from. Pure: text in, values out.

Source: Grafana's page "Provision Grafana", and the files of Grafana before 5.0's `apiVersion`.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from .interpolate import ReadFile, interpolate


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSources:
    """What the files of `datasources/` ask for: `wanted` as the API writes data sources, `unwanted` by name."""

    wanted: tuple[dict[str, Any], ...] = ()
    unwanted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A folder of dashboard files. `folder`: title of where they appear; "" = General."""

    name: str
    path: str
    folder: str = ""
    folder_uid: str = ""
    interval_s: float = 10.0
    disable_deletion: bool = False
    allow_ui_updates: bool = False
    folders_from_files: bool = False


def parse_data_sources(text: str, environ: Mapping[str, str], read: ReadFile) -> DataSources:
    """Data sources of one file. Raises: ValueError where it is none, saying where"""
    document = _document(text)
    wanted = []
    for index, entry in enumerate(_list(document, "datasources")):
        values = {_camel(key): value for key, value in entry.items()}
        values = interpolate(values, environ, read)
        for key in ("name", "type"):
            if not values.get(key):
                raise ValueError(f"datasources.{index}: {key} is missing")
        wanted.append(_data_source(values))
    unwanted = [str(entry.get("name", "")) for entry in _list(document, "deleteDatasources")]
    return DataSources(wanted=tuple(wanted), unwanted=tuple(unwanted))


def _data_source(values: Mapping[str, Any]) -> dict[str, Any]:
    name = str(values["name"])
    texts = {key: str(values.get(key) or "") for key in ("url", "user", "database", "basicAuthUser")}
    return {
        "name": name,
        "type": str(values["type"]),
        "uid": str(values.get("uid") or uid_of_name(name)),
        "access": "direct" if values.get("access") in ("direct", "browser") else "proxy",
        **texts,
        "basicAuth": bool(values.get("basicAuth")),
        "withCredentials": bool(values.get("withCredentials")),
        "isDefault": bool(values.get("isDefault")),
        "jsonData": dict(values.get("jsonData") or {}),
        "secureJsonData": _secrets(values),
        "version": int(values.get("version") or 1),
        "readOnly": not values.get("editable", False),
    }


def _secrets(values: Mapping[str, Any]) -> dict[str, str]:
    secrets = {key: str(value) for key, value in (values.get("secureJsonData") or {}).items()}
    for key in ("password", "basicAuthPassword"):
        if values.get(key):
            secrets.setdefault(key, str(values[key]))
    return secrets


def uid_of_name(name: str) -> str:
    """The UID of a data source whose file gives none: the same at every start."""
    return "P" + hashlib.sha256(name.encode()).hexdigest()[:16].upper()


def parse_providers(text: str, environ: Mapping[str, str], read: ReadFile) -> tuple[Provider, ...]:
    """Dashboard providers of one file; without `apiVersion` it is a bare list. Raises: ValueError saying where"""
    loaded = _load(text)
    entries = loaded if isinstance(loaded, list) else _list(_mapping(loaded), "providers")
    providers = []
    for index, entry in enumerate(entries):
        values = interpolate({_camel(key): value for key, value in entry.items()}, environ, read)
        options = values.get("options") or {}
        path = options.get("path") or options.get("folder")
        if not path:
            raise ValueError(f"providers.{index}: options.path is missing")
        providers.append(_provider(values, options, str(path)))
    return tuple(providers)


def _provider(values: Mapping[str, Any], options: Mapping[str, Any], path: str) -> Provider:
    return Provider(
        name=str(values.get("name") or "default"),
        path=path,
        folder=str(values.get("folder") or ""),
        folder_uid=str(values.get("folderUid") or ""),
        interval_s=max(1.0, float(values.get("updateIntervalSeconds") or 10)),
        disable_deletion=bool(values.get("disableDeletion")),
        allow_ui_updates=bool(values.get("allowUiUpdates")),
        folders_from_files=bool(options.get("foldersFromFilesStructure")),
    )


def _camel(key: object) -> str:
    """Files of old write `is_default`, `json_data`."""
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), str(key))


def _load(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"no YAML: {error}") from error


def _mapping(loaded: Any) -> dict[str, Any]:
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ValueError(f"expected a mapping, got {type(loaded).__name__}")
    return loaded


def _document(text: str) -> dict[str, Any]:
    return {_camel(key): value for key, value in _mapping(_load(text)).items()}


def _list(document: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    entries = document.get(key) or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"{key}: expected a list of mappings")
    return entries
