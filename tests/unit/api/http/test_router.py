from shoal.api.contract import OPERATIONS, unserved
from shoal.api.http.router import Route, Router, split_version


async def handler(request):  # type: ignore[no-untyped-def]
    raise AssertionError("not called")


def router(*routes: tuple[str, str]) -> Router:
    return Router(Route(method, path, handler, f"{method} {path}") for method, path in routes)


def matched(router: Router, method: str, path: str) -> tuple[str, dict[str, str]] | None:
    found = router.match(method, path)
    return (found.route.path, found.params) if found else None


def test_names_of_images_have_slashes_and_literal_paths_win() -> None:
    images = router(("GET", "/images/{name...}/json"), ("GET", "/images/json"), ("GET", "/images/{name...}/history"))
    assert matched(images, "GET", "/images/json") == ("/images/json", {})
    assert matched(images, "GET", "/images/a.b:5000/c/d:1/json") == (
        "/images/{name...}/json",
        {"name": "a.b:5000/c/d:1"},
    )
    assert matched(images, "GET", "/images/x/other") is None


def test_parameters_are_url_decoded() -> None:
    volumes = router(("GET", "/volumes/{name}"))
    assert matched(volumes, "GET", "/volumes/a%20b%2Fc") == ("/volumes/{name}", {"name": "a b/c"})
    assert matched(volumes, "GET", "/volumes/a/b") is None


def test_a_head_is_answered_by_a_get_where_there_is_no_head() -> None:
    both = router(("GET", "/a"), ("HEAD", "/b"), ("GET", "/b"))
    assert both.match("HEAD", "/a").route.method == "GET"  # type: ignore[union-attr]
    assert both.match("HEAD", "/b").route.method == "HEAD"  # type: ignore[union-attr]


def test_versions() -> None:
    assert split_version("/v1.51/info") == ((1, 51), "/info")
    assert split_version("/v1.24/containers/v1.2/json") == ((1, 24), "/containers/v1.2/json")
    assert split_version("/volumes") == (None, "/volumes")
    assert split_version("/version") == (None, "/version")


def test_what_no_route_serves_is_known() -> None:
    served = [Route(o.method, o.path, handler, o.operation) for o in OPERATIONS if o.tag != "Swarm"]
    assert {o.tag for o in unserved(served)} == {"Swarm"}
