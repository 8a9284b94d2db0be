"""The operations on a cluster: the swarm itself, its nodes, services, tasks, secrets and configs."""
