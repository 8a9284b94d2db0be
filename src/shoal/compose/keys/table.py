"""Every key of the Compose file format, its type, and what Shoal does with it.

A key without a note is honoured. `warning` keys are read and have no effect; `error` keys are refused; `cluster` keys
speak to a cluster and have no effect on one engine. In a stack there is no third way: a key works, or the file is
refused (`Key.stack_error`). The loader checks files against this table, and
`docs/compose-support.md` is generated from it. A test holds it equal to the key set of the published schema.
"""

import re

from shoal.compose.keys.container import CONTAINER, NO_GPUS, NO_MODELS, WINDOWS_ONLY
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
    BOOL,
    DEVICE_REQUESTS,
    FILE_REFS,
    HOOK,
    HOSTS,
    INTEGER,
    NOTHING,
    NUMBER,
    OPTIONS,
    PAIRS,
    PRE_START,
    SIZE,
    STRICT_BOOL,
    TEXT,
    TEXT_OR_NUMBER,
    TEXT_OR_TEXTS,
    TEXTS,
    ULIMITS,
    UNIQUE_TEXTS,
)

BUILD = Record(
    {
        "context": Key(TEXT),
        "dockerfile": Key(TEXT),
        "dockerfile_inline": Key(TEXT),
        "entitlements": Key(TEXTS, warning="the builder has no entitlements to grant"),
        "args": Key(PAIRS),
        "ssh": Key(PAIRS, error="the builder cannot forward an SSH agent; copy the key in as a build secret"),
        "labels": Key(PAIRS),
        "cache_from": Key(TEXTS),
        "cache_to": Key(TEXTS, warning="the builder exports no cache; its own cache is used"),
        "no_cache": Key(BOOL),
        "no_cache_filter": Key(TEXT_OR_TEXTS, warning="stages cannot be chosen; use no_cache"),
        "additional_contexts": Key(
            PAIRS, note="folders, `docker-image://IMAGE` and `service:NAME`; others are refused"
        ),
        "network": Key(TEXT),
        "provenance": Key(BOOL, warning="images carry no attestations"),
        "sbom": Key(BOOL, warning="images carry no attestations"),
        "pull": Key(BOOL),
        "target": Key(TEXT),
        "shm_size": Key(SIZE),
        "extra_hosts": Key(HOSTS),
        "isolation": Key(TEXT, warning=WINDOWS_ONLY),
        "privileged": Key(BOOL, warning="RUN steps are not privileged"),
        "secrets": Key(FILE_REFS),
        "tags": Key(TEXTS),
        "ulimits": Key(ULIMITS),
        "platforms": Key(TEXTS, note="one platform; several are refused"),
    }
)

HEALTHCHECK = Record(
    {
        "disable": Key(BOOL),
        "interval": Key(TEXT),
        "retries": Key(NUMBER),
        "test": Key(AnyOf((TEXT, TEXTS))),
        "timeout": Key(TEXT),
        "start_period": Key(TEXT),
        "start_interval": Key(TEXT),
    }
)

DEPENDS_ON = AnyOf(
    (
        UNIQUE_TEXTS,
        MapOf(
            Record(
                {
                    "restart": Key(
                        BOOL, stack_note="a deploy that changes the dependency replaces this service's tasks too"
                    ),
                    "required": Key(BOOL, stack_note="false: a dependency that is not in the stack is not waited for"),
                    "condition": Key(
                        Choice(("service_started", "service_healthy", "service_completed_successfully")),
                        required=True,
                    ),
                }
            ),
            NAME,
        ),
    )
)

_HOST_IP = "that address of each node"

PORTS = ListOf(
    AnyOf(
        (
            Scalar("a number", (int, float)),
            TEXT,
            Record(
                {
                    "name": Key(TEXT, note="accepted; a name for people"),
                    "mode": Key(TEXT, note="ingress and host are the same on one engine"),
                    "host_ip": Key(TEXT, stack_note=_HOST_IP),
                    "target": Key(INTEGER),
                    "published": Key(INTEGER, stack_note="one port; a range to choose from is an error"),
                    "protocol": Key(TEXT),
                    "app_protocol": Key(TEXT, note="accepted; a word for people"),
                }
            ),
        )
    ),
    unique=True,
)

#: What services and jobs have besides.
WORKLOAD: dict[str, Key] = {
    "build": Key(AnyOf((TEXT, BUILD))),
    "depends_on": Key(DEPENDS_ON),
    "healthcheck": Key(HEALTHCHECK),
    "ports": Key(PORTS),
    "expose": Key(ListOf(TEXT_OR_NUMBER, unique=True)),
    "stdin_open": Key(BOOL),
    "tty": Key(BOOL),
}

