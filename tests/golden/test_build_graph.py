"""Dockerfiles -> the exact graph: stages, what they need, vertices and digests.

The digests are the build cache's keys: a change here makes every cache of every user useless once, so it must be meant.
SHOAL_GOLDEN=write makes the files anew.
"""

import os
from pathlib import Path

import pytest

from shoal.dockerfile.args import platform_args
from shoal.dockerfile.evaluate import Scope, evaluate, first_state
from shoal.dockerfile.parser import parse
from shoal.dockerfile.stages import plan_build
from shoal.dockerfile.vertices import TransferVertex
from shoal.model.image import ImageConfig, Platform

HERE = Path(__file__).parent / "builds"


def render(text: str) -> str:
    """The graph of a Dockerfile as text; content that steps read is named by its source."""
    auto = platform_args(Platform(), Platform())
    plan = plan_build(parse(text), build_args={"VERSION": "2", "http_proxy": "p"}, platforms=auto)
    lines: list[str] = []
    for stage in plan.stages:
        needs = ", ".join(str(index) for index in sorted(plan.needs[stage.index])) or "nothing"
        lines.append(f"stage {stage.label}: on {stage.base or plan.stages[stage.base_stage or 0].label}, needs {needs}")
        state = first_state(ImageConfig(), stage.base or f"stage {stage.base_stage}")
        for instruction in stage.instructions:
            step = evaluate(state, instruction, Scope(plan=plan, stage=stage, auto_args=auto))
            inputs = step.vertex.sources if isinstance(step.vertex, TransferVertex) else ()
            state = step.done(step.digest(inputs))
            kind = type(step.vertex).__name__.removesuffix("Vertex").lower()
            lines.append(f"  {instruction.position.line:>3} {kind:<9} {state.digest[:12]}  {step.vertex.created_by!r}")
        lines.append(f"  config {state.config}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("path", sorted(HERE.glob("*.Dockerfile")), ids=lambda path: path.stem)
def test_graph(path: Path):
    got = render(path.read_text())
    golden = path.with_suffix(".graph")
    if os.environ.get("SHOAL_GOLDEN") == "write":
        golden.write_text(got)
    assert got == golden.read_text()
