"""Who acts: the protocol, specs that name agents, scripted strategies."""

from .protocol import Agent, AgentFactory
from .spec import agent_factory

__all__ = ["Agent", "AgentFactory", "agent_factory"]
