"""The control API, a module for each noun. See `contracts.cluster.control`."""
