"""The tunnel between the nodes of a cluster, and the connections that come through it."""
