"""Networks on the wire."""

import pytest

from shoal.errors import InvalidArgument
from shoal.model.endpoint import Endpoint, EndpointSettings
from shoal.model.network import Ipam, JoinRequest, Network, NetworkSpec, Pool, Sandbox
from shoal.wire.network import decode_connect, decode_disconnect, decode_network_create, encode_network

BODY = {
    "Name": "app",
    "Driver": "bridge",
    "Internal": True,
    "EnableIPv6": True,
    "CheckDuplicate": True,
    "IPAM": {
        "Driver": "default",
        "Config": [{"Subnet": "10.1.0.0/16", "Gateway": "10.1.0.1", "AuxiliaryAddresses": {"r": "10.1.0.2"}}],
    },
    "Options": {"com.docker.network.driver.mtu": "1400"},
    "Labels": {"com.docker.compose.project": "counter"},
}


def test_create() -> None:
    assert decode_network_create(BODY) == NetworkSpec(
        name="app",
        internal=True,
        enable_ipv6=True,
        ipam=Ipam(config=(Pool(subnet="10.1.0.0/16", gateway="10.1.0.1", aux_addresses={"r": "10.1.0.2"}),)),
        options={"com.docker.network.driver.mtu": "1400"},
        labels={"com.docker.compose.project": "counter"},
    )
    assert decode_network_create({"Name": "x", "IPAM": None, "Driver": ""}) == NetworkSpec(name="x")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "name is empty"),
        ({"Name": 5}, "Name: expected a string, got a number"),
        ({"Name": "x", "IPAM": {"Config": [{"Subnet": 1}]}}, "IPAM.Config.0.Subnet: expected a string"),
        ({"Name": "x", "Internal": "yes"}, "Internal: expected a boolean"),
    ],
)
def test_wrong_bodies(body: dict[str, object], text: str) -> None:
    with pytest.raises(InvalidArgument, match=text):
        decode_network_create(body)


def test_connect_and_disconnect() -> None:
    body = {"Container": "web", "EndpointConfig": {"IPAMConfig": {"IPv4Address": "10.1.0.9"}, "Aliases": ["site"]}}
    assert decode_connect(body) == ("web", EndpointSettings(ipv4_address="10.1.0.9", aliases=("site",)))
    assert decode_connect({"Container": "web"}) == ("web", EndpointSettings())
    assert decode_disconnect({"Container": "web", "Force": True}) == ("web", True)
    with pytest.raises(InvalidArgument, match="Container: expected"):
        decode_disconnect({})


def test_inspect() -> None:
    network = Network(id="1" * 64, spec=decode_network_create(BODY), created_at=1_700_000_000_123_000_000)
    endpoint = Endpoint(
        network_id=network.id,
        network_name="app",
        endpoint_id="e" * 64,
        mac_address="02:42:0a:01:00:03",
        ipv4_address="10.1.0.3",
        ipv4_prefix=16,
    )
    request = JoinRequest(container_id="c" * 64, name="web")
    sandbox = Sandbox(container_id="c" * 64, request=request, netns_path="/x", endpoints={"app": endpoint})
    body = encode_network(network, [sandbox])
    assert body["Created"] == "2023-11-14T22:13:20.123Z"
    assert body["Scope"] == "local" and body["Internal"] is True and body["EnableIPv4"] is True
    assert body["IPAM"]["Config"] == [
        {"Subnet": "10.1.0.0/16", "Gateway": "10.1.0.1", "AuxiliaryAddresses": {"r": "10.1.0.2"}}
    ]
    assert body["Containers"] == {
        "c" * 64: {
            "Name": "web",
            "EndpointID": "e" * 64,
            "MacAddress": "02:42:0a:01:00:03",
            "IPv4Address": "10.1.0.3/16",
            "IPv6Address": "",
        }
    }
    assert "EnableIPv4" not in encode_network(network, api_version=(1, 47))
