"""The table of keys: equal to the published schema, documented, and true."""

import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from shoal.compose.keys.support import render_support_table, support_of
from shoal.compose.keys.table import ROOT
from shoal.compose.keys.types import Key
from shoal.compose.observed import ObservedState
from shoal.compose.plan import plan_images, plan_up
from shoal.compose.planning.options import ImageOptions, UpOptions
from shoal.errors import NotSupported
from tests.support.compose_projects import load_text, with_images

DOCS = Path(__file__).parents[4] / "docs"


def schema() -> dict[str, Any]:
    """The Compose schema that check-jsonschema carries."""
    folder = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    found: dict[str, Any] = json.loads(folder.read_text())
    return found


def schema_paths(node: dict[str, Any], root: dict[str, Any], inside: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every named key of the schema, as paths with `*` for names and `[]` for items."""
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[1]
        if inside.count(name) == 0 or name not in ("container_spec", "pre_start_hook"):
            yield from schema_paths(root["$defs"][name], root, (*inside, name))
        return
    for kind in ("oneOf", "anyOf", "allOf"):
        for one in node.get(kind, ()):
            yield from schema_paths(one, root, inside)
    for key, inner in node.get("properties", {}).items():
        yield (key,)
        if key == "pre_start":
            continue  # a container once more; the table says so by reference
        for path in schema_paths(inner, root, inside):
            yield (key, *path)
    for pattern, inner in node.get("patternProperties", {}).items():
        if pattern != "^x-":
            for path in schema_paths(inner, root, inside):
                yield ("*", *path)
    if isinstance(node.get("items"), dict):
        for path in schema_paths(node["items"], root, inside):
            yield ("[]", *path)


def test_the_table_has_exactly_the_keys_of_the_schema():
    whole = schema()
    wanted = {path for path in schema_paths(whole, whole)}
    ours = {path for path, _ in ROOT.paths()}
    assert len(wanted) > 400
    assert ours - wanted == set(), "keys that the format does not have"
    assert wanted - ours == set(), "keys of the format that the table does not have"


def test_the_docs_page_is_the_table():
    page = (DOCS / "compose-support.md").read_text()
    assert page == render_support_table(), "run: python -m shoal.compose.keys.support > docs/compose-support.md"


#: A value for every key of a service, as YAML, and what the rest of the file must have for it.
SAMPLES = {
    "annotations": "{a: b}",
    "attach": "false",
    "blkio_config": "{weight: 300}",
    "build": ".",
    "cap_add": "[NET_ADMIN]",
    "cap_drop": "[ALL]",
    "cgroup": "host",
    "cgroup_parent": "/x",
    "command": "run it",
    "configs": "[c]",
    "container_name": "own",
    "cpu_quota": "5000",
    "cpu_period": "100000",
    "cpu_rt_period": "1000",
    "cpu_rt_runtime": "1000",
    "cpu_shares": "10",
    "cpus": "0.5",
    "cpuset": "'0'",
    "depends_on": "[b]",
    "deploy": "{replicas: 2}",
    "device_cgroup_rules": "['c 1:3 mr']",
    "devices": "['/dev/null']",
    "dns": "1.1.1.1",
    "dns_opt": "[ndots:1]",
    "dns_search": "example.org",
    "domainname": "x.org",
    "entrypoint": "/init",
    "env_file": "a.env",
    "environment": "{A: b}",
    "expose": "[80]",
    "external_links": "[other]",
    "extends": "{service: base}",
    "extra_hosts": "['h=1.1.1.1']",
    "gpus": "all",
    "group_add": "[1]",
    "healthcheck": "{test: 'true'}",
    "hostname": "h",
    "image": "other",
    "init": "true",
    "ipc": "host",
    "label_file": "a.env",
    "labels": "{a: b}",
    "links": "[b]",
    "logging": "{driver: none}",
    "mac_address": "'02:42:ac:11:00:02'",
    "mem_limit": "64m",
    "mem_reservation": "32m",
    "mem_swappiness": "10",
    "memswap_limit": "128m",
    "network_mode": "none",
    "networks": "[n]",
    "oom_kill_disable": "true",
    "oom_score_adj": "100",
    "pid": "host",
    "pids_limit": "10",
    "platform": "linux/arm64",
    "ports": "['80']",
    "post_start": "[{command: 'true'}]",
    "pre_start": "[{command: 'true'}]",
    "pre_stop": "[{command: 'true'}]",
    "privileged": "true",
    "profiles": "[p]",
    "pull_policy": "always",
    "read_only": "true",
    "restart": "always",
    "runtime": "crun",
    "scale": "3",
    "secrets": "[s]",
    "security_opt": "['no-new-privileges:true']",
    "shm_size": "64m",
    "stdin_open": "true",
    "stop_grace_period": "3s",
    "stop_signal": "SIGINT",
    "storage_opt": "{size: 1g}",
    "sysctls": "{net.core.somaxconn: 1}",
    "tmpfs": "/run",
    "tty": "true",
    "ulimits": "{nofile: 10}",
    "use_api_socket": "true",
    "user": "me",
    "userns_mode": "host",
    "uts": "host",
    "volumes": "['v:/v']",
    "volumes_from": "[b]",
    "working_dir": "/w",
}
#: Honoured by commands that show or fetch, not by the containers of `up`.
ELSEWHERE = {"attach": "up without -d", "pull_refresh_after": "with pull_policy: refresh", "pre_stop": "stop and down"}

FILE = """
services:
  a:
    {image}
    {line}
  base: {{image: x, user: base}}
  b: {{image: x}}
networks: {{n: }}
volumes: {{v: }}
configs: {{c: {{content: x}}}}
secrets: {{s: {{file: ./s}}}}
"""


def effect(line: str) -> str:
    """Everything that `up` would do."""
    image = "" if line.startswith("image") else "image: busybox"
    project = load_text(FILE.format(image=image, line=line), files={"a.env": "Q=1\n"}).project
    empty = ObservedState()
    images = plan_images(project, empty, ImageOptions())
    plan = plan_up(project, with_images(empty, project), UpOptions())
    requests = [getattr(one, "request", one) for one in plan.operations]
    return repr([images, plan, [(r, getattr(r, "body", None)) for r in requests], sorted(project.services)])


def without_hashes(text: str) -> str:
    import re

    return re.sub(r"[0-9a-f]{64}", "HASH", text)


SERVICE = dict(ROOT.keys["services"].type.paths())
HONOURED = [path[1] for path, key in SERVICE.items() if len(path) == 2 and key and support_of(key) == "yes"]


@pytest.mark.parametrize("key", sorted(set(HONOURED) - ELSEWHERE.keys()))
def test_a_key_that_is_honoured_changes_what_is_done(key: str):
    assert without_hashes(effect(f"{key}: {SAMPLES[key]}")) != without_hashes(effect("x-nothing: 1"))


def test_a_cluster_key_is_named_in_a_warning():
    text = "services: {a: {image: x, deploy: {placement: {constraints: [node.role == manager]}}}}"
    assert load_text(text).warnings == (
        "compose.yaml:1:35: services.a.deploy.placement: no effect: has an effect in a cluster only",
    )


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("models: [m]", "services.a.models"),
        ("provider: {type: x}", "services.a.provider"),
        ("build: {context: ., ssh: [default]}", "services.a.build.ssh"),
    ],
)
def test_what_cannot_be_honoured_is_refused_but_config_shows_it(body: str, path: str):
    text = f"services:\n  a:\n    image: x\n    {body}\nmodels: {{m: {{model: y}}}}\n"
    with pytest.raises(NotSupported, match=f"^compose.yaml:4:.*{path}: not supported: "):
        load_text(text)
    lenient = load_text(text, check_support=False)
    assert any(f"{path}: no effect" in warning for warning in lenient.warnings)


def test_the_words_for_support():
    anything = ROOT
    assert [support_of(key) for key in (Key(anything), Key(anything, cluster=True), Key(anything, warning="w"))] == [
        "yes",
        "cluster",
        "warning",
    ]
