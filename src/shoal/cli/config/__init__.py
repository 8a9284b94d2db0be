"""Commands about configs."""
