"""`docs/compose-support.md`, generated from the table of keys.

`python -m shoal.compose.keys.support` prints it; a test holds the page equal to it.
"""

from collections.abc import Iterator, Mapping

from shoal.compose.keys.table import BUILD, CONFIG, JOB, NETWORK, PRE_START_KEYS, ROOT, SECRET, SERVICE, VOLUME
from shoal.compose.keys.types import Key, path_text

_HEAD = """# Compose keys

Every key of the Compose file format, and what Shoal does with it: on one host (`shoal compose`), and in a cluster
(`shoal stack`, see [stacks](stacks.md)). Generated from the table that files are checked against
(`python -m shoal.compose.keys.support`).

On one host:

- **yes**: honoured.
- **cluster**: read and checked; has an effect in a cluster only. A warning names it.
- **warning**: read and checked, without effect. A warning names it and says why.
- **error**: a file that uses it is refused with the reason. `compose config` still prints it.

In a cluster there are two ways only: **yes**, it works; **error**, the file is refused with file, line, column and the
reason.

Keys that start with `x-` are yours. Any other unknown key is an error with its file, line and column.
"""

_SECTIONS: tuple[tuple[str, Mapping[str, Key], frozenset[str]], ...] = (
    ("Top level", ROOT.keys, frozenset(ROOT.keys)),
    ("services", SERVICE, frozenset(("build",))),
    ("services: build", BUILD.keys, frozenset()),
    ("networks", NETWORK.keys, frozenset()),
    ("volumes", VOLUME.keys, frozenset()),
    ("secrets", SECRET.keys, frozenset()),
    ("configs", CONFIG.keys, frozenset()),
    ("services: pre_start, besides container keys", {"per_replica": PRE_START_KEYS["per_replica"]}, frozenset()),
    ("jobs", {key: JOB[key] for key in JOB if key not in SERVICE}, frozenset()),
)


def render_support_table() -> str:
    """The whole page."""
    parts = [_HEAD]
    for title, keys, closed in _SECTIONS:
        parts.append(f"\n## {title}\n\n| key | one host | cluster | note |\n|---|---|---|---|\n")
        parts += [
            f"| `{path}` | {support_of(key)} | {stack_support_of(key)} | {_note(key)} |\n"
            for path, key in _rows(keys, closed)
        ]
    return "".join(parts)


def _rows(keys: Mapping[str, Key], closed: frozenset[str]) -> Iterator[tuple[str, Key]]:
    """Each key, then the keys inside it, except of those in `closed`; a path once."""
    seen: dict[str, Key] = {}
    for name, key in keys.items():
        seen.setdefault(name, key)
        if name not in closed:
            for path, inner in key.type.paths():
                if inner is not None:
                    seen.setdefault(path_text((name, *path)), inner)
    return iter(seen.items())


def support_of(key: Key) -> str:
    """One word: yes, cluster, warning or error."""
    if key.error:
        return "error"
    if key.warning:
        return "warning"
    return "cluster" if key.cluster else "yes"


def stack_support_of(key: Key) -> str:
    """One word: yes or error."""
    return "error" if key.stack_error else "yes"


def _note(key: Key) -> str:
    """What is said of the key on one host, then what of it in a stack."""
    here = key.error or key.warning or key.note
    stack = "" if key.error or key.stack_error == key.warning != "" else key.stack_error or key.stack_note
    both = "; ".join(text for text in (here, f"in a stack: {stack}" if stack else "") if text)
    return both.replace("|", "\\|")


if __name__ == "__main__":
    print(render_support_table(), end="")
