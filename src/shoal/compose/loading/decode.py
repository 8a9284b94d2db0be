"""Canonical, normalised tree → typed `Project`."""

from collections.abc import Mapping
from typing import Any

from shoal.compose.keys.container import CONTAINER
from shoal.compose.loading.decode_parts import (
    decode_build,
    decode_deploy,
    decode_device_requests,
    decode_file_refs,
    decode_health,
    decode_hooks,
    decode_limits,
    decode_mount,
    decode_networks,
    decode_ulimits,
    hosts,
    seconds,
)
from shoal.compose.loading.merge import merge
from shoal.compose.loading.tree import Map
from shoal.compose.parts import Condition, Dependency, Device, Logging, Port
from shoal.compose.project import Config, IpamPool, Network, Secret, Service, Volume

_TEXTS = [
    "image",
    "container_name",
    "user",
    "working_dir",
    "hostname",
    "domainname",
    "platform",
    "pull_policy",
    "pull_refresh_after",
    "runtime",
    "isolation",
    "restart",
    "stop_signal",
    "network_mode",
    "mac_address",
    "cgroup",
    "cgroup_parent",
    "ipc",
    "uts",
    "userns_mode",
]
_TUPLES = [
    "profiles",
    "group_add",
    "expose",
    "links",
    "external_links",
    "dns",
    "dns_opt",
    "dns_search",
    "volumes_from",
    "tmpfs",
    "device_cgroup_rules",
    "cap_add",
    "cap_drop",
    "security_opt",
    "command",
    "entrypoint",
]
_MAPS = ["environment", "labels", "annotations", "storage_opt", "sysctls"]
_FLAGS = ["tty", "stdin_open", "attach", "init", "read_only", "privileged", "use_api_socket", "per_replica"]


def decode_service(name: str, tree: Mapping[str, Any]) -> Service:
    """The service that a canonical tree describes."""
    fields: dict[str, Any] = {key: tree[key] for key in _TEXTS if tree.get(key) is not None}
    fields |= {key: tuple(tree[key]) for key in _TUPLES if tree.get(key) is not None}
    fields |= {key: dict(tree[key]) for key in _MAPS if tree.get(key)}
    fields |= {key: tree[key] for key in _FLAGS if key in tree}
    deploy = decode_deploy(tree.get("deploy"))
    resources = deploy.tree.get("resources") or {}
    scale = tree.get("scale", deploy.replicas)
    return Service(
        name=name,
        build=decode_build(tree.get("build")),
        scale=1 if scale is None else scale,
        depends_on={key: _dependency(key, one) for key, one in (tree.get("depends_on") or {}).items()},
        pid=tree.get("pid") or "",
        stop_grace_period_s=seconds(tree.get("stop_grace_period")),
        ports=tuple(_port(one) for one in tree.get("ports") or ()),
        networks=decode_networks(tree.get("networks") or {}),
        extra_hosts=hosts(tree.get("extra_hosts")),
        volumes=tuple(decode_mount(one) for one in tree.get("volumes") or ()),
        configs=decode_file_refs(tree.get("configs"), ""),
        secrets=decode_file_refs(tree.get("secrets"), "/run/secrets"),
        shm_size_bytes=int(tree.get("shm_size") or 0),
        limits=decode_limits(tree, resources),
        ulimits=decode_ulimits(tree.get("ulimits")),
        devices=tuple(Device(**{k: str(one[k]) for k in ("source", "target", "permissions")}) for one in _items(tree)),
        device_requests=decode_device_requests(tree, resources),
        healthcheck=decode_health(tree.get("healthcheck")),
        logging=_logging(tree.get("logging")),
        deploy=deploy,
        pre_start=tuple(decode_service(name, _hook_tree(tree, one)) for one in tree.get("pre_start") or ()),
        post_start=decode_hooks(tree.get("post_start")),
        pre_stop=decode_hooks(tree.get("pre_stop")),
        tree=tree,
        **fields,
    )


def _hook_tree(service: Mapping[str, Any], hook: Mapping[str, Any]) -> Mapping[str, Any]:
    """An init container: what the service says of its container, completed by the hook."""
    inherited = Map((key, value) for key, value in service.items() if key in CONTAINER)
    if "network_mode" in hook:
        inherited.pop("networks", None)
    elif "networks" in hook:
        inherited.pop("network_mode", None)
    merged: Mapping[str, Any] = merge(inherited, hook, ("services", "*"))
    return merged


def _items(tree: Mapping[str, Any]) -> Any:
    return tree.get("devices") or ()


def _dependency(name: str, tree: Mapping[str, Any]) -> Dependency:
    return Dependency(
        service=name,
        condition=Condition(tree["condition"]),
        restart=tree.get("restart", False),
        required=tree.get("required", True),
    )


def _port(tree: Mapping[str, Any]) -> Port:
    known = ("target", "published", "protocol", "host_ip", "mode", "name", "app_protocol")
    return Port(**{key: tree[key] for key in known if key in tree})


def _logging(tree: Mapping[str, Any] | None) -> Logging:
    if not tree:
        return Logging()
    return Logging(driver=tree.get("driver", ""), options=dict(tree.get("options") or {}))


def decode_network(key: str, tree: Mapping[str, Any]) -> Network:
    ipam = tree.get("ipam") or {}
    pools = tuple(
        IpamPool(
            subnet=pool.get("subnet", ""),
            ip_range=pool.get("ip_range", ""),
            gateway=pool.get("gateway", ""),
            aux_addresses=dict(pool.get("aux_addresses") or {}),
        )
        for pool in ipam.get("config") or ()
    )
    return Network(
        key=key,
        name=tree["name"],
        external=tree.get("external", False),
        driver=tree.get("driver", ""),
        driver_opts=dict(tree.get("driver_opts") or {}),
        ipam_driver=ipam.get("driver", ""),
        ipam_pools=pools,
        ipam_options=dict(ipam.get("options") or {}),
        internal=tree.get("internal", False),
        attachable=tree.get("attachable", False),
        enable_ipv4=tree.get("enable_ipv4"),
        enable_ipv6=tree.get("enable_ipv6"),
        labels=dict(tree.get("labels") or {}),
        tree=tree,
    )


def decode_volume(key: str, tree: Mapping[str, Any]) -> Volume:
    return Volume(
        key=key,
        name=tree["name"],
        external=tree.get("external", False),
        driver=tree.get("driver", ""),
        driver_opts=dict(tree.get("driver_opts") or {}),
        labels=dict(tree.get("labels") or {}),
        tree=tree,
    )


def decode_secret(key: str, tree: Mapping[str, Any], env: Mapping[str, str]) -> Secret:
    return Secret(
        key=key,
        name=tree["name"],
        external=tree.get("external", False),
        file=tree.get("file", ""),
        environment=tree.get("environment", ""),
        value=env.get(tree["environment"]) if tree.get("environment") else None,
        driver=tree.get("driver", ""),
        driver_opts=dict(tree.get("driver_opts") or {}),
        template_driver=tree.get("template_driver", ""),
        labels=dict(tree.get("labels") or {}),
        tree=tree,
    )


def decode_config(key: str, tree: Mapping[str, Any], env: Mapping[str, str]) -> Config:
    return Config(
        key=key,
        name=tree["name"],
        external=tree.get("external", False),
        file=tree.get("file", ""),
        content=tree.get("content"),
        environment=tree.get("environment", ""),
        value=env.get(tree["environment"]) if tree.get("environment") else None,
        template_driver=tree.get("template_driver", ""),
        labels=dict(tree.get("labels") or {}),
        tree=tree,
    )
