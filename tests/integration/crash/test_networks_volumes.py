"""`kill -9` of the engine at each step of the life of networks and volumes."""

from tests.support.crashing import CrashingEngine
from tests.support.running import Node
from tests.support.traces import traces, wait_until_as


def names(engine: CrashingEngine, kind: str) -> set[str]:
    found = engine.call("GET", f"/{kind}")[1]
    return {one["Name"] for one in (found["Volumes"] if kind == "volumes" else found)}


def test_volume_create_and_remove(crashing: CrashingEngine) -> None:
    before = traces(crashing)
    body = {"Name": "data", "Labels": {"a": "b"}, "DriverOpts": {"type": "tmpfs", "o": "size=1m", "device": "tmpfs"}}
    deaths = []
    for step in crashing.each_step(lambda: crashing.attempt("POST", "/volumes/create", body)):
        deaths.append(step)
        assert names(crashing, "volumes") <= {"data"}
        assert crashing.call("POST", "/volumes/create", body)[0] == 201
        found = crashing.call("GET", "/volumes/data")[1]
        assert (found["Labels"], found["Options"]) == (body["Labels"], body["DriverOpts"])
        crashing.docker("run", "--rm", "-v", "data:/data", "--network=none", "busybox", "touch", "/data/file")
        crashing.docker("volume", "rm", "data")
        wait_until_as(crashing, before)
    assert deaths == ["volumes.create", "store.commit", ""]
    crashing.call("POST", "/volumes/create", body)
    for _ in crashing.each_step(lambda: crashing.attempt("DELETE", "/volumes/data"), steps="files"):
        crashing.attempt("DELETE", "/volumes/data")
        wait_until_as(crashing, before)
        crashing.call("POST", "/volumes/create", body)
    crashing.call("DELETE", "/volumes/data")


def test_the_content_of_a_volume_is_never_lost(crashing: CrashingEngine) -> None:
    """Users come and go, the engine dies at each step: what was written once stays."""
    crashing.docker("run", "--rm", "-v", "data:/data", "--network=none", "busybox", "sh", "-c", "echo kept >/data/it")
    node = Node(crashing)
    host = {"Binds": ["data:/data", "/tmp:/host:ro"], "AutoRemove": True, "NetworkMode": "none"}

    def use() -> None:
        body = {"Image": "busybox", "Cmd": ["sh", "-c", "cat /data/it"], "HostConfig": host}
        crashing.attempt("POST", "/containers/create?name=user", body)
        crashing.attempt("POST", "/containers/user/start")
        crashing.attempt("POST", "/containers/user/wait?condition=removed")

    for _ in crashing.each_step(use, twice=True, stride=3):
        crashing.attempt("DELETE", "/containers/user?force=1")
        assert node.output("cat", "/data/it", host={"Binds": ["data:/data"], "NetworkMode": "none"}) == "kept"
    crashing.docker("volume", "rm", "data")


def test_the_content_of_an_image_is_copied_whole(crashing: CrashingEngine) -> None:
    """A copy that the crash cut off is made again, not taken for a volume with content."""
    script = "mkdir /d; for i in $(seq 1 300); do echo $i >/d/$i; done"
    crashing.docker("run", "--name", "filled", "--network=none", "busybox", "sh", "-c", script)
    crashing.docker("commit", "filled", "filled:1")
    crashing.docker("rm", "filled")
    before = traces(crashing)
    body = {"Image": "filled:1", "Cmd": ["sleep", "1000"], "HostConfig": {"Binds": ["data:/d"], "NetworkMode": "none"}}

    def run() -> None:
        crashing.attempt("POST", "/containers/create?name=user", body)
        crashing.attempt("POST", "/containers/user/start")

    for _ in crashing.each_step(run, steps="files", stride=67):
        crashing.attempt("POST", "/containers/create?name=user", body)
        crashing.attempt("POST", "/containers/user/start")
        assert crashing.docker("exec", "user", "sh", "-c", "cat /d/* | wc -l").stdout == "300\n"
        crashing.docker("rm", "-f", "user")
        crashing.docker("volume", "rm", "data")
        wait_until_as(crashing, before)
    crashing.docker("rmi", "filled:1")


def test_network_create_and_remove(crashing: CrashingEngine) -> None:
    before = traces(crashing)
    body = {"Name": "app", "EnableIPv6": True, "Labels": {"a": "b"}}
    for _ in crashing.each_step(lambda: crashing.attempt("POST", "/networks/create", body)):
        assert names(crashing, "networks") <= {"bridge", "host", "none", "steady", "app"}
        assert crashing.call("POST", "/networks/create", body)[0] in (201, 409)
        crashing.docker("run", "--rm", "--network=app", "--name", "web", "busybox", "nslookup", "web")
        crashing.docker("network", "rm", "app")
        wait_until_as(crashing, before)
    crashing.call("POST", "/networks/create", body)
    for _ in crashing.each_step(lambda: crashing.attempt("DELETE", "/networks/app")):
        crashing.attempt("DELETE", "/networks/app")
        wait_until_as(crashing, before)
        crashing.call("POST", "/networks/create", body)
    crashing.call("DELETE", "/networks/app")


def test_connect_and_disconnect(crashing: CrashingEngine) -> None:
    """The container keeps its first network all the time; the second is there or not, never half."""
    crashing.docker("network", "create", "one")
    crashing.docker("network", "create", "two")
    crashing.docker("run", "-d", "--name", "web", "--network=one", "busybox", "sleep", "1000")
    crashing.docker("run", "-d", "--name", "peer", "--network=two", "busybox", "sleep", "1000")
    before = traces(crashing)
    for verb in ("connect", "disconnect"):
        for _ in crashing.each_step(
            lambda verb=verb: crashing.attempt("POST", f"/networks/two/{verb}", {"Container": "web"})  # type: ignore[misc]
        ):
            assert crashing.docker("exec", "web", "ping", "-c1", "-W2", "web").returncode == 0
            networks = set(crashing.call("GET", "/containers/web/json")[1]["NetworkSettings"]["Networks"])
            if networks == {"one", "two"}:
                crashing.docker("exec", "web", "ping", "-c1", "-W2", "peer")
                crashing.docker("network", "disconnect", "two", "web")
            else:
                assert networks == {"one"}
                crashing.docker("network", "connect", "two", "web")
                crashing.docker("exec", "web", "ping", "-c1", "-W2", "peer")
                crashing.docker("network", "disconnect", "two", "web")
            wait_until_as(crashing, before)
            if verb == "disconnect":
                crashing.docker("network", "connect", "two", "web")
    crashing.remove_everything()
