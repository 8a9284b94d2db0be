"""Files of containers, reached from outside."""
