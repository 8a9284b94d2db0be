"""A node's agent: does what the managers say, tells them what is, and goes on without them."""

from shoal.swarm.agent.agent import Agent

__all__ = ["Agent"]
