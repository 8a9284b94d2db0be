"""PURE: the decisions about networks: addresses, ports, firewall rules, names."""
