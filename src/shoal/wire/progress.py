"""Progress of long operations as Docker's clients read it. Source: Docker's jsonmessage."""

from typing import Any

from shoal.model.progress import Progress


def encode_progress(line: Progress) -> dict[str, Any]:
    """The JSON object of one line: {"stream": …}, {"aux": …} or {"status": …, "id": …, "progressDetail": …}."""
    if line.aux is not None:
        return {"aux": dict(line.aux)}
    if line.stream:
        return {"stream": line.stream}
    value: dict[str, Any] = {"status": line.status}
    if line.has_detail:
        value["progressDetail"] = {
            key: amount for key, amount in (("current", line.current_bytes), ("total", line.total_bytes)) if amount
        }
    if line.id:
        value["id"] = line.id
    return value
