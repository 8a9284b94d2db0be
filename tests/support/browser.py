"""A real browser: Debian's chromium, driven by Playwright.

def test_it(page: Page, …):            # fixtures of tests/examples/conftest.py
    page.goto(f"http://127.0.0.1:{port}/")
    keep(page, "guestbook-mongo", "page")   # examples/guestbook-mongo/screenshots/page.png, when asked for
"""

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support import no_netlink
from tests.support.deadlines import patient
from tests.support.examples import EXAMPLES

SIZE = {"width": 1200, "height": 800}
#: SHOAL_SCREENSHOTS=write makes the pictures of the READMEs anew
_WRITE = os.environ.get("SHOAL_SCREENSHOTS") == "write"


@contextmanager
def browser() -> Iterator[Browser]:
    """A chromium without a window and without a sandbox of its own (tests run as root)."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs the package chromium")
    expect.set_options(timeout=patient(15) * 1000)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        started = playwright.chromium.launch(
            executable_path=_undisturbed(chromium, Path(folder)),
            args=["--no-sandbox", "--disable-dev-shm-usage", "--no-proxy-server"],
        )
        try:
            yield started
        finally:
            started.close()


def _undisturbed(chromium: str, folder: Path) -> Path:
    """A program that is chromium, but for taking no notice of links that come and go."""
    program = folder / "chromium"
    words = (sys.executable, no_netlink.__file__, chromium)
    program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    program.chmod(0o755)
    return program


@contextmanager
def new_page(browser: Browser) -> Iterator[Page]:
    """A page with nothing stored. It fails the test that leaves it if a script on it failed."""
    context = browser.new_context(viewport={"width": SIZE["width"], "height": SIZE["height"]}, locale="en-GB")
    context.set_default_timeout(patient(15) * 1000)
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    try:
        yield page
    finally:
        context.close()
    assert not failures, f"scripts failed on the page: {failures}"


def keep(page: Page, example: str, name: str) -> None:
    """A screenshot for the example's README."""
    if _WRITE:
        page.screenshot(path=EXAMPLES / example / "screenshots" / f"{name}.png")
