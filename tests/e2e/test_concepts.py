"""docs/concepts: every command of these pages, on a real engine, prints what the page shows.

`SHOAL_CONCEPTS=write` writes what was printed into the pages instead: look at the difference, and at what it means.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.console import Walk, cgroup_version
from tests.support.hosts import Farm, hosts

PAGES = Path(__file__).parents[2] / "docs" / "concepts"
NAMES = sorted(path.stem for path in PAGES.glob("*.md") if path.stem != "README")


@pytest.fixture(scope="module")
def farm() -> Iterator[Farm]:
    with hosts(2, names=("node1", "node2")) as farm:
        yield farm


@pytest.fixture
def walk(farm: Farm, tmp_path: Path) -> Iterator[Walk]:
    one, two = farm
    walk = Walk({"": one, "node2": two}, tmp_path)
    yield walk
    walk.close()
    for host in (two, one):
        host.engine.call("POST", "/swarm/leave?force=1")
        host.engine.remove_everything()


@pytest.mark.parametrize("name", NAMES)
def test_page(walk: Walk, name: str) -> None:
    page = PAGES / f"{name}.md"
    if os.environ.get("SHOAL_CONCEPTS") == "write":
        page.write_text(walk.rewritten(page.read_text(), cgroup_version()))
        return
    different = list(walk.differences(page.read_text(), cgroup_version()))
    assert not different, f"{name}: {len(different)} commands print something else\n\n" + "\n".join(different)
