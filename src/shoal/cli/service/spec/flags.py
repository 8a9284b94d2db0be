"""The flags of `service create` and `service update`."""

from __future__ import annotations

from shoal.cli.flags import Flag, number, several, switch
from shoal.cli.service.spec.host import HOST_FLAGS


def _duration(name: str, help: str) -> Flag:
    return Flag(name, "", help + " (ns|us|ms|s|m|h)", kind="duration")


def _uint(name: str, help: str) -> Flag:
    return Flag(name, "", help, kind="uint")


def _update_flags(prefix: str, noun: str, default: str) -> tuple[Flag, ...]:
    actions = '"pause", "continue", "rollback"' if prefix == "update" else '"pause", "continue"'
    done = "updated" if prefix == "update" else "rolled back"
    return (
        _duration(
            f"{prefix}-delay", f"Delay between task {noun}s" if prefix == "rollback" else "Delay between updates"
        ),
        Flag(f"{prefix}-failure-action", "", f"Action on {noun} failure ({actions}){default and ' (default pause)'}"),
        Flag(
            f"{prefix}-max-failure-ratio",
            "",
            f"Failure rate to tolerate during {'an' if prefix == 'update' else 'a'} {noun}",
            kind="float",
            metavar="float",
        ),
        _duration(f"{prefix}-monitor", f"Duration after each task {noun} to monitor for failure"),
        Flag(
            f"{prefix}-order",
            "",
            f'{noun.capitalize()} order ("start-first", "stop-first"){default and " (default stop-first)"}',
        ),
        _uint(
            f"{prefix}-parallelism",
            f"Maximum number of tasks {done} simultaneously (0 for all at once){default and ' (default 1)'}",
        ),
    )


def _common(default: str) -> tuple[Flag, ...]:
    """Of both commands. default: "" where what is not given stays as it is"""
    return (
        several("cap-add", "", "Add Linux capabilities"),
        several("cap-drop", "", "Drop Linux capabilities"),
        Flag("credential-spec", "", "Credential spec (Windows only: refused)", metavar="credential-spec"),
        switch("detach", "d", "Exit immediately instead of waiting for the service to converge"),
        Flag("endpoint-mode", "", f"Endpoint mode (vip or dnsrr){default and ' (default vip)'}"),
        Flag("entrypoint", "", "Overwrite the default ENTRYPOINT of the image", metavar="command"),
        Flag("health-cmd", "", "Command to run to check health"),
        _duration("health-interval", "Time between running the check"),
        number("health-retries", "", "Consecutive failures needed to report unhealthy"),
        _duration("health-start-interval", "Time between running the check during the start period"),
        _duration("health-start-period", "Start period to initialize before counting retries towards unstable"),
        _duration("health-timeout", "Maximum time to allow one check to run"),
        Flag("hostname", "", "Container hostname"),
        switch("init", "", "Use an init inside each service container to forward signals and reap processes"),
        Flag("isolation", "", "Service container isolation mode"),
        Flag("limit-cpu", "", "Limit CPUs", metavar="decimal"),
        Flag("limit-memory", "", "Limit Memory", kind="bytes"),
        number("limit-pids", "", "Limit maximum number of processes (default 0 = unlimited)"),
        Flag("log-driver", "", "Logging driver for service"),
        several("log-opt", "", "Logging driver options"),
        _uint("max-concurrent", "Number of job tasks to run concurrently (default equal to --replicas)"),
        switch("no-healthcheck", "", "Disable any container-specified HEALTHCHECK"),
        switch("no-resolve-image", "", "Do not fix the image's tag to the digest that it has now"),
        number("oom-score-adj", "", "Tune host's OOM preferences (-1000 to 1000)"),
        switch("quiet", "q", "Suppress progress output"),
        switch("read-only", "", "Mount the container's root filesystem as read only"),
        _uint("replicas", "Number of tasks"),
        _uint("replicas-max-per-node", "Maximum number of tasks per node (default 0 = unlimited)"),
        Flag("reserve-cpu", "", "Reserve CPUs", metavar="decimal"),
        Flag("reserve-memory", "", "Reserve Memory", kind="bytes"),
        Flag(
            "restart-condition",
            "",
            f'Restart when condition is met ("none", "on-failure", "any"){default and " (default any)"}',
        ),
        _duration("restart-delay", "Delay between restart attempts; without it, 100ms that double with each failure"),
        _uint("restart-max-attempts", "Maximum number of restarts before giving up"),
        _duration("restart-window", "Window used to evaluate the restart policy"),
        *_update_flags("rollback", "rollback", default),
        *_update_flags("update", "update", default),
        _duration("stop-grace-period", f"Time to wait before force killing a container{default and ' (default 10s)'}"),
        Flag("stop-signal", "", "Signal to stop the container"),
        switch("tty", "t", "Allocate a pseudo-TTY"),
        Flag("user", "u", "Username or UID (format: <name|uid>[:<group|gid>])"),
        _duration("verify", "Wait until all tasks have run for so long, each without an end"),
        switch("with-registry-auth", "", "Send registry authentication details to swarm agents"),
        Flag("workdir", "w", "Working directory inside the container"),
        *HOST_FLAGS,
    )


