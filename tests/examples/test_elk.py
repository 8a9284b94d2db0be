"""Elasticsearch, Kibana and a log shipper as a stack: a line sent to TCP 5000 is found in the browser."""

import json
import re
import socket
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import keep
from tests.support.engine import wait_for
from tests.support.examples import Example
from tests.support.ports import free_port
from tests.support.stand_ins import engine_with_stand_ins

pytestmark = pytest.mark.heavy

IMAGES = ("elasticsearch:7.17.28", "logstash:7.17.28", "kibana:7.17.28")


@pytest.fixture(scope="module")
def elk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    with engine_with_stand_ins(*IMAGES) as engine:
        address = f"127.0.0.1:{free_port()}"
        engine.shoal("swarm", "init", "--advertise-addr", address, "--listen-addr", address)
        elk = Example(engine, "elk", tmp_path_factory.mktemp("elk"), files=("docker-stack.yml",))
        elk.deploy("elk", "--detach=false")
        wait_for("Kibana is there", lambda: status(elk), 120)
        yield elk
        engine.shoal("stack", "rm", "--detach=false", "elk")
        engine.shoal("swarm", "leave", "--force")


def url(elk: Example, service: str, port: int, path: str) -> str:
    return f"http://127.0.0.1:{elk.port(service, port)}{path}"


def fetched(url: str) -> Any:
    """The JSON behind a URL, None where nobody answers yet."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)
    except (OSError, ValueError):
        return None


def status(elk: Example) -> bool:
    found = fetched(url(elk, "kibana", 5601, "/api/status"))
    return bool(found) and found["status"]["overall"]["state"] == "green"


def send(elk: Example, *lines: str) -> None:
    """Lines to TCP 5000, as any program would."""
    with socket.create_connection(("127.0.0.1", elk.port("logstash", 5000)), timeout=10) as connection:
        connection.sendall("".join(f"{line}\n" for line in lines).encode())


def found(elk: Example, query: str) -> list[dict[str, Any]]:
    """The events that Elasticsearch finds."""
    answer = fetched(url(elk, "elasticsearch", 9200, f"/logstash-*/_search?q={query}"))
    return [hit["_source"] for hit in answer["hits"]["hits"]] if answer else []


def test_lines_become_events_with_their_fields(elk: Example) -> None:
    send(
        elk,
        "WARN disk nearly full on harbour-7",
        '{"message": "counted", "boats": 12, "quay": {"name": "north"}}',
        "no level",
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto(b"ERROR by datagram", ("127.0.0.1", elk.port("logstash", 5000, "udp")))
    (warning,) = wait_for("the warning is found", lambda: found(elk, "text:harbour"), 30)
    assert (warning["level"], warning["text"]) == ("WARN", "disk nearly full on harbour-7")
    (counted,) = wait_for("the count is found", lambda: found(elk, "message:counted"), 30)
    assert (counted["boats"], counted["quay"]["name"]) == (12, "north")
    assert (
        wait_for("the line without a level is found", lambda: found(elk, "message:%22no%20level%22"), 30)[0].get(
            "level"
        )
        is None
    )
    assert wait_for("what came by UDP is found", lambda: found(elk, "text:datagram"), 30)[0]["level"] == "ERROR"
    stats = fetched(url(elk, "logstash", 9600, "/_node/stats"))
    assert stats["events"]["out"] >= 4


def test_a_line_is_found_in_the_browser(elk: Example, page: Page) -> None:
    send(elk, "INFO the mooring lines of the Albatros are fast", "INFO nothing else to see")
    wait_for("the lines are found", lambda: len(found(elk, "text:albatros")) == 1, 30)

    page.goto(url(elk, "kibana", 5601, "/app/kibana#/management/kibana/index"))
    page.wait_for_load_state("networkidle")
    time_field = page.locator("select[ng-model='index.timeField']")
    expect(time_field).to_contain_text("@timestamp", timeout=60_000)
    time_field.select_option(label="@timestamp")
    page.get_by_role("button", name="Create").click()
    expect(
        page.locator(".index-pattern-name, .editable-header, h1, h2").filter(has_text="logstash-*").first
    ).to_be_visible()

    page.goto(url(elk, "kibana", 5601, "/app/kibana#/discover"))
    search = page.locator(
        "input[ng-model='state.query'], [data-test-subj='discoverSearch'] input, input.kuiLocalSearchInput"
    ).first
    search.fill("albatros")
    search.press("Enter")
    expect(page.locator("[data-test-subj='discoverQueryHits'], .discover-info-hits").first).to_have_text("1")
    expect(page.locator("table.kbn-table")).to_contain_text(re.compile("mooring lines of the Albatros"))
    keep(page, "elk", "discover")


def test_the_data_outlives_the_stack(elk: Example) -> None:
    send(elk, "INFO a line to keep")
    wait_for("the line is found", lambda: found(elk, "text:keep"), 30)
    elk.engine.shoal("stack", "rm", "--detach=false", "elk")
    elk.deploy("elk", "--detach=false")
    wait_for("the line is found again", lambda: found(elk, "text:keep"), 60)
