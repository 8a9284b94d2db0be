"""Docker-compatible HTTP: routers, stream upgrade, error -> status."""
