"""PURE: frozen dataclasses, enums and ids of every noun."""
