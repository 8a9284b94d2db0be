"""The recipes: which images there are stand-ins for, one line each."""

from dataclasses import dataclass

BASE = "docker.io/library/debian"
BASE_REFERENCE = "debian:bookworm-slim"
SUITE = "bookworm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a stand-in is made.

    name: of the folder with its Dockerfile; "debian" has none: it is bootstrapped
    title: what is inside, for people
    repository: whole name of the images that it stands for
    target: stage of the Dockerfile; "" = the last
    tags: beginnings of the tags that it can stand for; () = all
    variant: a word that the tag must have ("3-management-alpine": management); "" = any tag
    without: words of tags that are other systems
    """

    name: str
    title: str
    repository: str
    target: str = ""
    tags: tuple[str, ...] = ()
    variant: str = ""
    without: tuple[str, ...] = ()


#: Debian's other releases are other systems: no tag of them is served
_DEBIAN_TAGS = ("bookworm", "12", "latest", "stable")
RECIPES = (
    Recipe(name="debian", title="Debian 12 from the distribution's packages", repository=BASE, tags=_DEBIAN_TAGS),
    Recipe(name="python", title="Python from Debian 12", repository="docker.io/library/python", target="plain"),
    Recipe(name="redis", title="Redis from Debian 12", repository="docker.io/library/redis", target="plain"),
    Recipe(name="nginx", title="nginx from Debian 12", repository="docker.io/library/nginx", target="plain"),
    Recipe(name="node", title="Node.js 24 from PyPI", repository="docker.io/library/node", target="plain"),
    Recipe(name="mongo", title="MongoDB 6.0 from PyPI, mongosh from npm", repository="docker.io/library/mongo"),
    Recipe(
        name="elasticsearch",
        title="Elasticsearch 1.5 from npm, with an adapter for clients of 5.x",
        repository="docker.io/library/elasticsearch",
    ),
    Recipe(name="prometheus", title="Prometheus from Debian 12", repository="docker.io/prom/prometheus"),
    Recipe(name="prometheus", title="Prometheus from Debian 12", repository="quay.io/prometheus/prometheus"),
    Recipe(name="node-exporter", title="node_exporter from Debian 12", repository="docker.io/prom/node-exporter"),
    Recipe(name="node-exporter", title="node_exporter from Debian 12", repository="quay.io/prometheus/node-exporter"),
    Recipe(name="alertmanager", title="Alertmanager from Debian 12", repository="docker.io/prom/alertmanager"),
    Recipe(name="alertmanager", title="Alertmanager from Debian 12", repository="quay.io/prometheus/alertmanager"),
    Recipe(name="cadvisor", title="cAdvisor from Debian 11", repository="gcr.io/cadvisor/cadvisor"),
    Recipe(name="cadvisor", title="cAdvisor from Debian 11", repository="ghcr.io/google/cadvisor"),
    Recipe(name="cadvisor", title="cAdvisor from Debian 11", repository="docker.io/google/cadvisor"),
    Recipe(
        name="postgres", title="PostgreSQL 15 from Debian 12", repository="docker.io/library/postgres", target="plain"
    ),
    Recipe(
        name="wordpress",
        title="WordPress 6.1 and PHP 8.2 with Apache from Debian 12",
        repository="docker.io/library/wordpress",
        without=("cli", "fpm"),
    ),
    Recipe(
        name="logstash",
        title="logpipe, a small program that reads Logstash's pipelines",
        repository="docker.io/library/logstash",
    ),
    Recipe(
        name="kibana",
        title="Kibana 5.1 from npm",
        repository="docker.io/library/kibana",
    ),
    Recipe(name="mosquitto", title="Mosquitto 2.0 from Debian 12", repository="docker.io/library/eclipse-mosquitto"),
    Recipe(
        name="rabbitmq",
        title="RabbitMQ 3.10 from Debian 12, with its web page",
        repository="docker.io/library/rabbitmq",
        target="management",
        variant="management",
    ),
    Recipe(
        name="rabbitmq", title="RabbitMQ 3.10 from Debian 12", repository="docker.io/library/rabbitmq", target="server"
    ),
    Recipe(name="memcached", title="memcached 1.6 from Debian 12", repository="docker.io/library/memcached"),
    Recipe(name="consul", title="Consul 1.8 from Debian 11", repository="docker.io/hashicorp/consul"),
    Recipe(name="consul", title="Consul 1.8 from Debian 11", repository="docker.io/library/consul"),
    Recipe(name="vsftpd", title="vsftpd from Debian 12", repository="docker.io/fauria/vsftpd"),
    Recipe(
        name="grafana",
        title="Panelist, a small program that speaks Grafana's API",
        repository="docker.io/grafana/grafana",
    ),
    Recipe(
        name="grafana",
        title="Panelist, a small program that speaks Grafana's API",
        repository="docker.io/grafana/grafana-oss",
    ),
    Recipe(name="busybox", title="static busybox from Debian", repository="docker.io/library/busybox"),
    Recipe(name="busybox", title="static busybox, no apk", repository="docker.io/library/alpine"),
)
