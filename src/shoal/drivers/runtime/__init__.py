"""Containers run by crun, each under a conmon of its own."""
