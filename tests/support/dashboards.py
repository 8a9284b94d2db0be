"""Dashboards in a browser, as Grafana's stand-in draws them."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.support.deadlines import patient
from tests.support.engine import wait_for

_UNITS = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40, "%": 1}
#: of the canvas: pixels of a graph's own colours, neither grey like the grid and the text nor transparent
_COLOURED = """canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let found = 0;
    for (let at = 0; at < data.length; at += 4) {
        const [red, green, blue] = [data[at], data[at + 1], data[at + 2]];
        if (data[at + 3] && Math.max(red, green, blue) - Math.min(red, green, blue) > 40) found += 1;
    }
    return found;
}"""


class Board:
    """A dashboard on a page, once every panel on it has been answered."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        page.goto(url)
        self.panels = page.locator("section.panel[data-panel]")
        expect(self.panels.first).to_be_visible(timeout=patient(30) * 1000)
        waiting = page.locator('section.panel[data-panel][data-state="loading"]')
        expect(waiting).to_have_count(0, timeout=patient(30) * 1000)

    def panel(self, title: str) -> Locator:
        return self.panels.filter(has=self.page.get_by_role("heading", name=title, exact=True))

    def states(self) -> dict[str, str]:
        """{title: "data", "empty" or "error"} of every panel."""
        found = {}
        for panel in self.panels.all():
            title = panel.locator(".panel-title").inner_text()
            found[title] = panel.get_attribute("data-state") or ""
        return found

    def coloured_pixels(self) -> dict[str, int]:
        """{title: pixels that its graph has in colour} of every panel with a canvas."""
        found = {}
        for panel in self.panels.filter(has=self.page.locator("canvas")).all():
            panel.scroll_into_view_if_needed()
            found[panel.locator(".panel-title").inner_text()] = int(panel.locator("canvas").first.evaluate(_COLOURED))
        return found

    def legend(self, title: str) -> dict[str, float]:
        """{name: the first value that the legend shows} of a panel, in bytes where it says MiB and the like."""
        rows = self.panel(title).locator(".legend tbody tr").all()
        cells = [[text.strip() for text in row.locator("td").all_inner_texts()] for row in rows]
        return {name: number_of(value) for name, value, *_ in cells}

    def cells(self, title: str) -> list[list[str]]:
        """The rows of a table panel."""
        rows = self.panel(title).locator(".panel-body tbody tr").all()
        return [[text.strip() for text in row.locator("td").all_inner_texts()] for row in rows]

    def is_drawn(self) -> bool:
        """Whether every panel has data, and every graph lines that one can see."""
        return set(self.states().values()) == {"data"} and min(self.coloured_pixels().values(), default=51) > 50

    def stat(self, title: str) -> str:
        """The value of a panel that shows one."""
        return self.panel(title).locator(".stat-value").first.inner_text().strip()


def drawn_board(page: Page, url: str) -> Board:
    """The dashboard once everything on it is drawn: programs that have just been started have little to show."""
    last: list[Board] = []

    def look() -> bool:
        last[:] = [Board(page, url)]
        return last[0].is_drawn()

    try:
        wait_for("everything is drawn", look, 60)
    except AssertionError as error:
        raise AssertionError(f"{error}: {last[0].states()}, {last[0].coloured_pixels()}") from None
    return last[0]


def number_of(text: str) -> float:
    """A number with its unit: "48.1 MiB" -> 50437587.6"""
    found = re.fullmatch(r"(-?[\d.]+)\s*(\S*)", text)
    assert found and found[2] in _UNITS, text
    return float(found[1]) * _UNITS[found[2]]
