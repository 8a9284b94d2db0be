"""Docker Compose reads the golden projects as we do."""

import difflib
import os
import subprocess
from pathlib import Path

import pytest

from shoal.compose.text.config import render_yaml
from tests.golden.test_compose import FOLDERS, loaded
from tests.support.foreign import compose_binary


@pytest.mark.parametrize("folder", [one for one in FOLDERS if one.name != "microservices"], ids=lambda path: path.name)
def test_docker_compose_understands_the_same(folder: Path, tmp_path: Path):
    """`config` of Docker Compose 2.40.3 on the same folder, word for word.

    Left out: microservices, in the first format, which Docker Compose 2 refuses.
    """
    done = subprocess.run(
        [str(compose_binary()), "--profile", "*", "config"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": "/root", "DOCKER_CONFIG": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ours = render_yaml(loaded(folder, profiles=("*",)).project)
    assert "".join(difflib.unified_diff(done.stdout.splitlines(True), ours.splitlines(True), "docker", "shoal")) == ""
