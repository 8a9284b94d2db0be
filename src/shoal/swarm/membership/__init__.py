"""This node's part in a cluster: how it comes in, what it keeps on disk, what runs here while it is in."""
