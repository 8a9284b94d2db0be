"""Panelist, the stand-in for Grafana: dashboards of two schemas over a real Prometheus in a real browser; its API."""

import base64
import fcntl
import json
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error as BrowserError
from playwright.sync_api import Page, expect

from tests.support.apps import App
from tests.support.deadlines import patient
from tests.support.engine import EngineProcess, wait_for
from tests.support.ports import free_port
from tests.support.prometheus import Prometheus
from tests.support.stand_ins import engine_with_stand_ins

IMAGES = ("prom/prometheus:v2.53.0", "grafana/grafana:11.2.0")
FILES = Path(__file__).parent / "grafana"
PASSWORD = (FILES / "password").read_text().strip()
CLIENT = "5.1.4"
_CACHE = Path(__file__).parents[2] / ".cache"


class Grafana(App):
    """The project of `grafana/`: a Prometheus that watches itself and a target that is not there, and the stand-in."""

    def __init__(self, engine: EngineProcess, base: Path) -> None:
        folder = base / "grafana"
        shutil.copytree(FILES, folder)
        super().__init__(engine, folder, "grafana")
        self.port, self.prometheus_port = free_port(), free_port()
        self.env |= {"GRAFANA_PORT": str(self.port), "PROMETHEUS_PORT": str(self.prometheus_port)}
        self.address = f"http://127.0.0.1:{self.port}"

    def call(
        self, method: str, path: str, body: Any = None, *, user: str = f"chief:{PASSWORD}", **headers: str
    ) -> tuple[int, Any]:
        """(status, decoded JSON or text) of one request. user: "" for nobody"""
        if user:
            headers["Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=patient(20)) as response:
                status, raw = response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            status, raw = error.code, error.read().decode()
        try:
            return status, json.loads(raw)
        except ValueError:
            return status, raw

    def get(self, path: str, **options: Any) -> Any:
        """The answer to a GET that is fine."""
        status, found = self.call("GET", path, **options)
        assert status == 200, found
        return found


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    with engine_with_stand_ins(*IMAGES) as engine:
        yield engine


@pytest.fixture(scope="module")
def grafana(engine: EngineProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grafana]:
    """Up and healthy, with some seconds of data."""
    app = Grafana(engine, tmp_path_factory.mktemp("app"))
    app.compose("up", "-d", "--wait", timeout_s=120)
    prometheus = Prometheus(app.prometheus_port)
    enough = 'count_over_time(up{job="prometheus"}[1m]) >= 8'
    wait_for("Prometheus has read itself", lambda: _answers(prometheus, enough), 60)
    yield app
    app.down()


def _answers(prometheus: Prometheus, expression: str) -> bool:
    try:
        return bool(prometheus.query(expression))
    except (ConnectionError, urllib.error.URLError):
        return False


def visit(page: Page, grafana: Grafana, path: str) -> None:
    """The page, once it says that it is ready. A browser drops what it loads when networks of the machine change."""
    for attempt in range(4):
        try:
            page.goto(grafana.address + path)
            page.wait_for_selector("main[data-ready]", timeout=patient(10) * 1000)
            return
        except BrowserError:
            if attempt == 3:
                raise


def log_in(page: Page, grafana: Grafana) -> None:
    visit(page, grafana, "/login")
    page.fill("[name=user]", "chief")
    page.fill("[name=password]", PASSWORD)
    page.click("#login button")
    page.wait_for_url(re.compile(r":\d+/$"))


def panel(page: Page, title: str) -> Any:
    return page.locator(".panel").filter(has=page.locator(".panel-title", has_text=re.compile(f"^{re.escape(title)}$")))


def settled(page: Page, times: int) -> None:
    """Everything on the page was asked for so many times, and is drawn."""
    grid = page.locator(".grid")
    wait_for("all is drawn", lambda: int(grid.get_attribute("data-refreshed") or "0") >= times, 15)


# The image and the API


def test_it_says_everywhere_that_it_is_a_stand_in(engine: EngineProcess, grafana: Grafana, page: Page) -> None:
    health = grafana.get("/api/health", user="")
    assert (health["database"], health["standIn"]) == ("ok", "Panelist, a stand-in for Grafana")
    image = engine.call("GET", "/images/grafana%2Fgrafana:11.2.0/json")[1]
    assert image["Config"]["Labels"]["io.shoal.stand-in.for"] == "grafana/grafana:11.2.0"
    visit(page, grafana, "/login")
    expect(page.locator(".login")).to_contain_text("a stand-in for Grafana")
    expect(page.locator("footer")).to_contain_text("Panelist, a stand-in for Grafana")


def test_it_is_laid_out_as_the_official_image(engine: EngineProcess) -> None:
    config = engine.call("GET", "/images/grafana%2Fgrafana:11.2.0/json")[1]["Config"]
    assert (config["User"], list(config["ExposedPorts"]), config["Entrypoint"]) == ("472", ["3000/tcp"], ["/run.sh"])
    paths = dict(each.split("=", 1) for each in config["Env"] if each.startswith("GF_PATHS_"))
    assert paths["GF_PATHS_DATA"] == "/var/lib/grafana"
    assert paths["GF_PATHS_PROVISIONING"] == "/etc/grafana/provisioning"
    assert paths["GF_PATHS_CONFIG"] == "/etc/grafana/grafana.ini"


def test_the_real_client_library_finds_what_it_expects(grafana: Grafana) -> None:
    packages = _client_packages()
    run = f"import sys; sys.path[:0] = [{str(packages)!r}]; sys.argv = ['story', {grafana.address!r}]; "
    run += f"exec(compile(open({str(FILES / 'client_story.py')!r}).read(), 'client_story.py', 'exec'))"
    # -S: the client brings a urllib3 of its own, which must not meet the other one.
    done = subprocess.run([sys.executable, "-S", "-c", run], capture_output=True, text=True, timeout=patient(90))
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert done.stdout.count("fine") == 5


def _client_packages() -> Path:
    """PyPI's grafana-client with all it needs, in a folder of its own."""
    folder = _CACHE / f"grafana-client-{CLIENT}"
    _CACHE.mkdir(exist_ok=True)
    with (_CACHE / "grafana-client.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            fresh = folder.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, "--target", str(fresh), f"grafana-client=={CLIENT}"], check=True, timeout=300)
            fresh.rename(folder)
    return folder


def test_who_does_not_log_in_may_look_but_not_change(grafana: Grafana) -> None:
    assert [hit["uid"] for hit in grafana.get("/api/search?type=dash-db", user="")] == ["new", "old"]
    status, answer = grafana.call("POST", "/api/dashboards/db", {"dashboard": {"title": "x"}}, user="")
    assert (status, "permissions" in answer["message"]) == (403, True)
    assert grafana.call("GET", "/api/users", user="")[0] == 403
    assert grafana.call("GET", "/api/user", user="chief:wrong") == (401, {"message": "Invalid username or password"})
    status, answer = grafana.call("POST", "/api/user/signup", {"username": "x", "password": "long enough"}, user="")
    assert (status, answer["message"]) == (401, "User signup is disabled")


def test_another_sites_page_can_not_use_the_session(grafana: Grafana) -> None:
    request = urllib.request.Request(
        f"{grafana.address}/login",
        json.dumps({"user": "chief", "password": PASSWORD}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=patient(20)) as response:
        cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    session, body = {"Cookie": cookie.split(";")[0]}, {"title": "By a page"}
    strange = grafana.call("POST", "/api/folders", body, user="", Origin="http://evil.example", **session)
    assert strange == (403, {"message": "origin not allowed"})
    status, folder = grafana.call("POST", "/api/folders", body, user="", Origin=grafana.address, **session)
    assert status == 200
    assert grafana.call("DELETE", f"/api/folders/{folder['uid']}")[0] == 200


def test_queries_are_answered_with_data_frames(grafana: Grafana) -> None:
    queries = [
        {"refId": "A", "expr": "up", "legendFormat": "{{job}}", "maxDataPoints": 100},
        {"refId": "B", "expr": "count(up) + $__interval_ms * 0", "instant": True},
        {"refId": "C", "expr": "0/0 * vector(1)", "instant": True, "range": False},
    ]
    status, answer = grafana.call("POST", "/api/ds/query", {"queries": queries, "from": "now-1m", "to": "now"})
    assert status == 200
    frames = answer["results"]["A"]["frames"]
    assert [frame["schema"]["fields"][1]["config"]["displayNameFromDS"] for frame in frames] == ["nobody", "prometheus"]
    times, values = frames[1]["data"]["values"]
    assert set(values) == {1} and all(at % 1000 == 0 for at in times)
    assert answer["results"]["B"]["frames"][0]["data"]["values"][1] == [2]
    assert answer["results"]["C"]["frames"][0]["data"] == {
        "values": [answer["results"]["C"]["frames"][0]["data"]["values"][0], [None]],
        "entities": [None, {"NaN": [0]}],
    }


def test_a_query_that_fails_says_why_and_leaves_the_others(grafana: Grafana) -> None:
    queries = [
        {"refId": "A", "expr": "sum(("},
        {"refId": "B", "expr": "up"},
        {"refId": "C", "expr": "1", "datasource": "x"},
    ]
    status, answer = grafana.call("POST", "/api/ds/query", {"queries": queries, "from": "now-1m", "to": "now"})
    assert status == 400
    assert "parse error" in answer["results"]["A"]["error"]
    assert len(answer["results"]["B"]["frames"]) == 2
    assert 'Data source "x" not found' in answer["results"]["C"]["error"]


def test_the_proxy_lets_viewers_ask_and_only_administrators_change(grafana: Grafana) -> None:
    uid = grafana.get("/api/datasources/name/Metrics")["uid"]
    base = f"/api/datasources/proxy/uid/{uid}"
    assert grafana.get(f"{base}/api/v1/query?query=up", user="")["status"] == "success"
    resources = grafana.get(f"/api/datasources/uid/{uid}/resources/api/v1/label/job/values", user="")
    assert resources["data"] == ["nobody", "prometheus"]
    assert grafana.call("POST", f"{base}/-/reload", user="")[0] == 403
    assert grafana.call("POST", f"{base}/-/reload")[0] == 403  # by Prometheus itself: its life cycle is not enabled


def test_a_dashboard_file_that_changes_is_read_again(grafana: Grafana) -> None:
    path = grafana.folder / "dashboards" / "more.json"
    path.write_text(json.dumps({"uid": "more", "title": "More", "panels": []}))
    wait_for("the new file", lambda: grafana.call("GET", "/api/dashboards/uid/more")[0] == 200, 15)
    assert grafana.get("/api/dashboards/uid/more")["meta"]["provisioned"] is True
    path.write_text(json.dumps({"uid": "more", "title": "Much more", "panels": []}))
    wait_for("its change", lambda: grafana.get("/api/dashboards/uid/more")["dashboard"]["title"] == "Much more", 15)
    path.unlink()
    wait_for("its end", lambda: grafana.call("GET", "/api/dashboards/uid/more")[0] == 404, 15)


def test_what_was_saved_outlives_the_container(grafana: Grafana) -> None:
    status, saved = grafana.call("POST", "/api/dashboards/db", {"dashboard": {"title": "Kept", "panels": []}})
    assert status == 200
    grafana.compose("up", "-d", "--wait", "--force-recreate", "grafana", timeout_s=120)
    kept = grafana.get(f"/api/dashboards/uid/{saved['uid']}")
    assert (kept["dashboard"]["title"], kept["meta"]["createdBy"]) == ("Kept", "chief")
    assert grafana.call("DELETE", f"/api/dashboards/uid/{saved['uid']}")[0] == 200


# The pages


def test_one_logs_in_and_finds_the_dashboards(grafana: Grafana, page: Page) -> None:
    visit(page, grafana, "/login?redirect=%2Fdashboards")
    page.fill("[name=user]", "chief")
    page.fill("[name=password]", "wrong")
    page.click("#login button")
    expect(page.locator(".problem")).to_have_text("Invalid username or password")
    page.fill("[name=password]", PASSWORD)
    page.click("#login button")
    page.wait_for_url("**/dashboards")
    expect(page.locator("#found")).to_contain_text("Provided")
    page.fill("#search", "old sch")
    expect(page.locator("#found a")).to_have_text(["Of the old schema"])
    page.click("#found a")
    expect(page.locator(".board-title")).to_contain_text("Of the old schema")
    page.click("#star")
    expect(page.locator("#star")).to_have_text("★")
    page.click("#sign-out")
    page.wait_for_url("**/login")


def test_a_dashboard_of_the_old_schema(grafana: Grafana, page: Page) -> None:
    visit(page, grafana, "/d/old/x")
    expect(panel(page, "Targets up").locator(".stat-value")).to_have_text("just 1")
    background = panel(page, "Targets up").locator(".stat").evaluate("e => getComputedStyle(e).backgroundColor")
    assert background == "rgb(224, 180, 0)"  # on the first of two thresholds
    expect(panel(page, "State").locator(".stat-value")).to_have_text("DOWN")
    expect(panel(page, "Memory").locator(".gauge-value")).to_have_text(re.compile(r"^\d+\.\d MiB$"))
    expect(panel(page, "Nobody knows").locator(".stat-value")).to_have_text("nothing there")
    requests = panel(page, "Requests per 10s")
    expect(requests.locator(".legend tbody td").first).to_be_visible()
    assert "/metrics" in requests.locator(".legend").inner_text()
    assert int(requests.locator(".plot").get_attribute("data-points") or "0") > 5
    assert painted(page, requests, (255, 0, 255))
    both = panel(page, "Up and memory")
    expect(both.locator(".legend")).to_contain_text("prometheus at 127.0.0.1:9090")
    expect(both.locator(".legend")).to_contain_text("memory of prometheus (right)")


def painted(page: Page, where: Any, color: tuple[int, int, int]) -> bool:
    """Whether a graph's canvas has pixels of nearly this colour."""
    script = """(canvas, [r, g, b]) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        for (let i = 0; i < data.length; i += 4) {
            const far = Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b);
            if (data[i + 3] > 200 && far < 60) return true;
        }
        return false;
    }"""
    found: bool = where.locator("canvas").first.evaluate(script, list(color))
    return found


def test_a_closed_row_opens_and_its_old_tables_are_filled(grafana: Grafana, page: Page) -> None:
    visit(page, grafana, "/d/old/x?refresh=")
    expect(panel(page, "Targets")).to_have_count(0)
    page.get_by_role("button", name="Tables").click()
    rows = panel(page, "Targets").locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(panel(page, "Targets").locator("th")).to_have_text(["instance", "Job", "Answers ↓"])
    expect(rows.first).to_contain_text("yes")
    expect(rows.nth(1).locator("td").last).to_have_css("background-color", "rgb(212, 74, 58)")
    panel(page, "Targets").locator("th", has_text="Answers").click()
    expect(rows.first).to_contain_text("no")
    expect(panel(page, "Summary").locator("tbody tr").first.locator("td")).to_have_text(["nobody", "0", "0"])


def test_variables_change_what_is_asked(grafana: Grafana, page: Page) -> None:
    visit(page, grafana, "/d/old/x?refresh=")
    legend = panel(page, "Up and memory").locator(".legend")
    expect(legend).to_contain_text("nobody at")
    page.locator("[data-variable=job] button").first.click()
    page.locator("[data-variable=job] .options button", has_text="prometheus").click()
    page.locator("[data-variable=job]").get_by_role("button", name="Apply").click()
    expect(legend).not_to_contain_text("nobody at")
    expect(legend).to_contain_text("prometheus at")
    assert "var-job=prometheus" in page.url and "var-job=%24__all" not in page.url
    page.locator("[data-variable=interval] button").first.click()
    page.locator("[data-variable=interval] .options button", has_text="30s").click()
    expect(panel(page, "Requests per 30s")).to_have_attribute("data-state", "data")
    expect(page.locator("[data-variable=code] button").first).to_have_text("200")


def test_a_dashboard_refreshes_by_itself(grafana: Grafana, page: Page) -> None:
    visit(page, grafana, "/d/old/x?refresh=1s")
    settled(page, 3)


def test_a_dashboard_of_the_new_schema(grafana: Grafana, page: Page) -> None:
    visit(page, grafana, "/d/new/x")
    text = page.locator(".panel-text")
    expect(text.locator("h1")).to_have_text("About prometheus")
    expect(text.locator("a")).to_have_attribute("href", "https://example.org/")
    expect(text.locator("li")).to_have_text(["one", "two"])
    assert page.evaluate("window.broken") is None
    rates = panel(page, "Rate of prometheus")
    expect(rates).to_have_attribute("data-state", "data")
    expect(rates.locator(".legend")).to_contain_text("/metrics")
    assert "handler=" not in rates.locator(".legend").inner_text()  # only what differs
    expect(panel(page, "Bars").locator(".bar-name")).to_contain_text(["prometheus_tsdb_head"])
    expect(panel(page, "Share").locator(".gauge-value")).to_have_text("50.0%")
    expect(panel(page, "Share").locator(".gauge-label")).to_have_text("90.0%")
    merged = panel(page, "Merged")
    expect(merged.locator("th")).to_have_text(["Job ↓", "Took", "Up"])
    expect(merged.locator("tbody tr").first).to_contain_text("prometheus")
    expect(merged.locator("tbody tr").first.locator("td").nth(1)).to_have_text(re.compile(r"^[\d.]+ (ms|µs|s)$"))
    expect(merged.locator("tbody td:last-child")).to_have_text(["yes", "no"])
    expect(panel(page, "Number 1").locator(".stat-value")).to_have_text("10 things")
    expect(panel(page, "Number 2").locator(".stat-value")).to_have_text("20 things")
    expect(panel(page, "Wrong").locator(".panel-mark")).to_have_attribute("title", re.compile("parse error"))
    expect(panel(page, "Heat")).to_contain_text('does not draw panels of the type "heatmap"')


def test_a_time_range_is_chosen_zoomed_and_kept_in_the_address(grafana: Grafana, page: Page) -> None:
    visit(page, grafana, "/d/new/x")
    page.click("#time-range")
    page.get_by_role("button", name="Last 15 minutes").click()
    expect(page.locator("#time-range")).to_contain_text("Last 15 minutes")
    assert "from=now-15m" in page.url
    settled(page, 2)
    plot = panel(page, "Rate of prometheus").locator(".u-over")
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 40, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile(r"from=\d{13}&to=\d{13}"))
    found = re.search(r"from=(\d+)&to=(\d+)", page.url)
    assert found is not None
    assert int(found[2]) - int(found[1]) == pytest.approx(180_000, rel=0.1)


def test_the_pointer_shows_values_and_the_legend_picks_series(grafana: Grafana, page: Page) -> None:
    visit(page, grafana, "/d/new/x?from=now-30s&to=now")
    rates = panel(page, "Rate of prometheus")
    box = rates.locator(".u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2)
    page.mouse.move(box["x"] + box["width"] * 0.81, box["y"] + box["height"] / 2)
    expect(rates.locator(".tooltip")).to_contain_text("/metrics")
    expect(rates.locator(".tooltip")).to_contain_text("req/s")
    rates.locator(".series", has_text="/metrics").click()
    expect(rates.locator(".series", has_text="/metrics")).to_have_attribute("aria-pressed", "true")
    others = rates.locator(".series").filter(has_not_text="/metrics")
    assert all(other.get_attribute("aria-pressed") == "false" for other in others.all())


def test_one_panel_is_looked_at_alone(grafana: Grafana, page: Page) -> None:
    visit(page, grafana, "/d/new/x?viewPanel=5")
    expect(page.locator(".panel")).to_have_count(1)
    expect(panel(page, "Merged").locator("tbody tr")).to_have_count(2)
    page.click("#back")
    expect(panel(page, "Share")).to_be_visible()


def test_explore(grafana: Grafana, page: Page) -> None:
    visit(page, grafana, "/explore")
    page.fill("#expr", "prometheus_build_info")
    page.click("#run")
    expect(page.locator(".explore-graph")).to_have_attribute("data-state", "data")
    expect(page.locator(".explore-table th")).to_contain_text(["Time", "__name__"])
    expect(page.locator(".explore-table td").first).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d "))
    page.fill("#expr", "sum((")
    page.press("#expr", "Shift+Enter")
    expect(page.locator(".problem").first).to_contain_text("parse error")


def test_a_dashboard_is_imported_changed_and_a_stale_change_refused(grafana: Grafana, page: Page) -> None:
    log_in(page, grafana)
    visit(page, grafana, "/dashboard/import")
    query = {"refId": "A", "expr": "sum(up)", "datasource": {"uid": "${DS_X}"}}
    board = {
        "__inputs": [{"name": "DS_X", "type": "datasource", "pluginId": "prometheus"}],
        "uid": "imported",
        "title": "Imported",
        "time": {"from": "now-30s", "to": "now"},
        "panels": [{"id": 1, "type": "stat", "title": "Up", "targets": [query], "gridPos": {"w": 6, "h": 4}}],
    }
    page.fill("[name=json]", json.dumps(board))
    page.click("#import button")
    page.wait_for_url("**/d/imported/imported")
    expect(panel(page, "Up").locator(".stat-value")).to_have_text("1")
    page.click("#settings")
    text = page.locator("#json").input_value()
    changed = grafana.get("/api/dashboards/uid/imported")["dashboard"] | {"title": "By another"}
    assert grafana.call("POST", "/api/dashboards/db", {"dashboard": changed})[0] == 200
    page.fill("#json", text.replace('"Imported"', '"Mine"'))
    page.click("#save")
    expect(page.locator("dialog .problem")).to_contain_text("changed by someone else")
    page.get_by_role("button", name="Save and overwrite").click()
    page.wait_for_url("**/d/imported/mine")
    assert grafana.get("/api/dashboards/uid/imported")["dashboard"]["version"] == 3
    assert grafana.call("DELETE", "/api/dashboards/uid/imported")[0] == 200


def test_a_data_source_is_added_and_tested(grafana: Grafana, page: Page) -> None:
    log_in(page, grafana)
    visit(page, grafana, "/datasources")
    page.fill("#add-source [name=name]", "Nowhere")
    page.fill("#add-source [name=url]", "http://127.0.0.1:9")
    page.click("#add-source button")
    row = page.locator("li[data-source=Nowhere]")
    row.get_by_role("button", name="Test").click()
    expect(row.locator(".source-health")).to_contain_text("can't be reached")
    provided = page.locator("li[data-source=Metrics]")
    expect(provided.get_by_role("button", name="Delete")).to_have_count(0)
    provided.get_by_role("button", name="Test").click()
    expect(provided.locator(".source-health")).to_contain_text("Successfully queried")
    row.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
