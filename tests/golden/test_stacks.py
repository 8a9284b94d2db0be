"""Compose files as stacks -> what the cluster is asked for.

Each folder holds compose.yaml; SHOAL_GOLDEN=write makes the expected files anew. The projects of tests/golden/compose
that are no stacks say why.
"""

import json
import os
from pathlib import Path

import pytest

from shoal.compose.load import LoadOptions, Source, load
from shoal.compose.loading.dotenv import parse_dotenv
from shoal.compose.text.yaml import to_yaml
from shoal.compose.to_services.diff import differences
from shoal.compose.to_services.stack import file_paths, stack_of
from shoal.errors import NotSupported
from shoal.wire.swarm.service_spec import decode_service_spec, encode_service_spec, unknown_keys

HERE = Path(__file__).parent
FOLDERS = sorted(path.parent for kind in ("stacks", "compose") for path in (HERE / kind).glob("*/compose.yaml"))


def bodies(folder: Path) -> dict[str, object]:
    files = [path for name in ("compose.yaml", "compose.override.yaml") if (path := folder / name).exists()]
    env = parse_dotenv((folder / ".env").read_text(), {}.get, ".env") if (folder / ".env").exists() else {}
    sources = [Source(path=str(path), text=path.read_text(), shown=path.name) for path in files]
    options = LoadOptions(working_dir=str(folder), home="/root", stack=True, project_name=folder.name)
    project = load(sources, env, options, lambda path: Path(path).read_text()).project
    contents = {key: Path(path).read_bytes() for key, path in file_paths(project).items()}
    stack = stack_of(project, {}, contents)
    for service in stack.services:
        assert unknown_keys(service.body) == []
        assert differences(encode_service_spec(decode_service_spec(service.body)), service.body) == ()
    return {
        section: {one.name: one.body for one in getattr(stack, section)}
        for section in ("networks", "secrets", "configs", "services")
    }


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_bodies(folder: Path):
    try:
        text = to_yaml(json.loads(json.dumps(bodies(folder))))
    except NotSupported as error:
        text = error.message + "\n"
    text = text.replace(str(HERE), "/golden")
    expected = folder / "expected.stack.yaml"
    if os.environ.get("SHOAL_GOLDEN") == "write":
        expected.write_text(text)
    assert text == expected.read_text()
