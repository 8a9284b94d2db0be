"""The task list: React and Redux, built in one stage and served by nginx from the next."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import keep
from tests.support.examples import Example
from tests.support.stand_ins import engine_with_stand_ins

NAME = "react-tasks"


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    with engine_with_stand_ins("node:lts", "nginx:latest") as engine:
        example = Example(engine, NAME, tmp_path_factory.mktemp("example"))
        example.start()
        yield example
        example.down()


def url(example: Example) -> str:
    return f"http://127.0.0.1:{example.port('web', 80)}/"


def add(page: Page, *titles: str) -> None:
    for title in titles:
        page.get_by_label("New task").fill(title)
        page.get_by_role("button", name="Add", exact=True).click()


def listed(page: Page, *titles: str) -> None:
    """Waits until these tasks are shown, in this order."""
    expect(page.locator("li span")).to_have_text(list(titles))


def test_tasks_are_added_finished_deleted_and_kept(tasks: Example, page: Page) -> None:
    page.goto(url(tasks))
    listed(page)
    add(page, "Read the manual", "Write <b>the</b> test", "   ", "Water the plants", "Sleep")
    listed(page, "Read the manual", "Write <b>the</b> test", "Water the plants", "Sleep")
    expect(page.locator("#count")).to_have_text("4 open")

    page.get_by_label("Read the manual", exact=True).check()
    page.get_by_label("Sleep", exact=True).check()
    page.get_by_label("Sleep", exact=True).uncheck()
    page.get_by_label("Delete Water the plants").click()
    listed(page, "Read the manual", "Write <b>the</b> test", "Sleep")
    expect(page.locator("#count")).to_have_text("2 open")
    expect(page.locator("li.done span")).to_have_text(["Read the manual"])
    keep(page, NAME, "tasks")

    page.get_by_role("button", name="open", exact=True).click()
    listed(page, "Write <b>the</b> test", "Sleep")
    page.get_by_role("button", name="done", exact=True).click()
    listed(page, "Read the manual")

    page.reload()
    listed(page, "Read the manual", "Write <b>the</b> test", "Sleep")
    expect(page.get_by_label("Read the manual", exact=True)).to_be_checked()
    page.get_by_role("button", name="clear done").click()
    listed(page, "Write <b>the</b> test", "Sleep")


def test_the_tasks_are_the_browsers_own(tasks: Example, page: Page) -> None:
    page.goto(url(tasks))
    listed(page)
    page.evaluate("localStorage.setItem('tasks', 'not ours')")
    page.reload()
    add(page, "One")
    listed(page, "One")


def test_nothing_of_the_first_stage_is_in_the_image(tasks: Example) -> None:
    def inside(*words: str) -> str:
        return tasks.compose("exec", "-T", "web", *words).stdout

    assert inside("ls", "/usr/share/nginx/html").split() == ["50x.html", "app.js", "index.html", "style.css"]
    assert inside("sh", "-c", "command -v node npm; ls -d /app 2>/dev/null; true") == ""
    layers = tasks.engine.call("GET", "/images/nginx:latest/json")[1]["RootFS"]["Layers"]
    own = tasks.engine.call("GET", "/images/react-tasks:latest/json")[1]["RootFS"]["Layers"]
    assert own[: len(layers)] == layers and len(own) == len(layers) + 1


def test_a_change_of_the_page_installs_nothing_again(tasks: Example) -> None:
    page = tasks.folder / "public" / "index.html"
    page.write_text(page.read_text().replace("<title>Tasks</title>", "<title>Errands</title>"))
    built = tasks.compose("build", timeout_s=300)
    steps = (built.stdout + built.stderr).split("Step ")
    (install,) = [step for step in steps if "RUN npm ci" in step]
    (build,) = [step for step in steps if "RUN npm run build" in step]
    assert "Using cache" in install and "Using cache" not in build
