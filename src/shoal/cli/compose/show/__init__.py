"""What Compose commands show: progress of operations, and lines of several containers' logs."""
