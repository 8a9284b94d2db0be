"""Codecs: events in a stream of bytes. Pure."""

import json
from typing import Any

from .config import ConfigError, Plugin

CODECS = ("json", "json_lines", "line", "plain", "rubydebug")


def codec_of(settings: dict[str, Any], default: str) -> str:
    """The name of the codec that a plugin is told. Raises: ConfigError for one that is not known"""
    said = settings.get("codec", default)
    if isinstance(said, dict):
        (said,) = said
    name = said.name if isinstance(said, Plugin) else str(said)
    if name not in CODECS:
        raise ConfigError(f'no codec "{name}" here: there are {", ".join(CODECS)}')
    return name


def decode(codec: str, line: bytes) -> dict[str, Any]:
    """The fields of an event in one line or datagram."""
    text = line.decode("utf-8", "replace").rstrip("\r\n")
    if not codec.startswith("json"):
        return {"message": text}
    try:
        fields = json.loads(text)
    except ValueError:
        return {"message": text, "tags": ["_jsonparsefailure"]}
    return fields if isinstance(fields, dict) else {"message": text, "tags": ["_jsonparsefailure"]}


def encode(codec: str, fields: dict[str, Any]) -> str:
    """An event as a line."""
    if codec == "rubydebug":
        lines = [f"    {json.dumps(name):>16} => {json.dumps(value)}" for name, value in fields.items()]
        return "{\n" + ",\n".join(lines) + "\n}"
    if codec.startswith("json"):
        return json.dumps(fields)
    return f"{fields['@timestamp']} {fields.get('host', '')} {fields.get('message', '')}"
