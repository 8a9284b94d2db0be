"""Commands and rendering; reads compose files and build contexts."""
