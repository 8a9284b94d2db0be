"""The cluster of an engine: swarm, nodes, services, tasks, secrets, configs."""
