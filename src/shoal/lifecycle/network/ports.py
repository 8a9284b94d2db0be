"""Which host ports are bound."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shoal.errors import DriverError
from shoal.model.endpoint import BoundPort, PortBinding

FIRST_RANDOM, LAST_RANDOM = 32768, 60999
ANY4, ANY6 = "0.0.0.0", "::"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One binding to be made: the same port on every address of `host_ips`.

    candidates: host ports to try, in order
    is_fixed: one port was asked for; else any of the candidates will do
    """

    container_port: int
    protocol: str
    host_ips: tuple[str, ...]
    candidates: Sequence[int]
    is_fixed: bool


def plan_ports(
    bindings: Sequence[PortBinding], exposed: Sequence[str], default_ip: str, ipv6: bool, start: int
) -> list[Wish]:
    """What is to be bound for a container, in order.

    exposed: "80/tcp" to be published on random ports, but for those that `bindings` name
    default_ip: where a binding without an address goes; "" = every address
    ipv6: whether the host speaks IPv6
    start: where in the range of random ports to begin, 0 to 28231
    """
    named = {f"{b.container_port}/{b.protocol}" for b in bindings}
    wanted = [*bindings]
    for text in exposed:
        number, _, protocol = text.partition("/")
        if f"{number}/{protocol or 'tcp'}" not in named:
            wanted.append(PortBinding(container_port=int(number), protocol=protocol or "tcp"))
    return [_wish(b, default_ip, ipv6, start + 7 * i) for i, b in enumerate(wanted)]


def _wish(binding: PortBinding, default_ip: str, ipv6: bool, start: int) -> Wish:
    ip = binding.host_ip or default_ip
    ips = (ip,) if ip else ((ANY4, ANY6) if ipv6 else (ANY4,))
    first, _, last = binding.host_port.partition("-")
    if not int(first or 0):
        count = LAST_RANDOM - FIRST_RANDOM + 1
        start %= count
        candidates: Sequence[int] = [FIRST_RANDOM + (start + i) % count for i in range(count)]
    else:
        candidates = range(int(first), int(last or first) + 1)
    return Wish(
        container_port=binding.container_port,
        protocol=binding.protocol,
        host_ips=ips,
        candidates=candidates,
        is_fixed=len(candidates) == 1,
    )


class PortTable:
    """Host ports that our containers hold: {(protocol, port): addresses}."""

    def __init__(self, bound: Iterable[BoundPort] = ()) -> None:
        self._held: dict[tuple[str, int], list[str]] = {}
        for port in bound:
            self.hold(port)

    def hold(self, port: BoundPort) -> None:
        self._held.setdefault((port.protocol, port.host_port), []).append(port.host_ip)

    def release(self, port: BoundPort) -> None:
        ips = self._held.get((port.protocol, port.host_port), [])
        if port.host_ip in ips:
            ips.remove(port.host_ip)
        if not ips:
            self._held.pop((port.protocol, port.host_port), None)

    def is_free(self, protocol: str, port: int, host_ips: Iterable[str]) -> bool:
        """True when no container of ours holds `port` on one of these addresses."""
        held = self._held.get((protocol, port), ())
        return not any(_collide(mine, theirs) for mine in host_ips for theirs in held)

    def free_candidates(self, wish: Wish) -> Sequence[int]:
        """The candidates of `wish` that none of our containers holds."""
        if wish.is_fixed and not self.is_free(wish.protocol, wish.candidates[0], wish.host_ips):
            return ()
        if not self._held:
            return wish.candidates
        return [port for port in wish.candidates if self.is_free(wish.protocol, port, wish.host_ips)]


def _collide(a: str, b: str) -> bool:
    if (":" in a) != (":" in b):
        return False
    return a == b or a in (ANY4, ANY6) or b in (ANY4, ANY6)


def port_error(endpoint: str, reason: str) -> DriverError:
    """What Docker says when a port can't be published. endpoint: "NAME (ENDPOINT ID)"."""
    return DriverError(f"driver failed programming external connectivity on endpoint {endpoint}: {reason}")


def already_allocated(wish: Wish) -> str:
    """The reason when another container of ours holds the port."""
    if not wish.is_fixed:
        return "all ports are allocated"
    ip = wish.host_ips[0]
    return f"Bind for {_host(ip)}:{wish.candidates[0]} failed: port is already allocated"


def in_use(wish: Wish, ip: str, target_ip: str, detail: str) -> str:
    """The reason when somebody else on this host holds the port. detail: the system's words, lower case."""
    port = str(wish.candidates[0]) if wish.is_fixed else f"{wish.candidates[0]}-{wish.candidates[-1]}"
    target = f"{_host(target_ip)}:{wish.container_port}/{wish.protocol}"
    return f"failed to bind host port for {_host(ip)}:{port}:{target}: {detail}"


def _host(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip


def bound_ports(wish: Wish, port: int) -> tuple[BoundPort, ...]:
    """What `wish` became with this host port."""
    return tuple(
        BoundPort(container_port=wish.container_port, protocol=wish.protocol, host_ip=ip, host_port=port)
        for ip in wish.host_ips
    )
