"""Every key of the format in a stack: it does something to what the cluster is asked for, or the file is refused."""

import pytest

from shoal.compose.keys.table import ROOT
from shoal.compose.keys.types import Key
from shoal.errors import NotSupported, ShoalError
from tests.support.stacks import stack_from
from tests.unit.compose.keys.test_table import SAMPLES

FILE = """
services:
  a:
    {image}
    {line}
  base: {{image: x, user: base}}
  b: {{image: x, networks: [n]}}
networks: {{n: , default: }}
volumes: {{v: }}
configs: {{c: {{content: x}}}}
secrets: {{s: {{file: ./s}}}}
models: {{}}
"""
#: what the samples of one host do not fit, or do not have
STACK_SAMPLES = {
    **SAMPLES,
    "cpu_count": "1",
    "cpu_percent": "1",
    "credential_spec": "{file: x}",
    "develop": "{watch: [{path: ., action: rebuild}]}",
    "isolation": "hyperv",
    "memswap_limit": "128m\n    mem_limit: 64m",
    "links": "['b:other']\n    networks: [n]",
    "models": "{}",
    "pull_refresh_after": "1h",
    "provider": "{type: x}",
    "umask": "'022'",
}
#: Where the key speaks: not in the bodies of services.
ELSEWHERE = {
    "attach": "compose up",
    "build": "the image, built before",
    "develop": "compose watch",
    "models": "refused by its content",
    "pull_policy": "the digest that the image is fixed to",
    "pull_refresh_after": "the digest that the image is fixed to",
}
SERVICE = {path[1]: key for path, key in dict(ROOT.keys["services"].type.paths()).items() if len(path) == 2 and key}
WORKING = sorted(name for name, key in SERVICE.items() if not key.stack_error)
REFUSED = sorted(name for name, key in SERVICE.items() if key.stack_error and name != "models")


def effect(line: str) -> str:
    """Everything that a deploy would ask for."""
    image = "" if line.startswith(("image", "provider")) else "image: busybox"
    stack = stack_from(FILE.format(image=image, line=line), files={"a.env": "Q=1\n"})
    return repr([(one.name, one.body) for one in (*stack.services, *stack.networks)]) + repr(stack.secrets)


@pytest.mark.parametrize("key", sorted(set(WORKING) - ELSEWHERE.keys()))
def test_a_key_that_works_changes_what_the_cluster_is_asked_for(key: str):
    assert effect(f"{key}: {STACK_SAMPLES[key]}") != effect("x-nothing: 1")


@pytest.mark.parametrize("key", sorted(set(ELSEWHERE) - {"models"}))
def test_a_key_that_speaks_elsewhere_is_no_error(key: str):
    assert effect(f"{key}: {STACK_SAMPLES[key]}")


@pytest.mark.parametrize("key", REFUSED)
def test_a_key_that_is_refused_says_where_and_why(key: str):
    with pytest.raises(NotSupported) as refused:
        effect(f"{key}: {STACK_SAMPLES[key]}")
    first = refused.value.message.splitlines()[0]
    assert first.startswith("compose.yaml:5:5: services.a." + key)
    assert first.endswith(SERVICE[key].stack_error)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("services.a.networks.n.ipv4_address", "networks: {n: {ipv4_address: 10.1.2.3}}"),
        ("services.a.networks.n.ipv6_address", "networks: {n: {ipv6_address: 'fd00::3'}}"),
        ("services.a.networks.n.link_local_ips", "networks: {n: {link_local_ips: [169.254.1.2]}}"),
        ("services.a.networks.n.mac_address", "networks: {n: {mac_address: '02:42:ac:11:00:02'}}"),
        ("services.a.networks.n.gw_priority", "networks: {n: {gw_priority: 3}}"),
        (
            "services.a.deploy.resources.reservations.devices",
            "deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}",
        ),
        ("services.a.build.sbom", "build: {context: ., sbom: true}"),
        ("services.a.build.cache_to", "build: {context: ., cache_to: [x]}"),
        ("services.a.build.platforms", "build: {context: ., platforms: [linux/amd64, linux/arm64]}"),
        ("services.a.network_mode", "network_mode: service:b"),
        ("services.a.network_mode", "network_mode: container:other"),
        ("services.a.network_mode", "network_mode: some-net"),
        ("services.a.pid", "pid: service:b"),
        ("services.a.ipc", "ipc: service:b"),
        ("services.a.ports", "network_mode: host\n    ports: ['80:80']"),
        ("services.a.ports.0.published", "ports: ['8000-8010:80']"),
        ("services.a.ports.0", "ports: ['8000:80']\n    deploy: {endpoint_mode: dnsrr}"),
        ("services.a.volumes.0.type", "volumes: [{type: npipe, source: x, target: /x}]"),
        (
            "services.a.volumes.0.bind.create_host_path",
            "volumes: [{type: bind, source: /x, target: /x, bind: {create_host_path: true}}]",
        ),
        ("services.a.links.0", "links: [b]"),
    ],
)
def test_a_value_that_a_cluster_has_no_place_for_is_refused(path: str, text: str):
    with pytest.raises(NotSupported, match=rf"^compose\.yaml:\d+:\d+: {path}: not possible in a stack: "):
        effect(text)


