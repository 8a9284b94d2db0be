"""A plan as text, for `--dry-run` and for tests."""

from collections.abc import Mapping

from shoal.compose.operations import Operation, Plan


def render_plan(plan: Plan) -> str:
    """One line an operation: what, why, and after which others; then what stays, questions and warnings."""
    places = {operation.id: place for place, operation in enumerate(plan.operations, 1)}
    lines = [_line(operation, places) for operation in plan.operations]
    lines += [f"     = {subject} is as wanted" for subject in plan.unchanged]
    lines += [f"     = {subject}: {status}" for subject, status in plan.told.items()]
    lines += [f"     ? {question.text}" for question in plan.questions]
    lines += [f"     ! {warning}" for warning in plan.warnings]
    return "\n".join(lines or ["nothing to do"]) + "\n"


def _line(operation: Operation, places: Mapping[str, int]) -> str:
    after = sorted(places[one] for one in operation.depends_on)
    suffix = f"  after {', '.join(map(str, after))}" if after else ""
    return f"{places[operation.id]:4}  {operation.id}: {operation.cause}{suffix}"