_UPDATE = Record(
    {
        "parallelism": Key(INTEGER),
        "delay": Key(TEXT),
        "failure_action": Key(TEXT),
        "monitor": Key(TEXT),
        "max_failure_ratio": Key(NUMBER),
        "order": Key(Choice(("start-first", "stop-first"))),
    }
)

DEPLOY = Record(
    {
        "mode": Key(
            TEXT,
            note="other modes than replicated have no effect on one engine",
            stack_note="replicated, global, replicated-job, global-job",
        ),
        "endpoint_mode": Key(TEXT, cluster=True),
        "replicas": Key(INTEGER),
        "labels": Key(PAIRS, cluster=True),
        "rollback_config": Key(_UPDATE, cluster=True),
        "update_config": Key(_UPDATE, cluster=True),
        "resources": Key(
            Record(
                {
                    "limits": Key(Record({"cpus": Key(NUMBER), "memory": Key(TEXT), "pids": Key(INTEGER)})),
                    "reservations": Key(
                        Record(
                            {
                                "cpus": Key(NUMBER, cluster=True),
                                "memory": Key(TEXT),
                                "generic_resources": Key(
                                    ListOf(
                                        Record(
                                            {
                                                "discrete_resource_spec": Key(
                                                    Record({"kind": Key(TEXT), "value": Key(NUMBER)})
                                                )
                                            }
                                        )
                                    ),
                                    cluster=True,
                                ),
                                "devices": Key(DEVICE_REQUESTS, no_stack=NO_GPUS),
                            }
                        )
                    ),
                }
            )
        ),
        "restart_policy": Key(
            Record(
                {
                    "condition": Key(TEXT, note="goes before `restart`"),
                    "delay": Key(TEXT, cluster=True),
                    "max_attempts": Key(INTEGER),
                    "window": Key(TEXT, cluster=True),
                }
            )
        ),
        "placement": Key(
            Record(
                {
                    "constraints": Key(TEXTS),
                    "preferences": Key(ListOf(Record({"spread": Key(TEXT)}))),
                    "max_replicas_per_node": Key(INTEGER),
                }
            ),
            cluster=True,
        ),
    }
)

DEVELOP = Record(
    {
        "watch": Key(
            ListOf(
                Record(
                    {
                        "ignore": Key(TEXT_OR_TEXTS),
                        "include": Key(TEXT_OR_TEXTS),
                        "path": Key(TEXT, required=True),
                        "action": Key(
                            Choice(("rebuild", "sync", "restart", "sync+restart", "sync+exec")), required=True
                        ),
                        "target": Key(TEXT),
                        "exec": Key(HOOK),
                        "initial_sync": Key(STRICT_BOOL),
                    }
                )
            )
        )
    }
)

EXTENDS = AnyOf((TEXT, Record({"service": Key(TEXT, required=True), "file": Key(TEXT)}, extensible=False)))

_SETTING = Scalar("a plain value", (str, int, float, bool))
PROVIDER = Record(
    {
        "type": Key(TEXT, required=True),
        "options": Key(MapOf(AnyOf((_SETTING, ListOf(_SETTING))))),
    }
)

_NO_HOOKS = "nodes run no hooks for tasks; a job, or the container's own entrypoint, can"

