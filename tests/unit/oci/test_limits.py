"""What reaches the runtime of the limits that somebody asked for, by what the kernel has."""

from shoal.model.resources import DeviceRate, Resources
from shoal.oci.runtime_spec import Permits
from shoal.oci.runtime_spec.limits import cgroup_limits, discarded_limits

MEMORY = Resources(memory_bytes=64 << 20, memory_swap_bytes=128 << 20, memory_swappiness=0, oom_kill_disable=True)


def test_cgroup_v1_takes_swappiness_and_no_oom_killer() -> None:
    permits = Permits(cgroup_version=1)
    wanted = {"limit": 64 << 20, "swap": 128 << 20, "swappiness": 0, "disableOOMKiller": True}
    assert cgroup_limits(MEMORY, permits) == {"memory": wanted}
    assert discarded_limits(MEMORY, permits) == []


def test_cgroup_v2_has_neither_and_it_is_told() -> None:
    permits = Permits(cgroup_version=2)
    assert cgroup_limits(MEMORY, permits) == {"memory": {"limit": 64 << 20, "swap": 128 << 20}}
    assert discarded_limits(MEMORY, permits) == [
        "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. "
        "Memory swappiness discarded.",
        "Your kernel does not support OomKillDisable. OomKillDisable discarded.",
    ]


def test_what_the_kernel_can_t_count_is_left_out() -> None:
    permits = Permits(swap_limit=False, blkio_weight=False, blkio_weight_device=False)
    weights = (DeviceRate(path="/dev/sda", value=300),)
    r = Resources(memory_bytes=64 << 20, memory_swap_bytes=128 << 20, blkio_weight=300, blkio_weight_device=weights)
    assert cgroup_limits(r, permits) == {"memory": {"limit": 64 << 20}}
    assert [warning.rpartition(". ")[2] for warning in discarded_limits(r, permits)] == [
        "Memory limited without swap.",
        "Weight discarded.",
        "Weight-device discarded.",
    ]
