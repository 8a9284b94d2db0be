"""Measurements: `make bench`. Not tests: nothing here fails because a machine is slow."""
