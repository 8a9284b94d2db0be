"""Tables, character for character: the ones of the counter app as docker prints them."""

import json
from typing import Any

from shoal.cli.container.ls import container_listing
from shoal.cli.image.ls import image_listing, image_rows
from shoal.cli.listing import table_text
from shoal.cli.network.commands import network_listing
from shoal.cli.volume.commands import volume_listing

NOW_S = 1_800_000_000.0
MINUTE, HOUR, DAY = 60, 3600, 86400

CONTAINERS = """\
CONTAINER ID   IMAGE                    COMMAND                  CREATED              STATUS              PORTS                                       NAMES
fb0d1f9386c9   redis:alpine             "docker-entrypoint.s…"   About a minute ago   Up About a minute   6379/tcp                                    multi-container_redis_1
7a891575ec6c   multi-container_web-fe   "python app.py pytho…"   About a minute ago   Up About a minute   0.0.0.0:5000->5000/tcp, :::5000->5000/tcp   multi-container_web-fe_1
"""  # noqa: E501

IMAGES = """\
REPOSITORY               TAG               IMAGE ID       CREATED          SIZE
multi-container_web-fe   latest            8a899915ef65   15 seconds ago   57.5MB
je12emy/gsd              first_container   4db286da13f9   3 hours ago      124MB
node                     current-alpine    996519d8e181   11 hours ago     112MB
python                   alpine            d4d6be1b90ec   5 days ago       45.1MB
redis                    alpine            814803e951a7   11 days ago      32.3MB
alpine                   latest            021b3423115f   12 days ago      5.6MB
hello-world              latest            d1165f221234   5 months ago     13.3kB
"""

SWARM_NODES = """\
CONTAINER ID   IMAGE                         COMMAND         CREATED         STATUS         PORTS     NAMES
f0fa7a900747   je12emy/gsd:first_container   "node app.js"   2 minutes ago   Up 2 minutes             web.3.vfpa9v24z30tp1o6r6z636krm
"""  # noqa: E501


def container(identifier: str, image: str, command: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "Id": identifier + "0" * 52,
        "Image": image,
        "ImageID": "sha256:" + "a" * 64,
        "Command": command,
        "Created": int(NOW_S) - 80,
        "Status": "Up About a minute",
        "State": "running",
        "Names": [f"/{name}"],
        "Ports": [],
        **more,
    }


def counter_app() -> list[dict[str, Any]]:
    published = [
        {"IP": "::", "PrivatePort": 5000, "PublicPort": 5000, "Type": "tcp"},
        {"IP": "0.0.0.0", "PrivatePort": 5000, "PublicPort": 5000, "Type": "tcp"},
    ]
    return [
        container(
            "fb0d1f9386c9",
            "redis:alpine",
            "docker-entrypoint.sh redis-server",
            "multi-container_redis_1",
            Ports=[{"PrivatePort": 6379, "Type": "tcp"}],
        ),
        container(
            "7a891575ec6c",
            "multi-container_web-fe",
            "python app.py python app.py",
            "multi-container_web-fe_1",
            Ports=published,
        ),
    ]


def test_container_ls_of_the_counter_app() -> None:
    assert container_listing(NOW_S).table(counter_app()) == CONTAINERS


def test_container_ls_without_ports() -> None:
    item = container(
        "f0fa7a900747",
        "je12emy/gsd:first_container",
        "node app.js",
        "web.3.vfpa9v24z30tp1o6r6z636krm",
        Created=int(NOW_S) - 130,
        Status="Up 2 minutes",
    )
    assert container_listing(NOW_S).table([item]) == SWARM_NODES


def test_image_ls_of_the_counter_app() -> None:
    listed = [
        ("multi-container_web-fe:latest", "8a899915ef65", 15, 57_500_000),
        ("je12emy/gsd:first_container", "4db286da13f9", 3 * HOUR, 124_000_000),
        ("node:current-alpine", "996519d8e181", 11 * HOUR, 112_000_000),
        ("python:alpine", "d4d6be1b90ec", 5 * DAY, 45_100_000),
        ("redis:alpine", "814803e951a7", 11 * DAY, 32_300_000),
        ("alpine:latest", "021b3423115f", 12 * DAY, 5_600_000),
        ("hello-world:latest", "d1165f221234", 150 * DAY, 13_300),
    ]
    images = [
        {"Id": f"sha256:{digits}{'0' * 52}", "RepoTags": [name], "Created": int(NOW_S) - age_s, "Size": size}
        for name, digits, age_s, size in listed
    ]
    assert image_listing(NOW_S).table(image_rows(images)) == IMAGES


