"""A cluster on a virtual clock: store, network, nodes and disks that fail when a seed says so."""
