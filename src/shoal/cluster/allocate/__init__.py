"""Addresses, virtual addresses, published ports and subnets."""
