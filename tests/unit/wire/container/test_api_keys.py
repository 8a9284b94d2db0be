"""Answers have every key of the Docker Engine API v1.51; `api_keys.json` lists them by definition."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from shoal.model.container import ContainerStatus
from shoal.model.endpoint import Endpoint
from shoal.model.health import Health, Probe
from shoal.model.mount import MountPoint, MountType
from shoal.wire.container.create import decode_container
from shoal.wire.container.inspect import Surroundings, encode_inspect
from shoal.wire.container.listing import encode_summary, encode_wait
from shoal.wire.container.mounts import write_mount
from tests.support.containers import container_of

GOLDEN = Path(__file__).parents[3] / "golden" / "containers"
KEYS = json.loads((GOLDEN / "api_keys.json").read_text())
#: said only where there is something to say, or never on Linux
ABSENT = {
    "ContainerInspectResponse": {"ImageManifestDescriptor"},
    "ContainerSummary": {"ImageManifestDescriptor"},
    "HostConfig": {"KernelMemoryTCP"},
    "ContainerConfig": {"NetworkDisabled"},
    "Mount": {"ImageOptions", "Consistency"},
    "MountPoint": set(),
}

SPEC = decode_container(json.loads((GOLDEN / "everything.json").read_text()))
VOLUME = MountPoint(type=MountType.VOLUME, name="v", destination="/d", driver="local")
EVERYTHING = replace(
    container_of(spec=SPEC, mounts=(VOLUME,), status=ContainerStatus.RUNNING),
    endpoints={"back": Endpoint(network_id="n", network_name="back")},
    health=Health(log=(Probe(start_at=1, end_at=2, exit_code=0, output=""),)),
)
INSPECT = encode_inspect(EVERYTHING, Surroundings(sizes=(1, 2)))
ANSWERS = {
    "ContainerInspectResponse": INSPECT,
    "ContainerState": INSPECT["State"],
    "Health": INSPECT["State"]["Health"],
    "HealthcheckResult": INSPECT["State"]["Health"]["Log"][0],
    "HostConfig": INSPECT["HostConfig"],
    "RestartPolicy": INSPECT["HostConfig"]["RestartPolicy"],
    "ContainerConfig": INSPECT["Config"],
    "HealthConfig": INSPECT["Config"]["Healthcheck"],
    "NetworkSettings": INSPECT["NetworkSettings"],
    "EndpointSettings": INSPECT["NetworkSettings"]["Networks"]["back"],
    "MountPoint": INSPECT["Mounts"][0],
    "Mount": {key: 1 for mount in SPEC.host.mounts for key in write_mount(mount)},
    "ContainerSummary": encode_summary(EVERYTHING, now=0, image_name="x", sizes=(1, 2)),
    "ContainerWaitResponse": encode_wait(1, "why"),
}


@pytest.mark.parametrize("definition", KEYS)
def test_every_key_is_there(definition: str) -> None:
    assert set(KEYS[definition]) - set(ANSWERS[definition]) == ABSENT.get(definition, set())


@pytest.mark.parametrize("definition", KEYS)
def test_no_key_is_made_up(definition: str) -> None:
    assert set(ANSWERS[definition]) <= set(KEYS[definition])
