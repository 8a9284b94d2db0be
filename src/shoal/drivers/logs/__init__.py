"""Reading the logs that conmon writes."""
