"""Keys that describe a container: of services, jobs and pre_start hooks alike."""

import re

from shoal.compose.keys.types import (
    NAME,
    AnyOf,
    Choice,
    Key,
    ListOf,
    MapOf,
    Pattern,
    Record,
    Scalar,
)
from shoal.compose.keys.values import (
    ATTACHMENT,
    BLKIO,
    BOOL,
    COMMAND,
    FILE_REFS,
    GPUS,
    HOSTS,
    INTEGER,
    MOUNT,
    NO_ADDRESS,
    NOTHING,
    NUMBER,
    PAIRS,
    PLAIN,
    SIZE,
    STRICT_BOOL,
    TEXT,
    TEXT_OR_NOTHING,
    TEXT_OR_NUMBER,
    TEXT_OR_TEXTS,
    TEXTS,
    ULIMITS,
    UNIQUE_TEXTS,
)

WINDOWS_ONLY = "has an effect on Windows only"
NO_GPUS = "no node gives GPUs to tasks"
OTHER_TASKS = "tasks of another service may run on other nodes"
NO_MODELS = "Shoal has no model runner; run the model as a service of its own"

_NAMESPACES = "service:… and container:… are errors"

CREDENTIAL_SPEC = Record({"config": Key(TEXT), "file": Key(TEXT), "registry": Key(TEXT)})

#: What every container may say: services, jobs and pre_start hooks.
CONTAINER: dict[str, Key] = {
    "annotations": Key(PAIRS),
    "blkio_config": Key(BLKIO),
    "cap_add": Key(UNIQUE_TEXTS),
    "cap_drop": Key(UNIQUE_TEXTS),
    "cgroup": Key(Choice(("host", "private"))),
    "cgroup_parent": Key(TEXT),
    "command": Key(COMMAND),
    "configs": Key(FILE_REFS),
    "cpu_count": Key(INTEGER, warning=WINDOWS_ONLY + "; use cpus"),
    "cpu_percent": Key(INTEGER, warning=WINDOWS_ONLY + "; use cpus"),
    "cpu_shares": Key(NUMBER),
    "cpu_quota": Key(NUMBER),
    "cpu_period": Key(NUMBER, note="microseconds, or a duration"),
    "cpu_rt_period": Key(NUMBER, note="microseconds, or a duration"),
    "cpu_rt_runtime": Key(NUMBER, note="microseconds, or a duration"),
    "cpus": Key(NUMBER),
    "cpuset": Key(TEXT),
    "credential_spec": Key(
        Record({"config": Key(TEXT), "file": Key(TEXT), "registry": Key(TEXT)}), warning=WINDOWS_ONLY
    ),
    "device_cgroup_rules": Key(UNIQUE_TEXTS),
    "devices": Key(
        ListOf(
            AnyOf(
                (
                    TEXT,
                    Record({"source": Key(TEXT, required=True), "target": Key(TEXT), "permissions": Key(TEXT)}),
                )
            )
        )
    ),
    "dns": Key(TEXT_OR_TEXTS),
    "dns_opt": Key(UNIQUE_TEXTS),
    "dns_search": Key(TEXT_OR_TEXTS),
    "domainname": Key(TEXT),
    "entrypoint": Key(COMMAND),
    "env_file": Key(
        AnyOf(
            (
                TEXT,
                ListOf(
                    AnyOf(
                        (
                            TEXT,
                            Record(
                                {"path": Key(TEXT, required=True), "format": Key(TEXT), "required": Key(BOOL)},
                                extensible=False,
                            ),
                        )
                    )
                ),
            )
        )
    ),
    "label_file": Key(AnyOf((TEXT, TEXTS))),
    "environment": Key(PAIRS),
    "extra_hosts": Key(HOSTS),
    "gpus": Key(GPUS, note="handed to the engine as a device request", no_stack=NO_GPUS),
    "group_add": Key(ListOf(TEXT_OR_NUMBER, unique=True)),
    "hostname": Key(TEXT),
    "image": Key(TEXT),
    "init": Key(BOOL),
    "ipc": Key(TEXT, stack_note=_NAMESPACES),
    "isolation": Key(TEXT, warning=WINDOWS_ONLY),
    "labels": Key(PAIRS),
    "logging": Key(Record({"driver": Key(TEXT), "options": Key(MapOf(PLAIN))})),
    "mac_address": Key(TEXT, no_stack=NO_ADDRESS),
    "mem_limit": Key(SIZE),
    "mem_reservation": Key(SIZE),
    "mem_swappiness": Key(INTEGER),
    "memswap_limit": Key(SIZE),
    "network_mode": Key(
        TEXT, stack_note="host, none and bridge, of each task's node; service:… and container:… are errors"
    ),
    "models": Key(
        AnyOf(
            (
                UNIQUE_TEXTS,
                MapOf(AnyOf((NOTHING, Record({"endpoint_var": Key(TEXT), "model_var": Key(TEXT)}))), NAME),
            )
        ),
        error=NO_MODELS,
    ),
    "networks": Key(AnyOf((UNIQUE_TEXTS, MapOf(AnyOf((NOTHING, ATTACHMENT)), NAME)))),
    "oom_kill_disable": Key(BOOL),
    "oom_score_adj": Key(INTEGER),
    "pid": Key(TEXT_OR_NOTHING, stack_note=_NAMESPACES),
    "pids_limit": Key(NUMBER),
    "platform": Key(TEXT),
    "privileged": Key(BOOL),
    "pull_policy": Key(
        Pattern(
            re.compile(r"always|never|build|if_not_present|missing|refresh|daily|weekly|every_([0-9]+[wdhms])+|\s*"),
            "one of always, never, build, missing, if_not_present, refresh, daily, weekly, every_<duration>",
        ),
        note="refresh, daily, weekly and every_… ask the registry at each up",
        stack_note="asked once, at the deploy; nodes run exactly the image that it found",
    ),
    "pull_refresh_after": Key(TEXT, note="the registry is asked at each up"),
    "read_only": Key(BOOL),
    "runtime": Key(TEXT),
    "security_opt": Key(UNIQUE_TEXTS),
    "shm_size": Key(SIZE),
    "secrets": Key(FILE_REFS),
    "sysctls": Key(PAIRS),
    "stop_grace_period": Key(TEXT),
    "stop_signal": Key(TEXT),
    "storage_opt": Key(MapOf(PLAIN)),
    "tmpfs": Key(TEXT_OR_TEXTS),
    "ulimits": Key(ULIMITS),
    "umask": Key(Scalar("an octal number", (int, str, type(None))), warning="the Docker API has no field for it"),
    "use_api_socket": Key(
        STRICT_BOOL,
        note="the engine's socket, at /var/run/docker.sock in the container",
        stack_note="the socket of the task's node, where it has the same path as this engine's",
    ),
    "user": Key(TEXT),
    "uts": Key(TEXT, stack_note=_NAMESPACES),
    "userns_mode": Key(TEXT),
    "volumes": Key(ListOf(AnyOf((TEXT, MOUNT)))),
    "volumes_from": Key(UNIQUE_TEXTS, no_stack=f"{OTHER_TASKS}; name the volume in both services"),
    "working_dir": Key(TEXT),
}
