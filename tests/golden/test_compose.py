"""Compose files in the shapes that people write -> canonical text, plan and create bodies.

Each folder holds compose.yaml (and compose.override.yaml, .env …). SHOAL_GOLDEN=write makes the expected files anew.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from shoal.compose.load import LoadOptions, LoadResult, Source, load
from shoal.compose.loading.dotenv import parse_dotenv
from shoal.compose.observed import ObservedState
from shoal.compose.plan import plan_images, plan_up, preview
from shoal.compose.planning.options import ImageOptions, UpOptions
from shoal.compose.text.config import render_yaml
from shoal.compose.text.plan import render_plan
from shoal.compose.text.yaml import to_yaml

HERE = Path(__file__).parent / "compose"
FOLDERS = sorted(path.parent for path in HERE.glob("*/compose.yaml"))


def loaded(folder: Path, **options: Any) -> LoadResult:
    files = [path for name in ("compose.yaml", "compose.override.yaml") if (path := folder / name).exists()]
    env = parse_dotenv((folder / ".env").read_text(), {}.get, ".env") if (folder / ".env").exists() else {}
    sources = [Source(path=str(path), text=path.read_text(), shown=path.name) for path in files]
    settings: dict[str, Any] = {"working_dir": str(folder), "home": "/root", **options}
    return load(sources, env, LoadOptions(**settings), lambda path: Path(path).read_text())


def check(path: Path, text: str) -> None:
    """Compare with the golden file, the folder's place on this machine left out."""
    text = text.replace(str(HERE), "/golden")
    if os.environ.get("SHOAL_GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_canonical_text(folder: Path):
    check(folder / "expected.config.yaml", render_yaml(loaded(folder, profiles=("*",)).project))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_plan_and_bodies(folder: Path):
    result = loaded(folder)
    images = plan_images(result.project, ObservedState(), ImageOptions())
    up = plan_up(result.project, ObservedState(), UpOptions())
    bodies = {
        operation.id: without_labels(operation.request.body)  # type: ignore[attr-defined]
        for operation in up.operations
        if getattr(getattr(operation, "request", None), "body", None)
    }
    warnings = "".join(f"warning: {warning}\n" for warning in result.warnings)
    check(folder / "expected.plan.txt", warnings + render_plan(preview(images, up)))
    check(folder / "expected.bodies.yaml", to_yaml(json.loads(json.dumps(bodies))))


def without_labels(body: dict[str, Any]) -> dict[str, Any]:
    """The body with the user's labels only: Compose's hold hashes and paths."""
    kept = {key: value for key, value in body["Labels"].items() if not key.startswith("com.docker.compose.")}
    return {**body, "Labels": kept}
