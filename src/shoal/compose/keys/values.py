"""Types of values that many keys of the Compose file format share."""

import re

from shoal.compose.keys.types import (
    AnyOf,
    Choice,
    Key,
    Later,
    ListOf,
    MapOf,
    Record,
    Scalar,
)

NO_ADDRESS = "the cluster gives tasks their addresses; others find them by the service's name"

TEXT = Scalar("a string", (str,))
BOOL = Scalar("a boolean", (bool, str))
STRICT_BOOL = Scalar("a boolean", (bool,))
INTEGER = Scalar("an integer", (int, str))
NUMBER = Scalar("a number", (int, float, str))
SIZE = Scalar("a size such as 512m", (int, float, str))
PLAIN = Scalar("a plain value", (str, int, float, bool, type(None)))
NOTHING = Scalar("nothing", (type(None),))
TEXT_OR_NUMBER = Scalar("a string or number", (str, int, float))
TEXT_OR_NOTHING = Scalar("a string", (str, type(None)))

TEXTS = ListOf(TEXT)
UNIQUE_TEXTS = ListOf(TEXT, unique=True)
TEXT_OR_TEXTS = AnyOf((TEXT, UNIQUE_TEXTS))
#: `[KEY=value]` or `{KEY: value}`
PAIRS = AnyOf((MapOf(PLAIN), UNIQUE_TEXTS))
OPTIONS = MapOf(TEXT_OR_NUMBER)
COMMAND = AnyOf((NOTHING, TEXT, TEXTS))
HOSTS = AnyOf((MapOf(AnyOf((TEXT, TEXTS))), UNIQUE_TEXTS))
DEVICE_RATES = ListOf(Record({"path": Key(TEXT), "rate": Key(SIZE)}, extensible=False))

ULIMITS = MapOf(
    AnyOf((INTEGER, Record({"soft": Key(INTEGER, required=True), "hard": Key(INTEGER, required=True)}))),
    re.compile(r"[a-z]+"),
)
FILE_REFS = ListOf(
    AnyOf(
        (
            TEXT,
            Record(
                {
                    "source": Key(TEXT, required=True),
                    "target": Key(TEXT),
                    "uid": Key(TEXT),
                    "gid": Key(TEXT),
                    "mode": Key(NUMBER),
                }
            ),
        )
    )
)

MOUNT = Record(
    {
        "type": Key(
            Choice(("bind", "volume", "tmpfs", "cluster", "npipe", "image")),
            required=True,
            stack_note="cluster and npipe are errors",
        ),
        "source": Key(TEXT, stack_note="of a bind: a path that is on every node that may run a task"),
        "target": Key(TEXT),
        "read_only": Key(BOOL),
        "consistency": Key(TEXT, note="accepted; has a meaning on macOS only"),
        "bind": Key(
            Record(
                {
                    "propagation": Key(TEXT),
                    "create_host_path": Key(
                        BOOL, stack_note="true is an error: no node gets an empty folder in place of the files meant"
                    ),
                    "recursive": Key(Choice(("enabled", "disabled", "writable", "readonly"))),
                    "selinux": Key(Choice(("z", "Z")), note="handed to the engine, which ignores it without SELinux"),
                }
            )
        ),
        "volume": Key(Record({"labels": Key(PAIRS), "nocopy": Key(BOOL), "subpath": Key(TEXT)})),
        "tmpfs": Key(Record({"size": Key(SIZE), "mode": Key(NUMBER)})),
        "image": Key(Record({"subpath": Key(TEXT)})),
    }
)

_GPU = {
    "capabilities": Key(UNIQUE_TEXTS),
    "count": Key(INTEGER),
    "device_ids": Key(UNIQUE_TEXTS),
    "driver": Key(TEXT),
    "options": Key(PAIRS),
}
DEVICE_REQUESTS = ListOf(Record({**_GPU, "capabilities": Key(UNIQUE_TEXTS, required=True)}))
GPUS = AnyOf((Choice(("all",)), ListOf(Record(_GPU))))

ATTACHMENT = Record(
    {
        "aliases": Key(UNIQUE_TEXTS),
        "interface_name": Key(TEXT),
        "ipv4_address": Key(TEXT, no_stack=NO_ADDRESS),
        "ipv6_address": Key(TEXT, no_stack=NO_ADDRESS),
        "link_local_ips": Key(UNIQUE_TEXTS, no_stack=NO_ADDRESS),
        "mac_address": Key(TEXT, no_stack=NO_ADDRESS),
        "driver_opts": Key(OPTIONS),
        "priority": Key(NUMBER),
        "gw_priority": Key(NUMBER, no_stack="every overlay network leads out by the task's own node"),
        "use_service_name_alias": Key(BOOL),
    }
)

_HOOK = {
    "command": Key(COMMAND, required=True),
    "user": Key(TEXT),
    "privileged": Key(BOOL),
    "working_dir": Key(TEXT),
    "environment": Key(PAIRS),
}
HOOK = Record(_HOOK)
PRE_START = Later()

BLKIO = Record(
    {
        "device_read_bps": Key(DEVICE_RATES),
        "device_read_iops": Key(DEVICE_RATES),
        "device_write_bps": Key(DEVICE_RATES),
        "device_write_iops": Key(DEVICE_RATES),
        "weight": Key(INTEGER),
        "weight_device": Key(ListOf(Record({"path": Key(TEXT), "weight": Key(INTEGER)}, extensible=False))),
    },
    extensible=False,
)
