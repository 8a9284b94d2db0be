"""PURE: what the overlay of a node has to be: tunnel, routes, firewall, names. See docs/design/overlay.md."""
