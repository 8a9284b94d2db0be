"""Which node a task goes to, or why none."""
