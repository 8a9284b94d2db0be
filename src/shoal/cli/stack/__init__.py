"""`shoal stack`: Compose files on a cluster."""
