"""Panelist: a stand-in for Grafana. It serves a part of Grafana's HTTP API and draws its dashboards from Prometheus."""

NAME = "Panelist"
TITLE = "Panelist, a stand-in for Grafana"
#: of Grafana, as API clients read it: what is served is the part of that version's API named in the README
API_VERSION = "9.5.0+panelist"
