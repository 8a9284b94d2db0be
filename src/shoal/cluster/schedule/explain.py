"""Why a task fits nowhere, in Docker's words."""

from collections import Counter
from collections.abc import Iterable, Mapping

from shoal.cluster.schedule.filters import CONSTRAINTS, NOT_READY, PLATFORM, PORTS, REPLICAS, RESOURCES, Refusal

PENDING_MESSAGE = "pending task scheduling"
_WORDS: Mapping[str, tuple[str, str]] = {
    NOT_READY: ("1 node not available for new tasks", "{} nodes not available for new tasks"),
    RESOURCES: ("insufficient resources on 1 node", "insufficient resources on {} nodes"),
    CONSTRAINTS: ("scheduling constraints not satisfied on 1 node", "scheduling constraints not satisfied on {} nodes"),
    PLATFORM: ("unsupported platform on 1 node", "unsupported platform on {} nodes"),
    PORTS: ("host-mode port already in use on 1 node", "host-mode port already in use on {} nodes"),
    REPLICAS: ("max replicas per node limit exceed", "max replicas per node limit exceed"),
}


def explain(refusals: Iterable[Refusal]) -> str:
    """One sentence: the reasons by weight, each with what is known of it.

    "no suitable node (insufficient resources on 2 nodes: memory; 1 node not available for new tasks: drained)"
    """
    counts: Counter[str] = Counter()
    details: dict[str, Counter[str]] = {}
    for kind, detail in refusals:
        counts[kind] += 1
        if detail:
            details.setdefault(kind, Counter())[detail] += 1
    if not counts:
        return "no suitable node"
    order = list(_WORDS)
    kinds = sorted(counts, key=lambda kind: (-counts[kind], order.index(kind)))
    return f"no suitable node ({'; '.join(_reason(kind, counts[kind], details.get(kind)) for kind in kinds)})"


def _reason(kind: str, count: int, details: Counter[str] | None) -> str:
    one, many = _WORDS[kind]
    text = one if count == 1 else many.format(count)
    if not details:
        return text
    if len(details) == 1:
        return f"{text}: {next(iter(details))}"
    return f"{text}: {', '.join(f'{number} {what}' for what, number in sorted(details.items()))}"
