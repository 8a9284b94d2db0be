"""Commands about the engine and the host."""
