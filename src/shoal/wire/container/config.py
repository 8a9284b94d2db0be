"""The portable part of a container (`Config`). Source: Docker Engine API v1.51, ContainerConfig."""

from shoal.model.health import Healthcheck
from shoal.wire.fields import (
    OMIT,
    flag,
    keys,
    maybe,
    nested,
    number,
    read_int,
    strings,
    text,
    text_map,
    words,
)

HEALTHCHECK = (
    words("Test", "test"),
    number("Interval", "interval_ns", empty=OMIT),
    number("Timeout", "timeout_ns", empty=OMIT),
    number("StartPeriod", "start_period_ns", empty=OMIT),
    number("StartInterval", "start_interval_ns", empty=OMIT),
    number("Retries", "retries", empty=OMIT),
)

CONFIG = (
    text("Hostname", "hostname"),
    text("Domainname", "domainname"),
    text("User", "user"),
    flag("AttachStdin", "attach_stdin"),
    flag("AttachStdout", "attach_stdout"),
    flag("AttachStderr", "attach_stderr"),
    keys("ExposedPorts", "exposed_ports", empty=OMIT),
    flag("Tty", "tty"),
    flag("OpenStdin", "open_stdin"),
    flag("StdinOnce", "stdin_once"),
    strings("Env", "env", empty=[]),
    words("Cmd", "cmd"),
    nested("Healthcheck", "healthcheck", HEALTHCHECK, Healthcheck, empty=OMIT),
    flag("ArgsEscaped", "args_escaped", empty=OMIT),
    text("Image", "image"),
    keys("Volumes", "volumes"),
    text("WorkingDir", "workdir"),
    words("Entrypoint", "entrypoint"),
    flag("NetworkDisabled", "network_disabled", empty=OMIT),
    text("MacAddress", "mac_address", empty=OMIT),
    strings("OnBuild", "on_build"),
    text_map("Labels", "labels", empty={}),
    text("StopSignal", "stop_signal", empty=OMIT),
    maybe("StopTimeout", "stop_timeout_s", read_int, empty=OMIT),
    strings("Shell", "shell", empty=OMIT),
)
