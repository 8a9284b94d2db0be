"""The stores of a cluster: SQLite for one manager, etcd for several."""
