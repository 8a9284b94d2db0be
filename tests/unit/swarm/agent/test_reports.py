"""What the managers are told, and are told again."""

from shoal.model.cluster.assignment import Attached
from shoal.swarm.agent.reports import Reports


async def test_what_is_attached_is_told_as_it_is_when_it_is_told() -> None:
    there: tuple[Attached, ...] = ()
    reports = Reports(lambda: there)
    reports.attached_changed()
    there = (Attached(container_id="c1", network_id="n", ipv4="10.9.0.2"),)
    lost = await reports.next()
    assert lost.attached == there
    there = ()
    reports.untold(lost)
    assert (await reports.next()).attached == ()
