"""How nodes trust each other: the cluster's CA, certificates of nodes, join tokens, the unlock key."""
