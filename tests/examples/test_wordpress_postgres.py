"""WordPress on PostgreSQL: used as its visitors and its author do, and its drop-in statement by statement."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import keep, new_page
from tests.support.engine import EngineProcess
from tests.support.examples import Example
from tests.support.stand_ins import engine_with_stand_ins

FOLDER = Path(__file__).parent / "wordpress"
NAME = "wordpress-postgres"
IMAGES = ("postgres:15", "wordpress:6.1-php8.2-apache", "busybox:latest")
PASSWORD = "correct horse 'battery' \\staple"
POST = "Sardines swim in a shoal"
COMMENT = 'It\'s 100% true: "small" fish \\ do that.'
#: WordPress asks nobody else for news and translations: these would be other pages than the ones expected
ALONE = """
services:
  wordpress:
    environment:
      WORDPRESS_CONFIG_EXTRA: define('WP_HTTP_BLOCK_EXTERNAL', true);
"""
#: as WordPress sets it
SHOWN = "It\u2019s 100% true: \u201csmall\u201d fish \\ do that."
#: beside the engines of other tests the usual addresses run out
_ADDRESSES = ("--address-pool", "10.64.0.0/12:24")


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    with engine_with_stand_ins(*IMAGES, flags=_ADDRESSES) as engine:
        yield engine


@pytest.fixture(scope="module")
def blog(engine: EngineProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """Up, by the one command; not set up yet."""
    base = tmp_path_factory.mktemp("example")
    (base / NAME).mkdir()
    (base / NAME / "here.yml").write_text(ALONE)
    example = Example(engine, NAME, base, files=("docker-compose.yml", "here.yml"))
    example.up()
    yield example
    example.down()


def url(blog: Example, path: str = "/") -> str:
    return f"http://127.0.0.1:{blog.port('wordpress', 80)}{path}"


@contextmanager
def new_visitor(browser: Browser) -> Iterator[Page]:
    """A page of somebody who is not logged in, as `alone`."""
    with new_page(browser) as page:
        alone(page)
        yield page


def alone(page: Page) -> None:
    """No pictures of people from elsewhere."""
    page.context.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), lambda route: route.abort())


def set_up(page: Page, blog: Example) -> None:
    """The wizard that a new WordPress shows; one that another try has set up is made anew."""
    page.goto(url(blog))
    if "install.php" not in page.url:
        blog.compose("down", "--volumes")
        blog.up()
        page.goto(url(blog))
    page.get_by_label("Site Title").fill("The Reef")
    page.get_by_label("Username").fill("Captain")
    # The page's script puts a password of its own there, which may come later than what is typed, and in its place.
    expect(page.locator("#pass1")).not_to_have_value("")
    page.locator("#pass1").fill(PASSWORD)
    page.get_by_label("Your Email").fill("captain@example.com")
    expect(page.locator("#pass-strength-result")).to_have_text("Strong")
    keep(page, NAME, "wizard")
    page.get_by_role("button", name="Install WordPress").click()
    expect(page.get_by_role("heading", name="Success!")).to_be_visible()


def log_in(page: Page, blog: Example) -> None:
    page.goto(url(blog, "/wp-login.php"))
    # The page's script takes the focus a moment later, and empties the password of who has been logged in before.
    expect(page.locator("#user_login:focus, #user_pass:focus")).to_be_attached()
    page.get_by_label("Username or Email Address").fill("captain")  # names have no case in MySQL
    page.locator("#user_pass").fill(PASSWORD)
    page.get_by_role("button", name="Log In").click()
    expect(page.get_by_role("heading", name="Dashboard", exact=True)).to_be_visible()


def write_post(page: Page, blog: Example) -> None:
    page.goto(url(blog, "/wp-admin/post-new.php"))
    page.get_by_role("button", name="Close dialog").click()  # the editor introduces itself
    page.get_by_role("textbox", name="Add title").fill(POST)
    page.keyboard.press("Enter")
    page.keyboard.type("They turn as one. Herring do so too.")
    page.get_by_role("button", name="Publish", exact=True).click()
    panel = page.get_by_role("region", name="Editor publish")
    panel.get_by_role("button", name="Publish", exact=True).click()
    expect(panel.get_by_text("is now live")).to_be_visible()


def comment(visitor: Page, blog: Example) -> None:
    visitor.goto(url(blog))
    visitor.get_by_role("link", name=POST).first.click()
    expect(visitor.get_by_text("They turn as one.")).to_be_visible()
    visitor.get_by_role("textbox", name="Comment").fill(COMMENT)
    visitor.get_by_role("textbox", name="Name").fill("Nemo")
    visitor.get_by_role("textbox", name="Email").fill("nemo@example.com")
    visitor.get_by_role("button", name="Post Comment").click()
    expect(visitor.get_by_text("Your comment is awaiting moderation.")).to_be_visible()


def approve(page: Page, blog: Example) -> None:
    page.goto(url(blog, "/wp-admin/edit-comments.php"))
    row = page.get_by_role("row").filter(has_text="Nemo")
    row.hover()
    with page.expect_response("**/admin-ajax.php") as answer:
        row.get_by_role("button", name="Approve").click()
    assert answer.value.ok
    expect(row.get_by_role("button", name="Unapprove")).to_be_attached()
    keep(page, NAME, "comments")


def search(visitor: Page, blog: Example, words: str) -> int:
    """How many posts are found."""
    visitor.goto(url(blog, "/?s=anything"))
    visitor.get_by_role("searchbox").fill(words)
    visitor.get_by_role("button", name="Search").click()
    expect(visitor.get_by_role("heading", name=f"Search results for: “{words}”")).to_be_visible()
    return visitor.get_by_role("link", name=POST, exact=True).count()


def sees_all(visitor: Page, blog: Example) -> None:
    visitor.goto(url(blog))
    visitor.get_by_role("link", name=POST).first.click()
    expect(visitor.get_by_text("They turn as one.")).to_be_visible()
    shown = visitor.locator(".wp-block-comment-content")
    expect(shown).to_have_text(SHOWN)
    shown.scroll_into_view_if_needed()


def test_nothing_outside_reaches_the_database(blog: Example) -> None:
    published = {blog.short(one): [port for port in one["Ports"] if "PublicPort" in port] for one in blog.containers()}
    assert {name for name, ports in published.items() if ports} == {"wordpress-1"}
    address = blog.inspect("database-1")["NetworkSettings"]["Networks"][f"{NAME}_back"]["IPAddress"]
    knock = f"nc -w 2 {address} 5432 -e true 2>/dev/null && echo open || echo closed"
    assert beside(blog, "back", f"{knock}; ip route | grep default || echo no way out") == "open\nno way out\n"
    assert beside(blog, "front", f"{knock}; nslookup database. >/dev/null 2>&1 || echo unknown") == "closed\nunknown\n"


def beside(blog: Example, network: str, script: str) -> str:
    """What a script prints in a container of its own on one of the example's networks."""
    words = ("run", "--rm", "--network", f"{NAME}_{network}", "busybox", "sh", "-c", script)
    return blog.engine.shoal(*words).stdout


