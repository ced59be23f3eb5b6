"""Verifiable games: the protocol and one module a family."""

from .price_negotiation import PriceNegotiation
from .protocol import Game, Solution
from .resource_allocation import ResourceAllocation

__all__ = ["Game", "PriceNegotiation", "ResourceAllocation", "Solution"]
