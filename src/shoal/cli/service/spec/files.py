"""`--secret` and `--config`: references to what the cluster keeps."""

from __future__ import annotations

from shoal.cli.errors import FlagError, PlainError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from shoal.client.swarm.files import Files

    Json = dict[str, Any]

_DEFAULT_MODE = 0o444


def parse_file(flag: str, text: str) -> Json:
    """{"Source": …, "File": {Name, UID, GID, Mode}} of "name" or "source=a,target=b,uid=1,gid=1,mode=0400"."""
    source, file = "", {"Name": "", "UID": "0", "GID": "0", "Mode": _DEFAULT_MODE}  # type: str, Json
    fields = text.split(",")
    if len(fields) == 1 and "=" not in text:
        source = file["Name"] = text
    else:
        for field in fields:
            key, equals, value = field.partition("=")
            if not equals:
                raise _wrong(flag, text, f"invalid field '{field}' must be a key=value pair")
            key = key.strip().lower()
            if key in ("source", "src"):
                source = value
            elif key == "target":
                file["Name"] = value
            elif key in ("uid", "gid"):
                file[key.upper()] = value
            elif key == "mode":
                file["Mode"] = _mode(flag, text, value)
            else:
                raise _wrong(flag, text, f"invalid field in {flag.strip('-').partition('-')[0]} request: {key}")
    if not source:
        raise _wrong(flag, text, "source is required")
    file["Name"] = file["Name"] or source
    return {"Source": source, "File": file}


def _mode(flag: str, text: str, value: str) -> int:
    try:
        return int(value, 8) if value.startswith("0") else int(value)
    except ValueError:
        raise _wrong(flag, text, f"invalid mode specified: {value}") from None


def references(requests: Files, kind: str, flag: str, texts: Iterable[str]) -> list[Json]:
    """SecretReferences or ConfigReferences; the ids are asked of the cluster in one request.

    kind: "Secret" or "Config"
    Raises: FlagError, PlainError with docker's words
    """
    parsed = [parse_file(flag, text) for text in texts]
    if not parsed:
        return []
    targets: set[str] = set()
    for one in parsed:
        if one["File"]["Name"] in targets:
            raise PlainError(f"duplicate {kind.lower()} target for {one['Source']} not allowed")
        targets.add(one["File"]["Name"])
    names = sorted({one["Source"] for one in parsed})
    ids = {found["Spec"]["Name"]: found["ID"] for found in requests.list({"name": names})}
    for one in parsed:
        if one["Source"] not in ids:
            raise PlainError(f"{kind.lower()} not found: {one['Source']}")
    return [{"File": one["File"], f"{kind}ID": ids[one["Source"]], f"{kind}Name": one["Source"]} for one in parsed]


def _wrong(flag: str, text: str, message: str) -> FlagError:
    return FlagError(f'invalid argument "{text}" for "{flag}" flag: {message}')
