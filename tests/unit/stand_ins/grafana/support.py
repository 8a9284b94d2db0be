"""Panelist, the stand-in for Grafana, as a package: it lies in its recipe's folder, which is no package of Shoal's."""

import sys
from pathlib import Path

import shoal.stand_ins

FOLDER = Path(shoal.stand_ins.__file__).parent / "grafana"
if str(FOLDER) not in sys.path:
    sys.path.insert(0, str(FOLDER))


def no_file(path: str) -> str:
    """Reads no file."""
    raise AssertionError(f"{path} is not to be read")
