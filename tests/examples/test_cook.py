"""examples/cook: microservices that find each other by Consul, behind an nginx that follows how many there are."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from playwright.sync_api import Page, expect

from tests.support.apps import fetch
from tests.support.browser import keep
from tests.support.deadlines import patient
from tests.support.engine import wait_for
from tests.support.examples import EXAMPLES, Example
from tests.support.stand_ins import engine_with_stand_ins

pytestmark = pytest.mark.heavy
NAME = "cook"
STAND_INS = (
    *("python:alpine", "nginx:latest", "redis:alpine", "busybox:latest"),
    *("hashicorp/consul:1.15", "memcached:1.6"),
)
#: apart from what other engines on this machine have taken
POOLS = ("--address-pool", "10.132.0.0/16:24")


class Cook(Example):
    def dishes(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(fetch(self.port("lb", 80), "/catalog/dishes"))
        return found

    def instances(self, service: str) -> set[str]:
        """Those that answer by way of nginx, asked often enough for everybody's turn."""
        found = set()
        for _ in range(12):
            url = f"http://127.0.0.1:{self.port('lb', 80)}/{service}/"
            try:
                with urllib.request.urlopen(url, timeout=patient(5)) as answer:
                    found.add(json.load(answer)["instance"])
            except urllib.error.HTTPError as error:
                found.add(f"status {error.code}")
        return found

    def hostnames(self, service: str) -> set[str]:
        """Of its containers that run."""
        return {
            container["Id"][:12]
            for container in self.containers(all=False)
            if container["Labels"]["com.docker.compose.service"] == service
        }

    def wait_instances(self, service: str, count: int) -> None:
        def follows() -> bool:
            wanted = self.hostnames(service)
            return len(wanted) == count and self.instances(service) == wanted

        wait_for(f"nginx serves {count} of {service}", follows, 40)

    def consul(self, path: str) -> Any:
        return json.loads(fetch(self.port("consul", 8500), path))


@pytest.fixture(scope="module")
def cook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cook]:
    with engine_with_stand_ins(*STAND_INS, flags=POOLS) as engine:
        cook = Cook(engine, NAME, tmp_path_factory.mktemp("example"))
        cook.env["DOCKER_SOCKET"] = str(engine.socket)
        started = time.monotonic()
        cook.start()
        print(f"up after {time.monotonic() - started:.1f} s")
        assert len(cook.dishes()["dishes"]) == 3, "who is told that all is well is served at once"
        yield cook
        cook.down()


def test_the_file_is_of_the_first_format(cook: Cook) -> None:
    file = yaml.safe_load((EXAMPLES / NAME / "docker-compose.yml").read_text())
    assert "services" not in file and "version" not in file and file["user"]["extends"]["file"] == "common.yml"
    user = cook.config()["services"]["user"]
    assert user["restart"] == "always" and [port["target"] for port in user["ports"]] == [3000]
    assert "published" not in user["ports"][0], "any port that is free"
    env = cook.inspect("user-1")["Config"]["Env"]
    assert "DB_PORT_6379_TCP_ADDR=db" in env and "DB_PORT_6379_TCP_PORT=6379" in env


def test_the_microservices_find_each_other(cook: Cook) -> None:
    cook.wait_instances("catalog", 1)
    told = cook.dishes()
    assert [(dish["name"], dish["cook"]) for dish in told["dishes"]] == [
        ("borscht", "Ada"),
        ("ramen", "Grace"),
        ("stamppot", "Edsger"),
    ]
    assert {dish["by"] for dish in told["dishes"]} == cook.hostnames("user")


def test_what_runs_is_in_consul_by_its_ports_and_variables(cook: Cook) -> None:
    services = cook.consul("/v1/catalog/services")
    assert services == {"consul": [], "user": ["production"], "catalog": ["production"], "redis": [], "memcached": []}
    (user,) = cook.consul("/v1/health/service/user?passing")
    network = cook.inspect("user-1")["NetworkSettings"]["Networks"]["cook_default"]
    assert (user["Service"]["Address"], user["Service"]["Port"]) == (network["IPAddress"], 3000)


def test_nginx_follows_up_and_down(cook: Cook) -> None:
    for count in (3, 2, 1):
        started = time.monotonic()
        cook.compose("up", "-d", "--no-recreate", "--scale", f"catalog={count}")
        cook.wait_instances("catalog", count)
        print(f"catalog={count}: served by nginx after {time.monotonic() - started:.1f} s")
    assert len(cook.consul("/v1/catalog/service/catalog")) == 1


def test_users_that_end_are_asked_no_more(cook: Cook) -> None:
    cook.compose("up", "-d", "--no-recreate", "--scale", "user=2")
    cook.wait_instances("user", 2)

    def who() -> set[str]:
        return {dish["by"] for dish in cook.dishes()["dishes"]}

    assert who() <= cook.hostnames("user")
    cook.compose("up", "-d", "--no-recreate", "--scale", "user=0")
    wait_for("nobody is left", lambda: cook.instances("user") == {"status 502"}, 20)
    cook.compose("up", "-d", "--no-recreate", "--scale", "user=1")
    cook.wait_instances("user", 1)
    wait_for("the new one is asked", lambda: who() == cook.hostnames("user"), 10)


def test_what_was_missed_is_made_good(cook: Cook) -> None:
    """Enroll is not there when another instance starts and one ends."""
    cook.compose("stop", "-t", "0", "enroll")
    cook.compose("up", "-d", "--no-recreate", "--no-deps", "--scale", "user=2", "user")
    assert cook.instances("user") != cook.hostnames("user")
    cook.compose("start", "enroll")
    cook.wait_instances("user", 2)
    cook.compose("up", "-d", "--no-recreate", "--scale", "user=1")
    cook.wait_instances("user", 1)


def test_the_database_keeps_its_data_in_the_container_without_a_program(cook: Cook) -> None:
    def asked() -> int:
        found: int = json.loads(fetch(cook.port("lb", 80), "/user/1"))["asked"]
        return found

    before = asked()
    cook.compose("rm", "-sf", "db")
    cook.compose("up", "-d", "--no-recreate")
    cook.wait_instances("user", 1)

    def goes_on() -> bool:
        try:
            return asked() == before + 1
        except (urllib.error.HTTPError, KeyError):
            return False

    wait_for("the count goes on", goes_on, 20)


def test_the_page_in_a_browser(cook: Cook, page: Page) -> None:
    cook.compose("up", "-d", "--no-recreate", "--scale", "catalog=3")
    cook.wait_instances("catalog", 3)
    page.goto(f"http://127.0.0.1:{cook.port('lb', 80)}/")
    expect(page.locator("#dishes tr")).to_have_count(3)
    expect(page.locator("#dishes")).to_contain_text("Edsger")
    for instance in cook.hostnames("catalog"):
        expect(page.locator("#who")).to_contain_text(instance)
    keep(page, NAME, "kitchen")
    page.goto(f"http://127.0.0.1:{cook.port('consul', 8500)}/ui/")
    expect(page.locator("body")).to_contain_text("catalog")
    keep(page, NAME, "consul")
