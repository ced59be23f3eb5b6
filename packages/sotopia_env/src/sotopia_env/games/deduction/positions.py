"""Instances, positions and views of social games; the machine of `phases.py` moves them on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from pydantic import ConfigDict, field_serializer, model_validator

from ...profiles import GameParams
from ..protocol import News
from .config import GameConfig
from .targets import Move


class DeductionParams(GameParams):
    """One instance: the whole configuration, and who is called what."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    config: GameConfig
    names: tuple[str, ...]
    """Display names by seat; those of the configuration, unless characters took the seats."""
    seats: int

    @field_serializer("config")
    def _as_written(self, config: GameConfig) -> dict[str, Any]:
        return config.model_dump(mode="json", exclude_unset=True)

    @model_validator(mode="after")
    def _one_name_each(self) -> Self:
        players = len(self.config.agents)
        if not players == len(self.names) == self.seats:
            raise ValueError(
                f"{players} agents, {len(self.names)} names and {self.seats} seats; give one name "
                "to each agent, and their number as seats"
            )
        return self

    @classmethod
    def of(cls, config: GameConfig, **values: Any) -> Self:
        """Parameters with the names of the configuration."""
        names = tuple(player.name for player in config.agents)
        return cls(config=config, names=names, seats=len(names), **values)

    @classmethod
    def drawn(cls, config: GameConfig, **values: Any) -> Self:
        """The same by a generator, whose instances are right as they are: nothing is checked."""
        names = tuple(player.name for player in config.agents)
        return cls.model_construct(config=config, names=names, seats=len(names), **values)

    def role(self, seat: int) -> str:
        return self.config.agents[seat].role

    def team(self, seat: int) -> str:
        return self.config.agents[seat].team

    def partners(self, seat: int) -> tuple[int, ...]:
        """Those with whom the seat acts, seen by its team alone: they know each other."""
        found: set[int] = set()
        role, team = self.role(seat), self.team(seat)
        for properties in self.config.state_properties.values():
            acting = properties.acting_roles or ()
            if properties.visibility == "team" and role in acting:
                found.update(
                    other
                    for other, player in enumerate(self.config.agents)
                    if other != seat and player.team == team and player.role in acting
                )
        return tuple(sorted(found))

    def points(self, winner: str) -> tuple[float, ...]:
        """Utilities when a team has won, or nobody has (an empty name)."""
        if not winner:
            return (0.0,) * self.seats
        return tuple(1.0 if player.team == winner else -1.0 for player in self.config.agents)

    def dealt(self, seats: Sequence[int], rng: np.random.Generator) -> Self:
        """These parameters with the roles of some seats dealt anew among them."""
        agents = list(self.config.agents)
        for seat, other in zip(seats, rng.permutation(seats).tolist(), strict=True):
            role, team = self.role(other), self.team(other)
            agents[seat] = agents[seat].model_copy(update={"role": role, "team": team})
        config = self.config.model_copy(update={"agents": tuple(agents)})
        return self.model_copy(update={"config": config})

    def rewritten(self, changes: Mapping[str, tuple[str, str]]) -> Self:
        """These parameters with a word of the secret of some roles replaced, by role."""
        secrets = dict(self.config.role_secrets)
        for role in secrets.keys() & changes.keys():
            secrets[role] = secrets[role].replace(*changes[role])
        config = self.config.model_copy(update={"role_secrets": secrets})
        return self.model_copy(update={"config": config})

    @property
    def round_turns(self) -> int:
        """Turns that all phases take once, at most."""
        turns = 0
        for phase in self.config.state_transition:
            properties = self.config.properties(phase)
            roles = properties.acting_roles
            acting = sum(roles is None or player.role in roles for player in self.config.agents)
            turns += min(1, acting) if properties.action_order == "simultaneous" else acting
        return turns


@dataclass(frozen=True, slots=True)
class Ballot:
    """A vote that everybody saw; `number` counts the votes held, from 0."""

    number: int
    voter: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseState:
    """A position."""

    params: Any
    """Those of the game; typed by the state of each game."""
    seed: int
    """All chance in the game comes from it."""
    order: str
    """Of phases that name none."""
    phase: str = ""
    turn: int = 0
    visits: int = 0
    """Phases entered so far."""
    votes: int = 0
    """Votes held so far."""
    queue: tuple[int, ...] = ()
    """Seats still to act in this phase, the next one first; where not everybody sees who acts, at
    the end also those that are out, whose turns pass."""
    alive: tuple[bool, ...]
    moves: tuple[tuple[int, Move], ...] = ()
    """Made in this phase so far, by seat."""
    ballots: tuple[Ballot, ...] = ()
    news: tuple[News, ...] = ()
    """Since the position before."""
    winner: str = ""
    verdict: str = ""

    @property
    def living(self) -> list[int]:
        return [seat for seat, is_alive in enumerate(self.alive) if is_alive]

    def others(self, seat: int) -> list[str]:
        """Names of the living but for one's own."""
        return [self.params.names[other] for other in self.living if other != seat]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseView:
    """What one seat knows, and nothing else."""

    phase: str
    turn: int
    seat: int
    names: tuple[str, ...]
    alive: tuple[bool, ...]
    role: str
    """The own one; empty where it is not known."""
    team: str
    partners: tuple[str, ...]
    """Names of those it knows to be on its side."""
    options: tuple[str, ...]
    """Texts of the moves it may make now."""
    instructions: str
    """What can be done now, in a sentence or two."""
    known: tuple[str, ...]
    """What it was told in private, in sentences."""
    ballots: tuple[Ballot, ...]
    """All votes that everybody saw."""