def test_images_without_name_and_with_several() -> None:
    images = [
        {"Id": "sha256:" + "1" * 64, "RepoTags": [], "Created": int(NOW_S) - 60, "Size": 1000},
        {
            "Id": "sha256:" + "2" * 64,
            "RepoTags": ["localhost:5000/a:1", "b:2"],
            "RepoDigests": ["localhost:5000/a@sha256:abc"],
            "Created": int(NOW_S) - 60,
            "Size": 1000,
        },
    ]
    rows = [(row.repository, row.tag, row.digest) for row in image_rows(images, has_digests=True)]
    assert rows == [
        ("<none>", "<none>", "<none>"),
        ("localhost:5000/a", "1", "sha256:abc"),
        ("b", "2", "<none>"),
    ]


def test_no_truncation_shows_all() -> None:
    text = container_listing(NOW_S, is_truncated=False).table(counter_app())
    assert "fb0d1f9386c9" + "0" * 52 in text
    assert '"docker-entrypoint.sh redis-server"' in text


def test_an_image_known_only_by_its_id_is_shortened() -> None:
    item = container("a" * 12, "sha256:" + "b" * 64, "sh", "x", ImageID="sha256:" + "b" * 64)
    assert container_listing(NOW_S).fields["Image"](item) == "b" * 12


def test_size_column() -> None:
    listing = container_listing(NOW_S)
    text = listing.table(
        [container("a" * 12, "i", "sh", "x", SizeRw=0, SizeRootFs=5_600_000)], (*listing.columns, "Size")
    )
    assert text.splitlines()[0].endswith("NAMES     SIZE")
    assert text.splitlines()[1].endswith("0B (virtual 5.6MB)")


def test_templates_of_lists() -> None:
    listing = container_listing(NOW_S)
    assert listing.formatted(counter_app(), "{{.ID}} {{.Names}}") == (
        "fb0d1f9386c9 multi-container_redis_1\n7a891575ec6c multi-container_web-fe_1\n"
    )
    assert listing.formatted(counter_app(), r"table {{.Names}}\t{{.Image}}") == (
        "NAMES                      IMAGE\n"
        "multi-container_redis_1    redis:alpine\n"
        "multi-container_web-fe_1   multi-container_web-fe\n"
    )
    labelled = container("a" * 12, "i", "sh", "x", Labels={"app": "counter"})
    assert listing.formatted([labelled], '{{.Label "app"}}/{{.Label "no"}}') == "counter/\n"


def test_json_format_has_every_field_by_name() -> None:
    line = container_listing(NOW_S).formatted(counter_app()[:1], "json")
    value = json.loads(line)
    assert value["ID"] == "fb0d1f9386c9"
    assert list(value) == sorted(value)
    assert {
        "Command",
        "CreatedAt",
        "Image",
        "Labels",
        "Mounts",
        "Names",
        "Networks",
        "Ports",
        "State",
        "Status",
    } <= value.keys()


def test_networks_and_volumes() -> None:
    network = {"Id": "9d22d4a5f1c7" + "0" * 52, "Name": "bridge", "Driver": "bridge", "Scope": "local"}
    assert network_listing().table([network]) == (
        "NETWORK ID     NAME      DRIVER    SCOPE\n9d22d4a5f1c7   bridge    bridge    local\n"
    )
    assert volume_listing().table([{"Name": "counter-vol", "Driver": "local"}]) == (
        "DRIVER    VOLUME NAME\nlocal     counter-vol\n"
    )


def test_a_table_of_nothing_is_its_headings() -> None:
    assert container_listing(NOW_S).table([]) == (
        "CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES\n"
    )
    assert table_text([["A"], ["b"]]) == "A\nb\n"
