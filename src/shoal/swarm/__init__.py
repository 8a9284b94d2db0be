"""The cluster at work: managers that decide and tell, agents that do and report, and how nodes trust each other."""
