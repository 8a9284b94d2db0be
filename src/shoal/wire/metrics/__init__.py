"""The engine's metrics as text for Prometheus."""
