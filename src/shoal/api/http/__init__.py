"""What every endpoint stands on: requests, replies, routes, streams."""
