"""Secrets and configs in tasks: in memory, where and for whom they are wanted, templated ones too."""

import base64
from typing import Any

from tests.support.swarm import OneNode


def make(node: OneNode, kind: str, name: str, data: str, **more: Any) -> str:
    body = {"Name": name, "Data": base64.b64encode(data.encode()).decode(), **more}
    return str(node.call("POST", f"/{kind}/create", body)["ID"])


def secret(identity: str, name: str, target: str = "", **file: Any) -> dict[str, Any]:
    given = {"Name": target or name, "UID": "0", "GID": "0", "Mode": 0o444, **file}
    return {"SecretID": identity, "SecretName": name, "File": given}


def config(identity: str, name: str, target: str = "") -> dict[str, Any]:
    given = {"Name": target or name, "UID": "0", "GID": "0", "Mode": 0o444}
    return {"ConfigID": identity, "ConfigName": name, "File": given}


def test_a_secret_is_a_file_in_memory(node: OneNode) -> None:
    key = make(node, "secrets", "key", "value")
    wanted = [secret(key, "key"), secret(key, "key", "/etc/own", UID="7", GID="8", Mode=0o400)]
    node.create("web", container={"Secrets": wanted})
    task = node.running("web", 1)[0]
    assert node.output(task, "cat", "/run/secrets/key") == "value"
    assert node.output(task, "stat", "-c", "%u:%g %a", "/etc/own") == "7:8 400"
    assert node.output(task, "sh", "-c", "grep -c ' /run/secrets/key ' /proc/mounts") == "1"
    found = node.engine.root.rglob("*")
    assert not any(path.read_bytes() == b"value" for path in found if path.is_file() and path.stat().st_size < 100)


def test_a_config_lies_in_the_root_and_survives_the_engine(node: OneNode) -> None:
    conf = make(node, "configs", "conf", "text")
    node.create("web", container={"Configs": [config(conf, "conf"), config(conf, "conf", "/srv/a/b")]})
    task = node.running("web", 1)[0]
    assert node.output(task, "cat", "/conf", "/srv/a/b") == "texttext"
    node.engine.kill()
    node.engine.start()
    assert node.output(node.running("web", 1)[0], "cat", "/conf") == "text"


def test_a_templated_config_is_each_tasks_own(node: OneNode) -> None:
    text = 'slot {{ .Task.Slot }} of {{ .Service.Name }}, {{ env "COLOUR" }}'
    conf = make(node, "configs", "page", text, Templating={"Name": "golang"})
    node.create("web", replicas=2, container={"Configs": [config(conf, "page")], "Env": ["COLOUR=red"]})
    for task in node.running("web", 2):
        assert node.output(task, "cat", "/page") == f"slot {task['Slot']} of web, red"


def test_a_template_that_names_nothing_is_told(node: OneNode) -> None:
    conf = make(node, "configs", "bad", '{{ secret "nothing" }}', Templating={"Name": "golang"})
    node.create("web", container={"Configs": [config(conf, "bad")]}, task={"RestartPolicy": {"Condition": "none"}})
    assert "secret target nothing not found" in node.ended("web", "rejected")["Status"]["Err"]