CREATE_FLAGS = (
    *_common("default"),
    several("config", "", "Specify configurations to expose to the service", metavar="config"),
    several("constraint", "", "Placement constraints"),
    several("container-label", "", "Container labels"),
    several("dns", "", "Set custom DNS servers"),
    several("dns-option", "", "Set DNS options"),
    several("dns-search", "", "Set custom DNS search domains"),
    several("env", "e", "Set environment variables"),
    several("env-file", "", "Read in a file of environment variables"),
    several("generic-resource", "", "User defined resources"),
    several("group", "", "Set one or more supplementary user groups for the container"),
    several("host", "", "Set one or more custom host-to-IP mappings (host:ip)"),
    several("label", "l", "Service labels"),
    Flag("mode", "", 'Service mode ("replicated", "global", "replicated-job", "global-job")', default="replicated"),
    several("mount", "", "Attach a filesystem mount to the service", metavar="mount"),
    Flag("name", "", "Service name"),
    several("network", "", "Network attachments", metavar="network"),
    several("placement-pref", "", "Add a placement preference", metavar="pref"),
    several("publish", "p", "Publish a port as a node port", metavar="port"),
    Flag("schedule", "", 'Run the job at these times, a cron expression ("*/5 * * * *")'),
    Flag("timezone", "", 'Time zone of --schedule ("Europe/Berlin"; default UTC)'),
    Flag("concurrency", "", 'When a run is due while one is under way ("forbid", "queue", "allow")'),
    Flag("missed-fires", "", 'Runs that were missed while no manager was there ("skip", "one")'),
    several("secret", "", "Specify secrets to expose to the service", metavar="secret"),
    several("sysctl", "", "Sysctl options"),
    several("ulimit", "", "Ulimit options", metavar="ulimit"),
)

#: (flag, what it is about, word of its value)
_EDITABLE = (
    ("config", "a config file on a service", "config"),
    ("constraint", "a placement constraint", "list"),
    ("container-label", "a container label", "list"),
    ("dns", "a custom DNS server", "list"),
    ("dns-option", "a DNS option", "list"),
    ("dns-search", "a custom DNS search domain", "list"),
    ("env", "an environment variable", "list"),
    ("generic-resource", "a Generic resource", "list"),
    ("group", "an additional supplementary user group", "list"),
    ("host", 'a custom host-to-IP mapping ("host:ip")', "list"),
    ("label", "a service label", "list"),
    ("mount", "a mount on a service", "mount"),
    ("network", "a network", "network"),
    ("placement-pref", "a placement preference", "pref"),
    ("publish", "a published port", "port"),
    ("secret", "a secret on a service", "secret"),
    ("sysctl", "a Sysctl option", "list"),
    ("ulimit", "a ulimit option", "ulimit"),
)
_REMOVED_BY = {"mount": " by its target path", "publish": " by its target port", "label": " by its key"}


def _edit_flags() -> tuple[Flag, ...]:
    return tuple(
        flag
        for name, about, metavar in _EDITABLE
        for flag in (
            several(f"{name}-add", "", f"Add or update {about}", metavar=metavar),
            several(f"{name}-rm", "", f"Remove {about}{_REMOVED_BY.get(name, '')}"),
        )
    )


UPDATE_FLAGS = (
    *_common(""),
    *_edit_flags(),
    Flag("args", "", "Service command args", metavar="command"),
    switch("force", "", "Force update even if no changes require it"),
    Flag("image", "", "Service image tag"),
    switch("rollback", "", "Rollback to previous specification"),
)
