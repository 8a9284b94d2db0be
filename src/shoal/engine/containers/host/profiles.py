"""The seccomp profile of a container."""

import json
from functools import lru_cache
from importlib import resources
from typing import Any

from shoal.errors import InvalidArgument
from shoal.model.capabilities import granted_capabilities
from shoal.model.container import HostSpec
from shoal.oci.runtime_spec import Permits, security_options
from shoal.oci.runtime_spec.seccomp import evaluate_profile


def seccomp_of(host: HostSpec, permits: Permits) -> dict[str, Any] | None:
    """`linux.seccomp` of the container, None where it has none.

    Raises: InvalidArgument for a profile of the user's that can't be read
    """
    wanted = security_options(host.security_opt).get("seccomp", "")
    if wanted == "unconfined" or (host.privileged and not wanted):
        return None
    granted = granted_capabilities(host.cap_add, host.cap_drop, privileged=host.privileged)
    if wanted in ("", "builtin"):
        return _default(permits.arch, granted)
    try:
        profile = json.loads(wanted)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"Decoding seccomp profile failed: {error}") from None
    return evaluate_profile(profile, permits.arch, granted)


@lru_cache(maxsize=16)
def _default(arch: str, granted: tuple[str, ...]) -> dict[str, Any]:
    text = resources.files("shoal.oci.runtime_spec").joinpath("seccomp.json").read_text()
    return evaluate_profile(json.loads(text), arch, granted)
