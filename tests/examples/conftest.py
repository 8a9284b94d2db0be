"""Fixtures of the examples' tests."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.support import browser as browsers


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for a module."""
    with browsers.browser() as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh one for each test."""
    with browsers.new_page(browser) as page:
        yield page
