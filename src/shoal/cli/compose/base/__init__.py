"""What every Compose command stands on: files, project, the engine's state, and the doors for carrying out plans."""
