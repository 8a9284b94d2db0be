"""What users do meanwhile: services come, change and go; nodes are drained."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random

from shoal.errors import Fenced, InternalError, ShoalError
from shoal.model.cluster.node import Availability
from shoal.model.cluster.service import EndpointSpec, PortConfig, Service, ServiceMode, ServiceSpec, UpdateConfig
from shoal.model.cluster.task import Attachment, FileReference, Placement, RestartCondition, RestartPolicy, TaskSpec
from shoal.model.container import ContainerSpec
from shoal.model.network import NetworkSpec
from shoal.simulation.by_hand import ByHand
from shoal.simulation.machine import CRASHES, JOB, MISSING, UNHEALTHY
from shoal.simulation.world import World
from shoal.swarm.manager import Manager

_GOOD = "web"
_MAX_SERVICES = 8


class Workload:
    """Random calls to random managers. What is refused (no quorum, sequence) is tried no more."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance: Random = world.chance("workload")
        self._names = 0
        self._networks_made = 0
        self._by_hand = ByHand(world, self._chance)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / 3))
            await self._one()

    async def _one(self) -> None:
        managers = self._world.managers
        if not managers:
            return
        manager = managers[self._chance.choice(sorted(managers))]
        calls: list[Callable[[Manager], Awaitable[str]]] = [self._create, self._create, self._change, self._change]
        calls += [self._scale, self._remove, self._node, self._rollback, self._attach, self._attach]
        call = self._chance.choice(calls)
        try:
            async with asyncio.timeout(10):
                told = await call(manager)
        except (InternalError, Fenced):
            raise
        except (ShoalError, TimeoutError) as error:
            told = f"{call.__name__.strip('_')}: refused: {error}"
        if told:
            self._world.story.tell(f"user: {told}")

    def _pick(self, manager: Manager) -> Service | None:
        services = manager.ledger.view.services
        return services[self._chance.choice(sorted(services))] if services else None

    async def _create(self, manager: Manager) -> str:
        if len(manager.ledger.view.services) >= _MAX_SERVICES:
            return ""
        self._names += 1
        spec = await self._spec(manager, f"s{self._names}")
        await manager.services.create(spec)
        return f"creates {spec.name}: {spec.mode} {spec.replicas} of {spec.task.container.image}"

    async def _spec(self, manager: Manager, name: str) -> ServiceSpec:
        chance = self._chance
        mode = chance.choices(list(ServiceMode), [7, 2, 1, 1])[0]
        is_job = mode in (ServiceMode.REPLICATED_JOB, ServiceMode.GLOBAL_JOB)
        image = JOB if is_job else chance.choices([_GOOD, CRASHES, MISSING, UNHEALTHY], [12, 1, 1, 1])[0]
        ports: tuple[PortConfig, ...] = ()
        if not is_job and chance.random() < 0.4:
            ports = (PortConfig(target=80, published=0 if chance.random() < 0.5 else chance.randrange(8000, 8010)),)
        task = TaskSpec(
            container=ContainerSpec(image=f"{image}:1", stop_timeout_s=chance.randrange(3)),
            files=await self._files(manager, name),
            networks=await self._networks(manager),
            placement=self._placement(),
            restart=RestartPolicy(condition=RestartCondition.ON_FAILURE if is_job else RestartCondition.ANY),
        )
        return ServiceSpec(
            name=name,
            task=task,
            mode=mode,
            replicas=chance.randrange(1, 6),
            max_concurrent=chance.randrange(3) if is_job else 0,
            update=self._update(),
            endpoint=EndpointSpec(ports=ports, mode="vip"),
        )

    def _update(self) -> UpdateConfig:
        chance = self._chance
        return UpdateConfig(
            parallelism=chance.randrange(3),
            delay_s=chance.choice([0.0, 0.0, 1.0]),
            on_failure=chance.choice(["pause", "continue", "rollback"]),
            monitor_s=chance.choice([0.5, 2.0]),
            max_failure_ratio=chance.choice([0.0, 0.3]),
            order=chance.choice(["stop-first", "start-first"]),
        )

    def _placement(self) -> Placement:
        chance = self._chance
        constraints = chance.choice([(), (), (), ("node.role==worker",), ("node.id!=m1",)])
        return Placement(constraints=constraints, max_replicas=chance.choice([0, 0, 0, 2]))

    async def _files(self, manager: Manager, name: str) -> tuple[FileReference, ...]:
        if self._chance.random() < 0.7:
            return ()
        secret_id = await manager.secrets.create(f"secret-{name}", b"value", {})
        return (FileReference(kind="secrets", id=secret_id, name=f"secret-{name}"),)

    async def _networks(self, manager: Manager) -> tuple[Attachment, ...]:
        if self._chance.random() < 0.5:
            return ()
        return (Attachment(target=await self._network(manager)),)

    async def _network(self, manager: Manager) -> str:
        known = sorted(n.id for n in manager.ledger.view.networks.values() if not n.spec.ingress)
        if len(known) >= 3:
            return self._chance.choice(known)
        self._networks_made += 1
        spec = NetworkSpec(name=f"net-{self._networks_made}", driver="overlay", attachable=True)
        return await manager.networks.create(spec)

    async def _attach(self, manager: Manager) -> str:
        return await self._by_hand.change(await self._network(manager))

    async def _edit(self, manager: Manager, change: Callable[[ServiceSpec], ServiceSpec], what: str) -> str:
        if (service := self._pick(manager)) is None:
            return ""
        version = manager.ledger.view.revisions[f"services/{service.id}"]
        await manager.services.update(service.id, version, change(service.spec))
        return f"{what} {service.spec.name}"

    async def _change(self, manager: Manager) -> str:
        chance = self._chance
        tag = chance.randrange(1000)
        broken = chance.random() < 0.15

        def change(spec: ServiceSpec) -> ServiceSpec:
            name = CRASHES if broken else spec.task.container.image.partition(":")[0]
            container = replace(spec.task.container, image=f"{name}:{tag}")
            return replace(spec, task=replace(spec.task, container=container))

        return await self._edit(manager, change, f"updates to tag {tag}{' (it crashes)' if broken else ''}")

    async def _scale(self, manager: Manager) -> str:
        replicas = self._chance.randrange(0, 8)
        return await self._edit(manager, lambda spec: replace(spec, replicas=replicas), f"scales to {replicas}")

    async def _rollback(self, manager: Manager) -> str:
        if (service := self._pick(manager)) is None:
            return ""
        version = manager.ledger.view.revisions[f"services/{service.id}"]
        await manager.services.update(service.id, version, service.spec, rollback=True)
        return f"rolls back {service.spec.name}"

    async def _remove(self, manager: Manager) -> str:
        if (service := self._pick(manager)) is None or self._chance.random() < 0.5:
            return ""
        await manager.services.remove(service.id)
        return f"removes {service.spec.name}"

    async def _node(self, manager: Manager) -> str:
        nodes = manager.ledger.view.nodes
        node = nodes[self._chance.choice(sorted(nodes))]
        wanted = self._chance.choice([Availability.ACTIVE, Availability.ACTIVE, Availability.DRAIN, Availability.PAUSE])
        version = manager.ledger.view.revisions[f"nodes/{node.id}"]
        await manager.nodes.update(node.id, version, replace(node.spec, availability=wanted))
        return f"sets {node.id} to {wanted}"
