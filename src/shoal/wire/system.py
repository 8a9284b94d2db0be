"""Docker's JSON of info and version. Source: Docker Engine API v1.51, SystemInfo, SystemVersion."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shoal.model.settings import Settings
from shoal.model.system import HostFacts

_GO_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
_INDEX = "https://index.docker.io/v1/"
#: The Docker release whose API this is: programs look here for what they may ask, cAdvisor refuses versions below 1.
_DOCKER_RELEASE = "28.3.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many objects there are."""

    running: int
    paused: int
    stopped: int
    images: int
    listeners: int


def go_architecture(machine: str) -> str:
    """The name that images use: "x86_64" -> "amd64"."""
    return _GO_ARCHITECTURES.get(machine, machine)


def encode_version(host: HostFacts, version: str, api: str, min_api: str) -> dict[str, Any]:
    """GET /version"""
    arch = go_architecture(host.architecture)
    details = {
        "ApiVersion": api,
        "Arch": arch,
        "KernelVersion": host.kernel,
        "MinAPIVersion": min_api,
        "Os": "linux",
        "Experimental": "false",
    }
    components = [{"Name": "Engine", "Version": version, "Details": details}]
    components += [{"Name": n, "Version": v, "Details": {"GitCommit": ""}} for n, v in host.programs.items()]
    return {
        "Platform": {"Name": "Shoal"},
        "Components": components,
        "Version": version,
        "ApiVersion": api,
        "MinAPIVersion": min_api,
        "GitCommit": "",
        "GoVersion": "",
        "Os": "linux",
        "Arch": arch,
        "KernelVersion": host.kernel,
        "BuildTime": "",
    }


def encode_info(
    settings: Settings, host: HostFacts, counts: Counts, *, engine_id: str, version: str, now: str
) -> dict[str, Any]:
    """GET /info but its `Swarm`. now: RFC 3339 with nanoseconds."""
    return {
        "ID": engine_id,
        "Containers": counts.running + counts.paused + counts.stopped,
        "ContainersRunning": counts.running,
        "ContainersPaused": counts.paused,
        "ContainersStopped": counts.stopped,
        "Images": counts.images,
        "NEventsListener": counts.listeners,
        "SystemTime": now,
        "ServerVersion": _server_version(version),
        **_drivers(settings),
        **_machine(host),
        **_abilities(host),
        "Debug": settings.log_level == "debug",
        "NFd": 0,
        "NGoroutines": 0,
        "RegistryConfig": _registry_config(settings),
        "IndexServerAddress": _INDEX,
        "GenericResources": None,
        "HttpProxy": "",
        "HttpsProxy": "",
        "NoProxy": "",
        "Labels": [f"{key}={value}" for key, value in settings.labels.items()],
        "ExperimentalBuild": False,
        "LiveRestoreEnabled": not settings.stop_containers_on_exit,
        "DefaultAddressPools": [_address_pool(pool) for pool in settings.address_pools],
        "Warnings": list(host.warnings) or None,
    }


def _server_version(version: str) -> str:
    """No second x.y.z may be in it: cAdvisor would not know which one counts."""
    return f"{_DOCKER_RELEASE}+shoal.{'.'.join(version.split('.')[:2])}"


def _drivers(settings: Settings) -> dict[str, Any]:
    return {
        "Driver": "overlay2",
        "DriverStatus": [["Backing Filesystem", "overlayfs"], ["Supports d_type", "true"]],
        "DockerRootDir": str(settings.root),
        "Plugins": {
            "Volume": ["local"],
            "Network": ["bridge", "host", "macvlan", "null", "overlay"],
            "Authorization": None,
            "Log": ["json-file", "local", "none"],
        },
        "LoggingDriver": "json-file",
        "CgroupDriver": "cgroupfs",
        "CDISpecDirs": [],
    }


def _machine(host: HostFacts) -> dict[str, Any]:
    return {
        "Name": host.hostname,
        "KernelVersion": host.kernel,
        "OperatingSystem": host.operating_system,
        "OSVersion": host.os_version,
        "OSType": "linux",
        "Architecture": host.architecture,
        "NCPU": host.cpus,
        "MemTotal": host.memory_bytes,
    }


def _abilities(host: HostFacts) -> dict[str, Any]:
    limits = ("MemoryLimit", "SwapLimit", "CpuCfsPeriod", "CpuCfsQuota", "CPUShares", "CPUSet", "PidsLimit")
    return {
        **dict.fromkeys(limits, True),
        "OomKillDisable": host.cgroup_version == 1,
        "IPv4Forwarding": True,
        "CgroupVersion": str(host.cgroup_version),
        "Runtimes": {"crun": {"path": "crun"}},
        "DefaultRuntime": "crun",
        "Isolation": "",
        "InitBinary": "",
        "ContainerdCommit": {"ID": "", "Expected": ""},
        "RuncCommit": {"ID": host.programs.get("crun", ""), "Expected": ""},
        "InitCommit": {"ID": "", "Expected": ""},
        "SecurityOptions": ["name=seccomp,profile=builtin", "name=cgroupns"],
    }


def _address_pool(pool: str) -> dict[str, Any]:
    """ "BASE/LEN[:SIZE]"; networks made from it are /SIZE, /16 where it does not say."""
    base, _, size = pool.partition(":")
    return {"Base": base, "Size": int(size or 16)}


def _registry_config(settings: Settings) -> Mapping[str, Any]:
    official = {"Name": "docker.io", "Mirrors": list(settings.registry_mirrors), "Secure": True, "Official": True}
    others = {
        name: {"Name": name, "Mirrors": [], "Secure": False, "Official": False} for name in settings.insecure_registries
    }
    return {
        "IndexConfigs": {"docker.io": official, **others},
        "InsecureRegistryCIDRs": ["::1/128", "127.0.0.0/8"],
        "Mirrors": list(settings.registry_mirrors) or None,
    }
