"""The network of the host: links, namespaces, the firewall, and the process that holds names and ports."""