def test_the_password_is_in_no_environment(blog: Example) -> None:
    password = (blog.folder / "secrets/database_password.txt").read_text().strip()
    for short in ("wordpress-1", "database-1"):
        assert password not in json.dumps(blog.inspect(short))
    wrong = ["psql", "postgresql://wordpress:wrong@database/wordpress", "-c", "SELECT 1"]
    refused = blog.compose("exec", "-T", "database", *wrong, check=False)
    assert refused.returncode != 0 and "password authentication failed" in refused.stderr


def failures(blog: Example) -> list[str]:
    """What WordPress says that went wrong with its database, since it was started."""
    log = blog.compose("logs", "--no-log-prefix", "wordpress").stdout
    return [line for line in log.splitlines() if "WordPress database error" in line or "PHP Fatal" in line]


def test_an_author_and_a_visitor(blog: Example, page: Page, browser: Browser) -> None:
    alone(page)
    set_up(page, blog)
    log_in(page, blog)
    write_post(page, blog)
    with new_visitor(browser) as visitor:
        comment(visitor, blog)
    approve(page, blog)
    with new_visitor(browser) as visitor:  # another one: a comment's author sees it before it is approved
        sees_all(visitor, blog)
        keep(visitor, NAME, "post")
        assert search(visitor, blog, "HERRING") >= 1
        keep(visitor, NAME, "search")
        assert search(visitor, blog, "swordfish") == 0
    assert failures(blog) == []

    blog.compose("down")
    blog.up()
    with new_visitor(browser) as visitor:
        sees_all(visitor, blog)
    log_in(page, blog)
    assert failures(blog) == []


