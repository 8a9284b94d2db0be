"""Clusters of several hosts, each a network namespace with a shoald of its own."""
