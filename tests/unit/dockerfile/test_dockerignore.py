"""Which paths a .dockerignore leaves out."""

import pytest

from shoal.dockerfile.dockerignore import parse_ignore
from shoal.errors import InvalidArgument

PATHS = [
    "Dockerfile",
    "README.md",
    "a/README.md",
    "a/b/c.txt",
    "a/b/keep.txt",
    "docs",
    "docs/x.md",
    "node_modules/x/y.js",
    "src/node_modules/z.js",
    "[odd]",
]


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        ("", []),
        ("# comment\n\n", []),
        ("*.md", ["README.md"]),
        ("**/*.md", ["README.md", "a/README.md", "docs/x.md"]),
        ("*/*.md", ["a/README.md", "docs/x.md"]),
        ("/docs", ["docs", "docs/x.md"]),
        ("docs/", ["docs", "docs/x.md"]),
        ("./docs/../docs", ["docs", "docs/x.md"]),
        ("a/b\n!a/b/keep.txt", ["a/b/c.txt"]),
        ("**\n!README.md", [p for p in PATHS if p != "README.md"]),
        ("*\n!docs", [p for p in PATHS if not p.startswith("docs")]),
        ("**/node_modules", ["node_modules/x/y.js", "src/node_modules/z.js"]),
        ("!docs\ndocs", ["docs", "docs/x.md"]),
        ("a/?/c.*", ["a/b/c.txt"]),
        ("[a-c]/b/[^k]*", ["a/b/c.txt"]),
        (r"\[odd\]", ["[odd]"]),
        ("a/**/keep.txt", ["a/b/keep.txt"]),
    ],
)
def test_excludes(text: str, left_out: list[str]):
    ignore = parse_ignore(text)
    assert [path for path in PATHS if ignore.excludes(path)] == left_out


def test_a_folder_is_pruned_only_when_no_exception_can_be_in_it():
    ignore = parse_ignore("node_modules\na\n!a/b/keep.txt\n!**/never/*.x")
    assert not ignore.prunes("a")
    assert not ignore.prunes("src")
    assert parse_ignore("node_modules\n!src/x").prunes("node_modules")


@pytest.mark.parametrize("text", ["[a", "!", "x\\"])
def test_bad_patterns_say_their_line(text: str):
    with pytest.raises(InvalidArgument, match=r"\.dockerignore:2"):
        parse_ignore(f"ok\n{text}")