class Statements:
    """A database of its own, with WordPress's tables, and what the drop-in makes of statements there."""

    def __init__(self, blog: Example) -> None:
        self._blog = blog
        database = ["exec", "-T", "database", "psql", "-q", "-h", "127.0.0.1", "-U", "wordpress", "postgres"]
        drop, create = "DROP DATABASE IF EXISTS statements", "CREATE DATABASE statements"
        blog.compose(*database, "-c", drop, "-c", create)
        self.installed = self._ask(install=True, statements=[])

    def _ask(self, **asked: Any) -> dict[str, Any]:
        code = (FOLDER / "carry_out.php").read_text().removeprefix("<?php")
        done = self._blog.compose(
            *["exec", "-T", "-e", "WORDPRESS_DB_NAME=statements", "wordpress", "php", "-r", code],
            input=json.dumps(asked),
        )
        _, marker, told = done.stdout.partition("---\n")
        assert marker, done.stdout + done.stderr
        answers: dict[str, Any] = json.loads(told)
        return answers

    def carry_out(self, *statements: str) -> list[dict[str, Any]]:
        """What each gave: result, error, rows, id."""
        answers: list[dict[str, Any]] = self._ask(install=False, statements=statements)["answers"]
        return answers


@pytest.fixture
def statements(blog: Example) -> Statements:
    """A fresh one for each test, and each try."""
    return Statements(blog)


def test_wordpress_finds_its_tables_as_it_wants_them(statements: Statements) -> None:
    assert statements.installed["users"] == ["Captain"]
    assert len(statements.installed["tables"]) == 12
    assert statements.installed["changes"] == []


def test_every_shape_of_statement_that_wordpress_makes(statements: Statements) -> None:
    """statements.sql: one of each shape, as seen while it is installed and used."""
    told = (FOLDER / "statements.sql").read_text().splitlines()
    emptied = [f"TRUNCATE TABLE {table}" for table in statements.installed["tables"]]
    answers = statements.carry_out(*emptied, *told)
    wrong = {
        statement: answer["error"]
        for statement, answer in zip([*emptied, *told], answers, strict=True)
        if answer["error"]
    }
    assert wrong == {}
    assert len(told) > 122


def cases() -> Iterator[tuple[str, list[str]]]:
    """Statements of meaning.sql, each with its rows, or with "= n" for n rows changed."""
    statement, expected = "", list[str]()
    for line in (FOLDER / "meaning.sql").read_text().splitlines():
        if line.startswith(("--> ", "--= ")):
            expected.append(line[4:] if line.startswith("--> ") else line[2:])
        elif not line.startswith("-- "):
            if statement:
                yield statement, expected
            statement, expected = line, []
    yield statement, expected


def written(rows: list[dict[str, Any]]) -> list[str]:
    return ["|".join(str(value) for value in row.values()) for row in rows]


def test_statements_mean_what_they_mean_in_mysql(statements: Statements) -> None:
    asked = list(cases())
    answers = statements.carry_out(*(statement for statement, _ in asked))
    for (statement, expected), answer in zip(asked, answers, strict=True):
        assert answer["error"] == "", statement
        is_change = expected[:1] == [f"= {answer['result']}"]
        assert is_change or written(answer["rows"]) == expected, statement
    assert len(asked) > 50


def test_names_of_results_are_written_as_in_the_statement(statements: Statements) -> None:
    star, listed, named = statements.carry_out(
        "SELECT * FROM wp_comments WHERE comment_id = 1",
        "SELECT comment_ID, COMMENT_POST_ID FROM wp_comments LIMIT 1",
        "SELECT c.`comment_ID` AS `theNumber`, COUNT(*) AS Num FROM wp_comments c GROUP BY c.comment_ID LIMIT 1",
    )
    assert {"comment_ID", "comment_post_ID", "comment_author_IP", "user_id"} <= star["rows"][0].keys()
    assert list(listed["rows"][0]) == ["comment_ID", "COMMENT_POST_ID"]
    assert list(named["rows"][0]) == ["theNumber", "Num"]


def test_wrong_statements_fail_alone(statements: Statements) -> None:
    broken, unknown, missing, right = statements.carry_out(
        "SELECT 'never closed", "GRUMBLE", "DESCRIBE wp_nothing", "SELECT 1 + 1 AS two"
    )
    assert (broken["result"], unknown["result"], missing["result"]) == (False, False, False)
    assert unknown["error"] == "GRUMBLE is not supported"
    assert missing["error"] == "Table 'statements.wp_nothing' doesn't exist"
    assert right["rows"] == [{"two": "2"}]