SERVICE: dict[str, Key] = {
    **CONTAINER,
    **WORKLOAD,
    "deploy": Key(AnyOf((NOTHING, DEPLOY))),
    "develop": Key(
        AnyOf((NOTHING, DEVELOP)),
        warning="there is no `watch` command yet",
        cluster=True,
        stack_note="for `compose watch`; no part of what is deployed",
    ),
    "profiles": Key(UNIQUE_TEXTS),
    "restart": Key(TEXT, stack_note="becomes the restart policy of tasks; deploy.restart_policy goes before it"),
    "scale": Key(INTEGER),
    "attach": Key(BOOL, stack_note="for `compose up`; no part of what is deployed"),
    "container_name": Key(
        Pattern(re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+"), "a name of letters, digits, `_`, `.` and `-`"),
        stack_note="one more name of the service on its networks; the container of a task is named after the task",
    ),
    "provider": Key(PROVIDER, error="Shoal runs no provider plug-ins"),
    "extends": Key(EXTENDS),
    "links": Key(UNIQUE_TEXTS, stack_note="names of the other service on the networks that both are on"),
    "external_links": Key(
        UNIQUE_TEXTS, no_stack="it names containers of one host; put both services on an external network"
    ),
    "pre_start": Key(ListOf(PRE_START), no_stack=_NO_HOOKS),
    "post_start": Key(ListOf(HOOK), no_stack=_NO_HOOKS),
    "pre_stop": Key(ListOf(HOOK), no_stack=_NO_HOOKS),
}

PRE_START_KEYS: dict[str, Key] = {**CONTAINER, "per_replica": Key(BOOL)}
PRE_START.type = Record(PRE_START_KEYS)

SCHEDULE = Record(
    {
        "cron": Key(TEXT, required=True),
        "timezone": Key(TEXT),
        "concurrency": Key(Choice(("forbid", "queue"))),
        "missed_fires": Key(Choice(("one", "skip"))),
    }
)

JOB: dict[str, Key] = {
    **CONTAINER,
    **WORKLOAD,
    "profiles": Key(UNIQUE_TEXTS),
    "extends": Key(EXTENDS),
    "triggers": Key(Record({"manual": Key(BOOL), "schedule": Key(ListOf(AnyOf((TEXT, SCHEDULE))))}), required=True),
}

_EXTERNAL = AnyOf((BOOL, Record({"name": Key(TEXT)})))

NETWORK = Record(
    {
        "name": Key(TEXT),
        "driver": Key(TEXT, stack_note="overlay, which is the default; others are of one host, and errors"),
        "driver_opts": Key(OPTIONS),
        "ipam": Key(
            Record(
                {
                    "driver": Key(TEXT),
                    "config": Key(
                        ListOf(
                            Record(
                                {
                                    "subnet": Key(TEXT),
                                    "ip_range": Key(TEXT),
                                    "gateway": Key(TEXT),
                                    "aux_addresses": Key(MapOf(TEXT)),
                                }
                            )
                        )
                    ),
                    "options": Key(MapOf(TEXT)),
                }
            )
        ),
        "external": Key(_EXTERNAL),
        "internal": Key(BOOL),
        "enable_ipv4": Key(BOOL),
        "enable_ipv6": Key(BOOL),
        "attachable": Key(BOOL),
        "labels": Key(PAIRS),
    }
)

VOLUME = Record(
    {
        "name": Key(TEXT),
        "driver": Key(TEXT),
        "driver_opts": Key(OPTIONS),
        "external": Key(_EXTERNAL),
        "labels": Key(PAIRS),
    }
)

_IN_CLUSTER = "secrets and configs of one engine are files; templates belong to a cluster"
_NO_DRIVERS = "there are no drivers for secrets; give the value by file, environment or external"
_EXTERNAL_FILE = AnyOf((BOOL, Record({"name": Key(TEXT)})))

SECRET = Record(
    {
        "name": Key(TEXT),
        "environment": Key(TEXT),
        "file": Key(TEXT),
        "external": Key(_EXTERNAL_FILE, note="refused where a service uses it: external secrets live in a cluster"),
        "labels": Key(PAIRS, cluster=True),
        "driver": Key(TEXT, warning=_NO_DRIVERS),
        "driver_opts": Key(OPTIONS, warning=_NO_DRIVERS),
        "template_driver": Key(TEXT, warning=_IN_CLUSTER, cluster=True, stack_note="golang"),
    }
)

CONFIG = Record(
    {
        "name": Key(TEXT),
        "content": Key(TEXT),
        "environment": Key(TEXT),
        "file": Key(TEXT),
        "external": Key(_EXTERNAL_FILE, note="refused where a service uses it: external configs live in a cluster"),
        "labels": Key(PAIRS, cluster=True),
        "template_driver": Key(TEXT, warning=_IN_CLUSTER, cluster=True, stack_note="golang"),
    }
)

MODEL = Record(
    {
        "name": Key(TEXT),
        "model": Key(TEXT, required=True),
        "context_size": Key(Scalar("an integer", (int,))),
        "runtime_flags": Key(TEXTS),
    }
)

INCLUDE = ListOf(
    AnyOf(
        (
            TEXT,
            Record(
                {"path": Key(TEXT_OR_TEXTS), "env_file": Key(TEXT_OR_TEXTS), "project_directory": Key(TEXT)},
                extensible=False,
            ),
        )
    )
)


def _named(kind: Record) -> AnyOf:
    """A section of named things that may be empty."""
    return AnyOf((NOTHING, MapOf(AnyOf((NOTHING, kind)), NAME)))


ROOT = Record(
    {
        "version": Key(Scalar("a string", (str, int, float)), note="accepted, without meaning"),
        "name": Key(TEXT),
        "include": Key(AnyOf((NOTHING, INCLUDE))),
        "services": Key(AnyOf((NOTHING, MapOf(Record(SERVICE), NAME)))),
        "models": Key(AnyOf((NOTHING, MapOf(MODEL, NAME))), warning=NO_MODELS),
        "networks": Key(_named(NETWORK)),
        "volumes": Key(_named(VOLUME)),
        "secrets": Key(AnyOf((NOTHING, MapOf(SECRET, NAME)))),
        "configs": Key(AnyOf((NOTHING, MapOf(CONFIG, NAME)))),
        "jobs": Key(
            AnyOf((NOTHING, MapOf(Record(JOB), NAME))),
            warning="jobs are checked and not started: one engine has no scheduler",
            cluster=True,
        ),
    }
)
