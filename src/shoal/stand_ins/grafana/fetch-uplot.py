#!/usr/bin/env python3
"""Fetches uPlot from npm's registry and puts its script, as a module, and its style sheet into a folder."""

import hashlib
import io
import os
import sys
import tarfile
import urllib.request
from pathlib import Path

VERSION = "1.6.32"
SHA256 = "4b8a8191e425658e3ea8c8c1314b0fc679c861ee3a1af2b20c7b16ba50b5133d"
REGISTRY = os.environ.get("NPM_CONFIG_REGISTRY", "https://registry.npmjs.org").rstrip("/")


def main(folder: Path) -> None:
    """Download, check, unpack what is needed."""
    url = f"{REGISTRY}/uplot/-/uplot-{VERSION}.tgz"
    with urllib.request.urlopen(url, timeout=120) as response:
        archive = response.read()
    if hashlib.sha256(archive).hexdigest() != SHA256:
        sys.exit(f"{url}: not the file that was expected")
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:

        def read(name: str) -> bytes:
            member = tar.extractfile(f"package/{name}")
            assert member is not None, name
            return member.read()

        (folder / "uplot.js").write_bytes(read("dist/uPlot.iife.min.js") + b"\nexport default uPlot;\n")
        (folder / "uplot.css").write_bytes(read("dist/uPlot.min.css"))
        (folder / "LICENSE").write_bytes(read("LICENSE"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
