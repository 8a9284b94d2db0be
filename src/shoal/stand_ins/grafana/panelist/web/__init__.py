"""The HTTP side: routes of Grafana's API, and the pages."""
