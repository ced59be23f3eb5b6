"""Scripted strategies by name: `scripted:boulware`, `scripted:hard_headed?level=0.6`."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Final

from ...errors import AgentError, one_of
from ...prompts import PromptStyle
from ..protocol import Agent, AgentFactory
from .agent import RandomLegalAgent, ScriptedAgent, SolverAgent
from .tactics import HardHeaded, Patient, Tactic, TimeDependent, TitForTat
from .talker import Talker

TACTICS: Final[dict[str, Tactic]] = {
    "boulware": TimeDependent(beta=0.3),
    "conceder": TimeDependent(beta=3.0),
    "linear": TimeDependent(beta=1.0),
    "tit_for_tat": TitForTat(),
    "hard_headed": HardHeaded(),
    "patient": Patient(),
}
"""Strategies that see their own observation only, with their default parameters."""

PRIVILEGED: Final = "solver"
"""The strategy that is shown the solution of the game."""

RANDOM: Final = "random_legal"
TALKER: Final = "talker"
DEDUCER: Final = "deducer"

_LARGEST: Final = 100
"""Of a parameter of a tactic, in either direction; 1 is the way from reservation to target."""


def _deducer(seat: str, seed: int, style: PromptStyle) -> Agent:
    from .deduction import DeductionAgent  # with all its games, which most runs never play

    return DeductionAgent(seat, seed, style)


_UNTUNED: Final[dict[str, Callable[[str, int, PromptStyle], Agent]]] = {
    PRIVILEGED: SolverAgent,
    RANDOM: RandomLegalAgent,
    TALKER: Talker,
    DEDUCER: _deducer,
}

__all__ = ["PRIVILEGED", "RANDOM", "TACTICS", "build"]


def build(argument: str, options: Mapping[str, str], style: PromptStyle) -> AgentFactory:
    """Factory of a scripted agent.

    Raises:
        AgentError: for an unknown strategy or parameter, with those that exist.
    """
    one_of([*TACTICS, *_UNTUNED], argument, "scripted agent", AgentError)
    if argument in _UNTUNED:
        agent = _UNTUNED[argument]
        _check_parameters(argument, options, [])
        return lambda seat, seed: agent(seat, seed, style)
    tactic = _tuned(argument, TACTICS[argument], options)
    return lambda seat, seed: ScriptedAgent(seat, seed, tactic, style)


def _tuned(name: str, tactic: Tactic, options: Mapping[str, str]) -> Tactic:
    known = [item.name for item in fields(tactic)]
    _check_parameters(name, options, known)
    try:
        values = {key: float(value) for key, value in options.items()}
    except ValueError as error:
        raise AgentError(f"parameters of scripted:{name} are numbers: {error}") from error
    for key, value in values.items():
        if not abs(value) <= _LARGEST:  # what is not a number is refused too
            raise AgentError(
                f"{key} of scripted:{name} must be from -{_LARGEST} to {_LARGEST}, got {value:g}"
            )
    current = {key: getattr(tactic, key) for key in known}
    tuned: Tactic = type(tactic)(**(current | values))
    return tuned


def _check_parameters(name: str, options: Mapping[str, str], known: list[str]) -> None:
    for key in options:
        one_of(known, key, f"parameter of scripted:{name}", AgentError)
