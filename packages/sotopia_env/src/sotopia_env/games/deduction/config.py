"""The published configuration of a social game: who plays what, its states, how it ends.

Field names and values are those of the published files, which are read and written back without
loss. What happens in a state is decided by the rules that play it; see `phases.py`.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from ...actions import ActionType
from ...errors import ScenarioError, unknown_name

Visibility: TypeAlias = Literal["public", "team", "private"]
"""Who perceives what is said and done in a state: all, the own team, or nobody else."""
Order: TypeAlias = Literal["round-robin", "simultaneous", "random"]

_FROZEN: Final = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class Player(BaseModel):
    """Somebody who plays: a display name, a role, and the team that wins or loses together."""

    model_config = _FROZEN

    name: str
    role: str
    team: str


class StateProperties(BaseModel):
    """What goes for one state."""

    model_config = _FROZEN

    acting_roles: tuple[str, ...] | None = None
    """Roles that are on turn; `None` is everybody."""
    actions: tuple[ActionType, ...] = ("speak",)
    action_order: Order | None = None
    """`None` leaves it to the environment."""
    visibility: Visibility = "public"
    internal_state: dict[str, JsonValue] = {}
    """What the rules of the state start from."""

    @property
    def can_act(self) -> bool:
        """Whether anybody can ever do anything in it."""
        return self.acting_roles != () and any(kind != "none" for kind in self.actions)


class EndCondition(BaseModel):
    """When the game is over, who has won then, and how it is put."""

    model_config = _FROZEN

    type: Literal["team_eliminated", "parity"]
    """Nobody of `team` is left, or at least as many as of `other`."""
    team: str
    other: str | None = None
    winner: str
    message: str = ""

    def holds(self, living: Mapping[str, int]) -> bool:
        """Whether it holds with so many `living` of each team."""
        if self.type == "team_eliminated":
            return living.get(self.team, 0) == 0
        return living.get(self.team, 0) >= living.get(self.other or "", 0)


class GameConfig(BaseModel):
    """A whole game, in the published form."""

    model_config = _FROZEN

    scenario: str = ""
    """Its name."""
    description: str = ""
    """The public rules; `{agent_names}` stands for the players."""
    role_goals: dict[str, str] = {}
    role_secrets: dict[str, str] = {}
    agents: tuple[Player, ...] = Field(min_length=2)
    """Players in the order of the seats."""
    initial_state: str
    state_transition: dict[str, str]
    state_properties: dict[str, StateProperties] = {}
    end_conditions: tuple[EndCondition, ...] = ()
    """The first that holds decides."""

    @model_validator(mode="after")
    def _check(self) -> "GameConfig":
        complaints = chain(_players(self.agents), self._states(), self._roles(), self._conditions())
        for complaint in complaints:  # each check relies on those before it
            raise ValueError(complaint)
        return self

    def properties(self, state: str) -> StateProperties:
        """What goes for a state; the published defaults where nothing is said."""
        return self.state_properties.get(state, _DEFAULT)

    @property
    def teams(self) -> tuple[str, ...]:
        """In the order in which they first appear."""
        return tuple(dict.fromkeys(player.team for player in self.agents))

    @property
    def hidden_team(self) -> str:
        """The team the others are looking for.

        It is the first that can be eliminated; where no condition says so, the smallest.
        """
        for condition in self.end_conditions:
            if condition.type == "team_eliminated":
                return condition.team
        sizes = Counter(player.team for player in self.agents)
        return min(sizes, key=lambda team: sizes[team])

    def _states(self) -> Iterator[str]:
        known = list(self.state_transition)
        if self.initial_state not in known:
            yield f"initial_state: {unknown_name('state', self.initial_state, known)}"
        for state, following in self.state_transition.items():
            if following not in known:
                yield f"state_transition.{state}: {unknown_name('state', following, known)}"
        for state in self.state_properties:
            if state not in known:
                yield f"state_properties: {unknown_name('state', state, known)}"
        for state in known:
            cycle = self._cycle_from(state)
            if not any(self.properties(name).can_act for name in cycle):
                yield (
                    f"state_transition: nobody can ever act in the cycle {' -> '.join(cycle)}; "
                    "give one of its states actions and acting_roles"
                )

    def _cycle_from(self, state: str) -> list[str]:
        """The states that are gone through for ever, once `state` is reached."""
        path: list[str] = []
        while state not in path:
            path.append(state)
            state = self.state_transition[state]
        return path[path.index(state) :]

    def _roles(self) -> Iterator[str]:
        roles = {player.role for player in self.agents}
        for field, named in (("role_goals", self.role_goals), ("role_secrets", self.role_secrets)):
            yield from _unknown(field, "role", named, roles)
        for state, properties in self.state_properties.items():
            where = f"state_properties.{state}.acting_roles"
            yield from _unknown(where, "role", properties.acting_roles or (), roles)

    def _conditions(self) -> Iterator[str]:
        living = Counter(player.team for player in self.agents)
        for number, condition in enumerate(self.end_conditions):
            where = f"end_conditions.{number}"
            yield from _unknown(f"{where}.team", "team", [condition.team], living)
            yield from _unknown(f"{where}.winner", "team", [condition.winner], living)
            if condition.other is not None:
                yield from _unknown(f"{where}.other", "team", [condition.other], living)
            elif condition.type == "parity":
                yield f"{where}.other: parity needs the team that is matched"
            if condition.holds(living):
                yield f"{where}: {condition.type} holds before the game has begun"


_DEFAULT: Final = StateProperties()


def _players(players: Iterable[Player]) -> Iterator[str]:
    names: set[str] = set()
    teams: dict[str, str] = {}
    for number, player in enumerate(players):
        name = player.name
        if not name.strip() or name != name.strip() or "\n" in name:
            yield f"agents.{number}.name: must be one line without outer spaces, got {name!r:.40}"
        if name.casefold() in names:
            yield f"agents.{number}.name: {name!r} stands twice; names must differ"
        names.add(name.casefold())
        if teams.setdefault(player.role, player.team) != player.team:
            yield (
                f"agents.{number}.team: role {player.role!r} is of team {teams[player.role]!r} "
                f"and of team {player.team!r}; a role has one team"
            )


def _unknown(where: str, kind: str, named: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    names = set(known)
    for name in named:
        if name not in names:
            yield f"{where}: {unknown_name(kind, name, names)}"


def read_config(source: str | Mapping[str, object]) -> GameConfig:
    """A configuration from its JSON text, or from what was read from it.

    Raises:
        ScenarioError: for anything that is no such configuration; the message names the field.
    """
    try:
        value = json.loads(source) if isinstance(source, str) else source
    except (ValueError, RecursionError) as error:
        raise ScenarioError(f"the configuration of the game is no JSON: {error}") from error
    try:
        return GameConfig.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        said = first["msg"].removeprefix("Value error, ")
        told = f"{where}: {said}, got {first['input']!r:.60}" if where else said
        raise ScenarioError(f"configuration of a social game: {told}") from error
