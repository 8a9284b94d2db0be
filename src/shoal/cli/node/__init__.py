"""Commands about the nodes of the cluster."""
