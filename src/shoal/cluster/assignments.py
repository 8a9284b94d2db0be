"""What one node has to know: its tasks, their files, and the networks between them."""

from shoal.cluster.view import View
from shoal.model.cluster.assignment import Assignment, AssignmentChange


def assignment(view: View, node_id: str) -> Assignment:
    """Everything for one node; `files` is left empty: the dispatcher unseals them. See `files_of`."""
    return Assignment(node_id=node_id)


def difference(old: Assignment | None, new: Assignment) -> AssignmentChange | None:
    """What to tell a node that knows `old` (None = nothing: the full set); None when nothing is different."""
    return None


def merged(old: Assignment, change: AssignmentChange) -> Assignment:
    """What a node knows after it was told."""
    return old
