"""Carries out a plan on an engine: one API call an operation, several at a time."""
