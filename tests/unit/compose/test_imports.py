"""Loading and planning stay light: every Compose command pays for what they import."""

import subprocess
import sys

HEAVY = {
    "asyncio",
    "aiohttp",
    "msgspec",
    "pyroute2",
    "jsonschema",
    "rich",
    "http",
    "socket",
    "ssl",
    "difflib",
    "ipaddress",
}


def test_nothing_heavy_is_imported():
    code = "import sys, shoal.compose.plan, shoal.compose.loading.loader; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.split()) == set()
