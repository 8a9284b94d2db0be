"""What flows out of containers and into them: logs, stdio, counters, files."""
