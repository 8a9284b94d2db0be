"""Canonical form: every short spelling becomes the long one, every number and flag gets its type.

Driven by one table with the shape of the file. A `Shape` says how its own value is rewritten, and then what its keys,
or each of its entries, are made of.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from shoal.compose.loading import forms
from shoal.compose.loading.forms import Form
from shoal.compose.loading.mounts import to_mount
from shoal.compose.loading.ports import to_exposed, to_ports
from shoal.compose.loading.tree import BadValue, Map, Override, Path, Reset, Seq


class Shape(NamedTuple):
    """How a value is rewritten: itself first, then its known keys or each entry."""

    own: Form | None = None
    keys: Mapping[str, "Shape"] = {}
    each: "Shape | None" = None


def canonical(value: Any, shape: Shape, path: Path = (), *, lenient: bool = False) -> Any:
    """`value` in canonical form.

    lenient: leave alone what can't be read (a file whose variables are not replaced)
    Raises: BadValue
    """
    if isinstance(value, Reset):
        return value
    if isinstance(value, Override):
        return Override(canonical(value.value, shape, path, lenient=lenient))
    if shape.own is not None:
        try:
            value = shape.own(value, path)
        except BadValue:
            if not lenient:
                raise
            return value
    if isinstance(value, Map):
        return _canonical_map(value, shape, path, lenient)
    if isinstance(value, Seq) and shape.each is not None:
        each = shape.each
        return value.like([canonical(item, each, (*path, i), lenient=lenient) for i, item in enumerate(value)])
    return value


def _canonical_map(value: Map, shape: Shape, path: Path, lenient: bool) -> Map:
    if shape.each is not None:
        each = shape.each
        return value.like({k: canonical(v, each, (*path, k), lenient=lenient) for k, v in value.items()})
    if not shape.keys:
        return value
    result = value.like(value)
    for key, inner in shape.keys.items():
        if key in result:
            result[key] = canonical(result[key], inner, (*path, key), lenient=lenient)
    return result


_BOOL, _INT, _FLOAT = Shape(forms.to_bool), Shape(forms.to_int), Shape(forms.to_float)
_SIZE, _DURATION, _PERIOD = Shape(forms.to_size), Shape(forms.to_duration), Shape(forms.to_period_us)
_TEXT, _TEXTS, _COMMAND = Shape(forms.to_text), Shape(forms.to_texts), Shape(forms.to_command)
#: `KEY` alone takes its value from the environment.
_VARIABLES = Shape(forms.pairs_map(None))
_LABELS = Shape(forms.pairs_map(""))
_TEXT_MAP = Shape(each=_TEXT)
_HOSTS = Shape(forms.to_hosts)
_ULIMITS = Shape(each=Shape(forms.to_ulimit))
_RATES = Shape(each=Shape(keys={"rate": _SIZE}))
_FILE_REFS = Shape(each=Shape(forms.to_file_ref, {"mode": Shape(forms.to_mode)}))
_HOOK = Shape(keys={"command": _COMMAND, "environment": _VARIABLES, "privileged": _BOOL})
_DEVICE_REQUESTS = Shape(forms.to_gpus, each=Shape(keys={"count": Shape(forms.to_device_count), "options": _LABELS}))
_ATTACHMENT = Shape(
    keys={
        "priority": _INT,
        "gw_priority": _INT,
        "driver_opts": _TEXT_MAP,
        "use_service_name_alias": _BOOL,
    }
)

CONTAINER: dict[str, Shape] = {
    "annotations": _LABELS,
    "blkio_config": Shape(
        keys={
            "weight": _INT,
            "weight_device": Shape(each=Shape(keys={"weight": _INT})),
            "device_read_bps": _RATES,
            "device_read_iops": _RATES,
            "device_write_bps": _RATES,
            "device_write_iops": _RATES,
        }
    ),
    "command": _COMMAND,
    "configs": _FILE_REFS,
    "cpu_count": _INT,
    "cpu_percent": _FLOAT,
    "cpu_shares": _INT,
    "cpu_quota": _INT,
    "cpu_period": _PERIOD,
    "cpu_rt_period": _PERIOD,
    "cpu_rt_runtime": _PERIOD,
    "cpus": _FLOAT,
    "devices": Shape(each=Shape(forms.to_device)),
    "dns": _TEXTS,
    "dns_search": _TEXTS,
    "entrypoint": _COMMAND,
    "env_file": Shape(forms.to_list, each=Shape(forms.to_env_file, {"required": _BOOL})),
    "label_file": _TEXTS,
    "environment": _VARIABLES,
    "extra_hosts": _HOSTS,
    "gpus": _DEVICE_REQUESTS,
    "group_add": _TEXTS,
    "init": _BOOL,
    "labels": _LABELS,
    "logging": Shape(keys={"options": _TEXT_MAP}),
    "mem_limit": _SIZE,
    "mem_reservation": _SIZE,
    "mem_swappiness": Shape(forms.to_int_text),
    "memswap_limit": Shape(forms.to_swap_size),
    "models": Shape(forms.names_map(lambda: None)),
    "networks": Shape(forms.names_map(lambda: None), each=_ATTACHMENT),
    "oom_kill_disable": _BOOL,
    "oom_score_adj": _INT,
    "pids_limit": _INT,
    "privileged": _BOOL,
    "read_only": _BOOL,
    "shm_size": _SIZE,
    "secrets": _FILE_REFS,
    "stop_grace_period": _DURATION,
    "storage_opt": _TEXT_MAP,
    "sysctls": _LABELS,
    "tmpfs": _TEXTS,
    "ulimits": _ULIMITS,
    "volumes": Shape(each=Shape(to_mount, {"volume": Shape(keys={"labels": _LABELS})})),
}

WORKLOAD: dict[str, Shape] = {
    "build": Shape(
        forms.to_build,
        {
            "args": _VARIABLES,
            "ssh": _LABELS,
            "labels": _LABELS,
            "no_cache": _BOOL,
            "no_cache_filter": _TEXTS,
            "additional_contexts": _LABELS,
            "pull": _BOOL,
            "shm_size": _SIZE,
            "extra_hosts": _HOSTS,
            "privileged": _BOOL,
            "secrets": _FILE_REFS,
            "ulimits": _ULIMITS,
        },
    ),
    "depends_on": Shape(
        forms.names_map(forms.started), each=Shape(forms.to_dependency, {"restart": _BOOL, "required": _BOOL})
    ),
    "expose": Shape(to_exposed),
    "healthcheck": Shape(
        keys={
            "test": Shape(forms.to_test),
            "disable": _BOOL,
            "interval": _DURATION,
            "timeout": _DURATION,
            "start_period": _DURATION,
            "start_interval": _DURATION,
            "retries": _INT,
        }
    ),
    "ports": Shape(to_ports),
    "stdin_open": _BOOL,
    "tty": _BOOL,
}

_UPDATE = Shape(keys={"parallelism": _INT, "delay": _DURATION, "monitor": _DURATION, "max_failure_ratio": _FLOAT})

SERVICE: dict[str, Shape] = {
    **CONTAINER,
    **WORKLOAD,
    "attach": _BOOL,
    "deploy": Shape(
        keys={
            "replicas": _INT,
            "labels": _LABELS,
            "update_config": _UPDATE,
            "rollback_config": _UPDATE,
            "resources": Shape(
                keys={
                    "limits": Shape(keys={"cpus": _FLOAT, "memory": _SIZE, "pids": _INT}),
                    "reservations": Shape(
                        keys={
                            "cpus": _FLOAT,
                            "memory": _SIZE,
                            "devices": _DEVICE_REQUESTS,
                            "generic_resources": Shape(
                                each=Shape(keys={"discrete_resource_spec": Shape(keys={"value": _FLOAT})})
                            ),
                        }
                    ),
                }
            ),
            "restart_policy": Shape(keys={"delay": _DURATION, "window": _DURATION, "max_attempts": _INT}),
            "placement": Shape(keys={"max_replicas_per_node": _INT}),
        }
    ),
    "develop": Shape(keys={"watch": Shape(each=Shape(keys={"ignore": _TEXTS, "include": _TEXTS, "exec": _HOOK}))}),
    "extends": Shape(forms.to_extends),
    "post_start": Shape(each=_HOOK),
    "pre_stop": Shape(each=_HOOK),
    "pre_start": Shape(each=Shape(keys={**CONTAINER, "per_replica": _BOOL})),
    "scale": _INT,
}

_NETWORK = Shape(
    forms.external_section,
    {
        "driver_opts": _TEXT_MAP,
        "external": Shape(forms.to_external),
        "internal": _BOOL,
        "enable_ipv4": _BOOL,
        "enable_ipv6": _BOOL,
        "attachable": _BOOL,
        "labels": _LABELS,
    },
)
_STORED = Shape(
    forms.external_section,
    {"driver_opts": _TEXT_MAP, "external": Shape(forms.to_external), "labels": _LABELS},
)
_JOB = Shape(
    keys={**CONTAINER, **WORKLOAD, "triggers": Shape(keys={"manual": _BOOL}), "extends": Shape(forms.to_extends)}
)


def _section(value: Any, path: Path) -> Any:
    return Map() if value is None else value


FILE = Shape(
    keys={
        "version": _TEXT,
        "services": Shape(_section, each=Shape(keys=SERVICE)),
        "jobs": Shape(_section, each=_JOB),
        "networks": Shape(_section, each=_NETWORK),
        "volumes": Shape(_section, each=_STORED),
        "secrets": Shape(_section, each=_STORED),
        "configs": Shape(_section, each=_STORED),
        "models": Shape(_section),
    }
)
