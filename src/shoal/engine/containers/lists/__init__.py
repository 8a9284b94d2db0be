"""Which containers are listed and pruned."""
