"""Nouns of a cluster: services, tasks, nodes, networks, secrets, configs, and the cluster itself."""
