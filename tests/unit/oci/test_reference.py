"""References: the cases of distribution/reference's own test table, and Docker's words for bad ones."""

import pytest

from shoal.errors import InvalidArgument
from shoal.oci.reference import familiar, parse_reference

SHA = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "canonical", "short"),
    [
        ("redis", "docker.io/library/redis", "redis"),
        ("redis:alpine", "docker.io/library/redis:alpine", "redis:alpine"),
        ("docker.io/redis", "docker.io/library/redis", "redis"),
        ("docker.io/library/redis", "docker.io/library/redis", "redis"),
        ("index.docker.io/library/redis", "docker.io/library/redis", "redis"),
        ("me/app", "docker.io/me/app", "me/app"),
        ("library/a/b", "docker.io/library/a/b", "library/a/b"),
        ("localhost/app", "localhost/app", "localhost/app"),
        ("localhost:5000/app:1", "localhost:5000/app:1", "localhost:5000/app:1"),
        ("127.0.0.1:5000/a/b/c", "127.0.0.1:5000/a/b/c", "127.0.0.1:5000/a/b/c"),
        ("[::1]:5000/app", "[::1]:5000/app", "[::1]:5000/app"),
        ("ghcr.io/x/y:v1.0_2-3", "ghcr.io/x/y:v1.0_2-3", "ghcr.io/x/y:v1.0_2-3"),
        ("MyHost/app", "MyHost/app", "MyHost/app"),
        (f"redis@{SHA}", f"docker.io/library/redis@{SHA}", f"redis@{SHA}"),
        (f"redis:1@{SHA}", f"docker.io/library/redis:1@{SHA}", f"redis:1@{SHA}"),
        ("a__b/c--d.e", "docker.io/a__b/c--d.e", "a__b/c--d.e"),
    ],
)
def test_normal_and_familiar_forms(text: str, canonical: str, short: str) -> None:
    reference = parse_reference(text)
    assert str(reference) == canonical
    assert reference.familiar == short
    assert parse_reference(canonical) == reference


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "invalid reference format"),
        (":1", "invalid reference format"),
        ("a:", "invalid reference format"),
        ("a b", "invalid reference format"),
        ("-a", "invalid reference format"),
        ("a..b", "invalid reference format"),
        ("a___b", "invalid reference format"),
        ("/a", "invalid reference format"),
        ("a/", "invalid reference format"),
        ("a//b", "invalid reference format"),
        ("a:b:c/d", "invalid reference format"),
        ("a@sha256:12", "invalid reference format"),
        ("a:" + "x" * 129, "invalid reference format"),
        ("Foo", "invalid reference format: repository name (library/Foo) must be lowercase"),
        ("x/Foo:1", "invalid reference format: repository name (x/Foo) must be lowercase"),
        ("a" * 64, f"invalid repository name ({'a' * 64}), cannot specify 64-byte hexadecimal strings"),
        ("a/" * 130 + "b", "repository name must not be more than 255 characters"),
    ],
)
def test_bad_references(text: str, message: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        parse_reference(text)
    assert error.value.message == message


def test_the_default_tag_is_added_only_where_nothing_is_said() -> None:
    assert familiar("docker.io/library/redis") == "redis:latest"
    assert familiar("redis:1") == "redis:1"
    assert familiar(f"redis@{SHA}") == f"redis@{SHA}"
    assert parse_reference("redis:1").with_tag("2").familiar == "redis:2"
    with pytest.raises(InvalidArgument, match="invalid tag format"):
        parse_reference("redis").with_tag("a b")
