"""How long tests wait for what must happen: longer on a machine that says it is slow."""

import os

#: a virtual machine without hardware support sets it; 1 = a machine as people have
SLOWNESS = float(os.environ.get("SHOAL_TEST_SLOWNESS", "1"))


def patient(seconds: float) -> float:
    """The deadline for this machine."""
    return seconds * SLOWNESS
