"""The phases of loading, one module each; `loader` runs them in order."""
