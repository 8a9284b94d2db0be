"""Plugins of Docker's legacy plugin protocol: JSON over HTTP on a socket that is found by its name."""
