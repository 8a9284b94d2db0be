"""What is wrong with a service by its spec alone, in SwarmKit's words; what it refers to others check."""

import re
from collections.abc import Callable, Iterator

from shoal.cluster.reconcile.cron import next_fire
from shoal.cluster.reconcile.depends import CONDITIONS
from shoal.cluster.schedule import constraints
from shoal.cluster.services import is_job
from shoal.cluster.templates import problem as template_problem
from shoal.errors import InvalidArgument
from shoal.model.cluster.service import PortConfig, ServiceSpec, UpdateConfig
from shoal.model.cluster.task import FileReference

MIN_NANO_CPUS, MIN_MEMORY_BYTES = 1_000_000, 4 << 20
MAX_NAME = 63
_NAME = re.compile(r"[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*", re.ASCII)
_ACTIONS = ("pause", "continue", "rollback")
_ORDERS = ("stop-first", "start-first")
_PROTOCOLS = ("tcp", "udp", "sctp")

Check = Callable[[ServiceSpec], Iterator[str]]


def refusal(spec: ServiceSpec) -> str:
    """The first thing that is wrong with it, "" = nothing."""
    return next((wrong for check in CHECKS for wrong in check(spec)), "")


def _name(spec: ServiceSpec) -> Iterator[str]:
    if not spec.name:
        yield "meta: name must be provided"
    elif not _NAME.fullmatch(spec.name):
        yield "name must be valid as a DNS name component"
    elif len(spec.name) > MAX_NAME:
        yield f"name must be {MAX_NAME} characters or fewer"


def _container(spec: ServiceSpec) -> Iterator[str]:
    container = spec.task.container
    if not container.image:
        yield "ContainerSpec: image reference must be provided"
    targets: set[str] = set()
    for mount in container.host.mounts:
        if mount.target in targets:
            yield f"ContainerSpec: duplicate mount point: {mount.target}"
        targets.add(mount.target)
    if wrong := template_problem(container):
        yield f"invalid template: {wrong} names nothing of a service, node or task"


def _resources(spec: ServiceSpec) -> Iterator[str]:
    wanted, limits = spec.task.reservations, spec.task.container.host.resources
    for cpus in (wanted.nano_cpus, limits.nano_cpus):
        if cpus and cpus < MIN_NANO_CPUS:
            yield f"invalid cpu value {cpus / 1e9:g}: Must be at least {MIN_NANO_CPUS / 1e9:g}"
    for memory in (wanted.memory_bytes, limits.memory_bytes):
        if memory and memory < MIN_MEMORY_BYTES:
            yield f"invalid memory value {memory}: Must be at least 4MiB"
    for kind, number in wanted.generic.items():
        if number < 0:
            yield f"invalid generic resource {kind}: must be non-negative"


def _restart(spec: ServiceSpec) -> Iterator[str]:
    policy = spec.task.restart
    if policy.delay_s is not None and policy.delay_s < 0:
        yield "TaskSpec: restart-delay cannot be negative"
    if policy.window_s < 0:
        yield "TaskSpec: restart-window cannot be negative"
    if policy.max_attempts < 0:
        yield "TaskSpec: restart-max-attempts cannot be negative"


def _update(spec: ServiceSpec) -> Iterator[str]:
    for word, config in (("update", spec.update), ("rollback", spec.rollback)):
        yield from _change(word, config)


def _change(word: str, config: UpdateConfig) -> Iterator[str]:
    if config.parallelism < 0:
        yield f"TaskSpec: {word}-parallelism cannot be negative"
    if config.delay_s < 0:
        yield f"TaskSpec: {word}-delay cannot be negative"
    if config.monitor_s < 0:
        yield f"TaskSpec: {word}-monitor cannot be negative"
    if not 0 <= config.max_failure_ratio <= 1:
        yield f"TaskSpec: {word}-maxfailureratio cannot be less than 0 or bigger than 1"
    actions = _ACTIONS[:2] if word == "rollback" else _ACTIONS
    if config.on_failure not in actions:
        yield f"unrecognized {word}-failure-action {config.on_failure!r}: wanted {', '.join(actions)}"
    if config.order not in _ORDERS:
        yield f"unrecognized {word}-order {config.order!r}: wanted {', '.join(_ORDERS)}"


def _placement(spec: ServiceSpec) -> Iterator[str]:
    for constraint in spec.task.placement.constraints:
        try:
            constraints.parse(constraint)
        except InvalidArgument as error:
            yield error.message
    if spec.task.placement.max_replicas < 0:
        yield "max replicas per node must be non-negative"


def _endpoint(spec: ServiceSpec) -> Iterator[str]:
    seen: set[tuple[str, str, int]] = set()
    for port in spec.endpoint.ports:
        yield from _port(port)
        if port.mode == "ingress" and spec.endpoint.mode == "dnsrr":
            yield "EndpointSpec: port published with ingress mode can't be used with dnsrr mode"
        key = (port.mode, port.protocol, port.published)
        if port.published and key in seen:
            yield "EndpointSpec: duplicate published ports provided"
        seen.add(key)
    if spec.endpoint.mode not in ("vip", "dnsrr"):
        yield f"unrecognized endpoint mode {spec.endpoint.mode!r}: wanted vip, dnsrr"


def _port(port: PortConfig) -> Iterator[str]:
    if not 0 < port.target <= 65535:
        yield f"EndpointSpec: invalid target port {port.target}"
    if not 0 <= port.published <= 65535:
        yield f"EndpointSpec: invalid published port {port.published}"
    if port.protocol not in _PROTOCOLS:
        yield f"EndpointSpec: unknown protocol {port.protocol!r}"
    if port.mode not in ("ingress", "host"):
        yield f"EndpointSpec: unknown publish mode {port.mode!r}"


def _files(spec: ServiceSpec) -> Iterator[str]:
    for kind in ("secrets", "configs"):
        seen: dict[str, FileReference] = {}
        for file in spec.task.files:
            if file.kind != kind:
                continue
            target = file.target or file.name
            if (other := seen.get(target)) is not None:
                noun = kind.removesuffix("s")
                yield (f"{noun} references '{other.name}' and '{file.name}' have a conflicting target: '{target}'")
            seen[target] = file


def _mode(spec: ServiceSpec) -> Iterator[str]:
    if spec.replicas < 0:
        yield "Number of replicas must be non-negative"
    if spec.max_concurrent < 0:
        yield "Number of concurrent jobs must be non-negative"
    if spec.schedule is None:
        return
    if not is_job(spec):
        yield "a schedule is for jobs only: the mode must be replicated-job or global-job"
    try:
        next_fire(spec.schedule, 0)
    except InvalidArgument as error:
        yield error.message
    if spec.schedule.concurrency not in ("forbid", "queue", "allow"):
        yield f"unknown concurrency {spec.schedule.concurrency!r}: wanted forbid, queue, allow"
    if spec.schedule.missed_fires not in ("one", "skip"):
        yield f"unknown missed_fires {spec.schedule.missed_fires!r}: wanted one, skip"


def _depends_on(spec: ServiceSpec) -> Iterator[str]:
    for name, condition in spec.depends_on.items():
        if condition not in CONDITIONS:
            yield f"unknown condition {condition!r} of service {name}: wanted {', '.join(CONDITIONS)}"
        if name == spec.name:
            yield f"service {name} depends on itself"


CHECKS: tuple[Check, ...] = (
    _name,
    _mode,
    _container,
    _resources,
    _restart,
    _placement,
    _update,
    _endpoint,
    _files,
    _depends_on,
)