def test_all_that_is_refused_is_told_at_once():
    with pytest.raises(NotSupported) as refused:
        effect("mac_address: '02:42:ac:11:00:02'\n    volumes_from: [b]\n    pid: service:b")
    assert [line.split(": ")[1] for line in refused.value.message.splitlines()] == [
        "services.a.mac_address",
        "services.a.volumes_from",
        "services.a.pid",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("deploy: {replicas: -1}", "services.a: can't run -1 containers"),
        ("deploy: {mode: swarm}", "services.a.deploy.mode: expected replicated, global, replicated-job or global-job"),
        ("deploy: {endpoint_mode: x}", "services.a.deploy.endpoint_mode: expected vip or dnsrr"),
        ("deploy: {mode: global, replicas: 2}", "services.a.deploy.replicas: replicas can only be used"),
        ("deploy: {update_config: {failure_action: x}}", "deploy.update_config.failure_action: expected pause"),
        ("deploy: {rollback_config: {failure_action: rollback}}", "deploy.rollback_config.failure_action: expected"),
        ("deploy: {update_config: {max_failure_ratio: 2}}", "max_failure_ratio: expected a number from 0 to 1"),
        ("deploy: {update_config: {parallelism: -2}}", "parallelism: expected 0 or more, got -2"),
        ("deploy: {placement: {constraints: [node.role]}}", "constraints.0: expected <key> == <value>"),
        ("secrets: [nope]", 'service "a" refers to undefined secret nope'),
        ("prots: ['80']", 'services.a.prots: unknown key "prots", did you mean "ports"?'),
    ],
)
def test_a_wrong_value_is_told_with_its_place(text: str, message: str):
    with pytest.raises(ShoalError) as refused:
        effect(text)
    assert refused.value.message.startswith("compose.yaml:")
    assert message in refused.value.message


def test_a_bridge_network_is_refused_and_an_overlay_is_not():
    text = "services: {a: {image: x, networks: [n]}}\nnetworks:\n  n:\n    driver: "
    with pytest.raises(NotSupported, match=r"^compose.yaml:4:5: networks.n.driver: .*bridge networks are of one host"):
        stack_from(text + "bridge")
    assert stack_from(text + "overlay").networks[0].body["Driver"] == "overlay"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("secrets", "driver: vault"),
        ("secrets", "file: x, template_driver: jinja"),
        ("configs", "content: x, template_driver: x"),
    ],
)
def test_drivers_of_secrets_and_other_templates_are_refused(kind: str, text: str):
    with pytest.raises(ShoalError, match=rf"^compose.yaml:2:\d+: {kind}.s"):
        stack_from(f"services: {{a: {{image: x, {kind}: [s]}}}}\n{kind}: {{s: {{{text}}}}}")


def test_there_is_no_third_way():
    """No key has a warning only: it works, or it is refused."""
    for path, key in ROOT.paths():
        if isinstance(key, Key) and key.warning:
            assert key.cluster or key.stack_error, path
