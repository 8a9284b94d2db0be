"""What may be asked of networks."""

import pytest

from shoal.errors import Forbidden, InvalidArgument, NotFound, NotSupported, ShoalError
from shoal.lifecycle.network.rules import (
    check_connect,
    check_create,
    check_disconnect,
    default_specs,
    find,
    select,
    select_prunable,
)
from shoal.model.network import (
    BRIDGE_NAME,
    GATEWAY_MODE_IPV4,
    HOST_BINDING_IPV4,
    MACVLAN_MODE,
    MTU,
    PARENT,
    Network,
    NetworkSpec,
)


def network(name: str, id: str = "", **more: object) -> Network:
    return Network(id=id or name.ljust(64, "0"), spec=NetworkSpec(name=name, **more), created_at=5)


BUILTIN = tuple(Network(id=s.name.ljust(64, "f"), spec=s, created_at=1) for s in default_specs("shoal0"))


@pytest.mark.parametrize(
    ("spec", "kind", "text"),
    [
        (NetworkSpec(name=" "), InvalidArgument, "name is empty"),
        (NetworkSpec(name="x", driver="host"), Forbidden, 'only one instance of "host" network is allowed'),
        (NetworkSpec(name="x", driver="overlay"), NotSupported, "needs a cluster"),
        (NetworkSpec(name="x", scope="swarm"), NotSupported, "needs a cluster"),
        (NetworkSpec(name="x", ingress=True), NotSupported, "parts of a cluster"),
        (NetworkSpec(name="x", enable_ipv4=False), InvalidArgument, "IPv4 or IPv6"),
        (NetworkSpec(name="x", options={BRIDGE_NAME: 'a"};flush'}), InvalidArgument, "invalid bridge name"),
        (NetworkSpec(name="x", options={BRIDGE_NAME: "a\nb"}), InvalidArgument, "invalid bridge name"),
        (NetworkSpec(name="x", options={BRIDGE_NAME: ".."}), InvalidArgument, "invalid bridge name"),
        (NetworkSpec(name="x", options={HOST_BINDING_IPV4: "localhost"}), InvalidArgument, "wanted an IPv4 address"),
        (NetworkSpec(name="x", options={MTU: "big"}), InvalidArgument, "wanted a number from 68"),
        (NetworkSpec(name="x", options={GATEWAY_MODE_IPV4: "odd"}), InvalidArgument, 'unknown gateway mode "odd"'),
        (
            NetworkSpec(name="x", driver="macvlan", options={PARENT: "eth0", MACVLAN_MODE: "vepa"}),
            NotSupported,
            'macvlan mode "vepa"',
        ),
        (NetworkSpec(name="x", driver="macvlan", options={PARENT: "lan0"}), Forbidden, "already using parent"),
    ],
)
def test_refused(spec: NetworkSpec, kind: type[ShoalError], text: str) -> None:
    lan = Network(id="1" * 64, spec=NetworkSpec(name="lan", driver="macvlan"), created_at=0, interface="lan0")
    with pytest.raises(kind, match=text):
        check_create(spec, [lan], "br0")


def test_find() -> None:
    a, b = network("app", "ab" + "0" * 62), network("abc", "ab1" + "0" * 61)
    assert find([a, b], "app") == a
    assert find([a, b], "abc") == b, "a name before a prefix"
    assert find([a, b], "ab0") == a
    with pytest.raises(InvalidArgument, match=r"network ab is ambiguous \(2 matches"):
        find([a, b], "ab")
    with pytest.raises(NotFound, match="network nope not found"):
        find([a, b], "nope")
    with pytest.raises(NotFound):
        find([a, b], "")


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, ["bridge", "host", "none", "app", "lab"]),
        ({"name": ["ap", "la"]}, ["app", "lab"]),
        ({"type": ["builtin"]}, ["bridge", "host", "none"]),
        ({"driver": ["null"]}, ["none"]),
        ({"label": ["a=1", "b"]}, ["app"]),
        ({"id": ["lab0"]}, ["lab"]),
        ({"dangling": ["true"]}, ["lab"]),
        ({"dangling": ["false"]}, ["bridge", "host", "none", "app"]),
        ({"scope": ["swarm"]}, []),
        ({"driver": ["bridge"], "label": ["a"]}, ["app"]),
    ],
)
def test_filters(filters: dict[str, list[str]], names: list[str]) -> None:
    networks = [*BUILTIN, network("app", labels={"a": "1", "b": "2"}), network("lab")]
    assert [n.name for n in select(networks, filters, {networks[3].id})] == names


@pytest.mark.parametrize("filters", [{"color": ["red"]}, {"type": ["odd"]}, {"dangling": ["maybe"]}])
def test_wrong_filters(filters: dict[str, list[str]]) -> None:
    with pytest.raises(InvalidArgument, match="invalid filter"):
        select(BUILTIN, filters, ())


def test_prunable() -> None:
    networks = [*BUILTIN, network("used"), network("kept", labels={"keep": ""}), network("idle")]
    used = {networks[3].id}
    assert [n.name for n in select_prunable(networks, {}, used, 0)] == ["kept", "idle"]
    assert [n.name for n in select_prunable(networks, {"label!": ["keep"]}, used, 0)] == ["idle"]
    assert select_prunable(networks, {}, used, until=5) == [], "made at 5, not before"


def test_connections_that_make_no_sense() -> None:
    app, host = network("app"), BUILTIN[1]
    for of, mode, connected, kind in (
        (host, "app", ["app"], InvalidArgument),
        (app, "host", ["host"], InvalidArgument),
        (app, "none", [], InvalidArgument),
        (app, "container:1", [], InvalidArgument),
        (app, "app", ["app"], Forbidden),
    ):
        with pytest.raises(kind):
            check_connect(of, mode, connected, "web")
    check_connect(app, "bridge", ["bridge"], "web")
    with pytest.raises(InvalidArgument):
        check_disconnect(host, "host")
