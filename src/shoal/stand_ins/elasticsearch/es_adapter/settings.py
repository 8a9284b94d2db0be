"""Which settings of a newer Elasticsearch an old one can take. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

#: of the settings that people write, those that mean the same to both
_KEPT = (
    "cluster.name",
    "node.name",
    "index.number_of_shards",
    "index.number_of_replicas",
    "http.cors.",
    "http.max_content_length",
)
#: what one node behind the adapter is anyway, or what changes nothing for it: left out without a word
_NEEDLESS = ("discovery.", "network.", "http.", "transport.", "bootstrap.", "cluster.initial_master_nodes")
_HEAP = ("-Xms256m", "-Xmx256m")
_ASSERTIONS = ("-Djava.awt.headless=true", "-Dfile.encoding=UTF-8", "-Djna.nosys=true")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What Elasticsearch 1.5 is started with.

    kept: settings that it is given. ignored: names of those that it does not know
    """

    kept: dict[str, str]
    ignored: tuple[str, ...]


def settings(file: Mapping[str, object], env: Mapping[str, str]) -> Settings:
    """From elasticsearch.yml and from environment variables with a dot in the name, which win."""
    said = {**flat(file), **{name: value for name, value in env.items() if "." in name}}
    kept = {name: value for name, value in said.items() if name.startswith(_KEPT)}
    unknown = sorted(name for name in said if name not in kept and not name.startswith(_NEEDLESS))
    if "ELASTIC_PASSWORD" in env:
        unknown.append("ELASTIC_PASSWORD")
    return Settings(kept=kept, ignored=tuple(unknown))


def flat(tree: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """{dotted name: value} of what may be nested in the file."""
    found: dict[str, str] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        elif value is not None:
            found[prefix + name] = str(value).lower() if isinstance(value, bool) else str(value)
    return found


def command(home: str, port: int, chosen: Settings, java_opts: str) -> list[str]:
    """How Elasticsearch 1.5 is started: on the container's own loopback, alone.

    java_opts: as in ES_JAVA_OPTS
    """
    options = java_opts.split()
    heap = [default for default in _HEAP if not any(option.startswith(default[:4]) for option in options)]
    mine = {
        **chosen.kept,
        "path.home": home,
        "path.data": f"{home}/data",
        "path.logs": f"{home}/logs",
        "network.host": "127.0.0.1",
        "http.port": str(port),
        "discovery.zen.ping.multicast.enabled": "false",
    }
    return [
        "java",
        *heap,
        *options,
        *_ASSERTIONS,
        *(f"-Des.{name}={value}" for name, value in sorted(mine.items())),
        "-cp",
        f"{home}/patches:{home}/lib/elasticsearch-1.5.0.jar:{home}/lib/*",
        "org.elasticsearch.bootstrap.Elasticsearch",
    ]
