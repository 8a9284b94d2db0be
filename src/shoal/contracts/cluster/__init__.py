"""Contracts of a cluster: its store, a node's line to the managers, what runs tasks, the overlay, the control API."""
