"""Several files as one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.compose.loading.merge import cleaned, merge
from shoal.compose.loading.tree import Map, Seq
from tests.support.compose_projects import project_of

BASE = """
services:
  a:
    image: one
    command: [run, base]
    entrypoint: /init
    environment: [A=1, B=2]
    labels: {x: "1"}
    ports: ["80:80", "81:81"]
    volumes: ["./one:/data", "/keep"]
    dns: [1.1.1.1]
    depends_on: [b]
    networks: [front]
    ulimits: {nofile: {soft: 1, hard: 2}, nproc: 5}
    logging: {driver: json-file, options: {max-size: 1m}}
    extra_hosts: ["h:1.1.1.1"]
    healthcheck: {test: [CMD, base], interval: 5s}
    deploy: {resources: {limits: {cpus: "1", memory: 64M}}}
    secrets: [s]
    cap_add: [NET_ADMIN]
    env_file: []
  b: {image: y}
networks: {front: , back: }
secrets: {s: {file: ./s}}
"""


def merged(over: str):
    body = "\n".join(f"    {line}" for line in over.strip("\n").splitlines())
    return project_of(BASE, f"services:\n  a:\n{body}\n").services["a"]


def test_scalars_and_commands_are_replaced():
    service = merged("image: two\ncommand: run over\nentrypoint: []\nhealthcheck: {test: 'true'}")
    assert (service.image, service.command, service.entrypoint) == ("two", ("run", "over"), ())
    assert service.healthcheck.test == ("CMD-SHELL", "true") and service.healthcheck.interval_s == 5


def test_mappings_and_lists_of_pairs_merge_by_key():
    service = merged("environment: {B: 3, C: 4}\nlabels: [x=2, y=3]")
    assert service.environment == {"A": "1", "B": "3", "C": "4"}
    assert service.labels == {"x": "2", "y": "3"}


def test_lists_are_joined_and_repeats_dropped():
    service = merged('ports: ["81:81", "82:82"]\ndns: 1.1.1.1\ncap_add: [SYS_TIME, NET_ADMIN]')
    assert [port.published for port in service.ports] == ["80", "81", "82"]
    assert service.dns == ("1.1.1.1",)
    assert service.cap_add == ("NET_ADMIN", "SYS_TIME")


def test_volumes_and_secrets_are_the_same_by_target():
    service = merged("volumes: ['./two:/data:ro']\nsecrets: [{source: s, mode: 0400}]")
    assert [(m.source, m.target, m.read_only) for m in service.volumes] == [
        ("/srv/app/two", "/data", True),
        ("", "/keep", False),
    ]
    assert [ref.mode for ref in service.secrets] == [0o400]


def test_dependencies_networks_and_hosts():
    service = merged(
        "depends_on: {b: {condition: service_healthy}}\nnetworks: {back: {aliases: [z]}}\n"
        "extra_hosts: {h: 2.2.2.2, i: 3.3.3.3}"
    )
    assert service.depends_on["b"].condition == "service_healthy"
    assert [(a.network, a.aliases) for a in service.networks] == [("back", ("z",)), ("front", ())]
    assert service.extra_hosts == ("h:1.1.1.1", "h:2.2.2.2", "i:3.3.3.3")


def test_another_logging_driver_takes_no_options_over():
    assert merged("logging: {options: {max-file: 3}}").logging.options == {"max-size": "1m", "max-file": "3"}
    assert merged("logging: {driver: journald}").logging.options == {}


def test_ulimits_and_limits():
    service = merged("ulimits: {nofile: 9, nproc: {soft: 1, hard: 1}}\ndeploy: {resources: {limits: {memory: 1G}}}")
    assert service.ulimits == {"nofile": (9, 9), "nproc": (1, 1)}
    assert (service.limits.nano_cpus, service.limits.memory_bytes) == (10**9, 1 << 30)


def test_reset_takes_out_and_override_replaces():
    service = merged("ports: !override ['90:90']\nenvironment: {A: !reset null}\nlabels: !reset {}\ndns: !reset []")
    assert [port.published for port in service.ports] == ["90"]
    assert service.environment == {"B": "2"}
    assert (service.labels, service.dns) == ({}, ())


def test_reset_in_the_only_file():
    assert project_of("services: {a: {image: x, user: !reset me, labels: !override {a: b}}}").services["a"].user == ""


def test_networks_keep_pools_of_one_subnet_together():
    one = "services: {a: {image: x, networks: [n]}}\nnetworks: {n: {ipam: {config: [{subnet: 10.0.0.0/24}]}}}"
    two = "networks: {n: {ipam: {config: [{subnet: 10.0.0.0/24, gateway: 10.0.0.9}, {subnet: 10.1.0.0/24}]}}}"
    pools = project_of(one, two).networks["n"].ipam_pools
    assert [(pool.subnet, pool.gateway) for pool in pools] == [("10.0.0.0/24", "10.0.0.9"), ("10.1.0.0/24", "")]


def test_a_message_names_the_file_that_brought_the_value():
    from shoal.errors import InvalidArgument

    with pytest.raises(InvalidArgument, match=r"^compose-2\.yaml:4:16: .*undefined network nope"):
        project_of(BASE, "services:\n  a:\n    x-a: 1\n    networks: [nope]\n")


def as_tree(value: object) -> object:
    if isinstance(value, dict):
        return Map({key: as_tree(item) for key, item in value.items()})
    return Seq(as_tree(item) for item in value) if isinstance(value, list) else value


leaves = st.one_of(st.integers(0, 3), st.text(alphabet="ab", max_size=2))
values = st.recursive(leaves, lambda inner: st.dictionaries(st.sampled_from("pqr"), inner, max_size=3), max_leaves=8)
maps = st.dictionaries(st.sampled_from("pqr"), values, max_size=3).map(as_tree)


@given(maps, maps)
def test_the_later_file_wins_wherever_it_speaks(base: Map, over: Map):
    def holds(found: object, wanted: object) -> bool:
        if isinstance(wanted, dict) and isinstance(found, dict):
            return all(key in found and holds(found[key], item) for key, item in wanted.items())
        return found == wanted

    assert holds(merge(base, over), over)


@given(maps, maps, maps)
def test_merging_maps_is_associative_and_has_an_end(one: Map, two: Map, three: Map):
    assert merge(merge(one, two), three) == merge(one, merge(two, three)) or _shapes_differ(one, two, three)
    assert merge(one, one) == one
    assert merge(Map(), one) == one == merge(one, Map())
    assert cleaned(one) == one


def _shapes_differ(*trees: Map) -> bool:
    """A key that is a mapping in one file and a scalar in another: the order of merging matters then."""
    kinds: dict[tuple[str, ...], set[bool]] = {}

    def walk(tree: Map, path: tuple[str, ...]) -> None:
        for key, item in tree.items():
            kinds.setdefault((*path, key), set()).add(isinstance(item, dict))
            if isinstance(item, dict):
                walk(item, (*path, key))

    for tree in trees:
        walk(tree, ())
    return any(len(found) > 1 for found in kinds.values())
