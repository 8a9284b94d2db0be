"""Rows of `compose images`."""

import pytest

from shoal.cli.compose.look import _image_row


@pytest.mark.parametrize(
    ("own", "shown"),
    [
        ("busybox", ("busybox", "latest")),
        ("busybox:latest", ("busybox", "latest")),
        ("other:1", ("other", "1")),
        ("gone:1", ("aaa", "latest")),
    ],
)
def test_an_image_is_called_as_its_container_calls_it(own: str, shown: tuple[str, str]) -> None:
    image = {"Id": "sha256:1", "RepoTags": ["aaa:latest", "busybox:latest", "other:1"], "Os": "linux"}
    row = _image_row({"Image": own, "Names": ["/app-a-1"]}, image)
    assert (row["Repository"], row["Tag"]) == shown
