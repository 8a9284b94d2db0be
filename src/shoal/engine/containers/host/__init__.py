"""What containers need of the host: their files, its devices, security profiles."""
