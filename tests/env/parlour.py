"""Social games for tests: a small village, and a play by the names of those who act."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from published_data import DATA

from sotopia_env import AgentAction, EnvironmentProfile, SotopiaEnv
from sotopia_env.games.deduction import GameConfig, read_config
from sotopia_env.rewards import VerifiableReward

PUBLISHED = DATA / "social_games"
ROLES = {
    "Aurora": "Villager",
    "Bram": "Werewolf",
    "Celeste": "Seer",
    "Dorian": "Werewolf",
    "Elise": "Witch",
    "Finn": "Villager",
}


def village(roles: Mapping[str, str] = ROLES, **changes: object) -> GameConfig:
    """A game of werewolf in the published form."""

    def team(role: str) -> str:
        return "Werewolves" if role == "Werewolf" else "Villagers"

    def night(role: str, seen_by: str) -> dict[str, object]:
        return {"acting_roles": [role], "actions": ["action"], "visibility": seen_by}

    usual: dict[str, object] = {
        "scenario": "Werewolf",
        "description": "The players are {agent_names}.",
        "agents": [
            {"name": name, "role": role, "team": team(role)} for name, role in roles.items()
        ],
        "initial_state": "Night_werewolf",
        "state_transition": {
            "Night_werewolf": "Night_seer",
            "Night_seer": "Night_witch",
            "Night_witch": "Day_discussion",
            "Day_discussion": "Day_vote",
            "Day_vote": "Night_werewolf",
        },
        "state_properties": {
            "Night_werewolf": night("Werewolf", "team"),
            "Night_seer": night("Seer", "private"),
            "Night_witch": night("Witch", "private"),
            "Day_discussion": {"actions": ["speak"], "action_order": "round-robin"},
            "Day_vote": {"actions": ["action"], "action_order": "simultaneous"},
        },
        "end_conditions": [
            {
                "type": "team_eliminated",
                "team": "Werewolves",
                "winner": "Villagers",
                "message": "The village wins.",
            },
            {
                "type": "parity",
                "team": "Werewolves",
                "other": "Villagers",
                "winner": "Werewolves",
                "message": "The wolves win.",
            },
        ],
    }
    return read_config(usual | changes)


def published(name: str) -> dict[str, Any]:
    """A published configuration; skips the test where it is not at hand."""
    path = PUBLISHED / f"{name}.json"
    if not path.is_file():
        pytest.skip("the published configurations are not here")
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value


class Play:
    """An episode in which seats are called by their names."""

    def __init__(self, profile: EnvironmentProfile, *, seed: int = 0, **settings: Any) -> None:
        seats = len(profile.agent_names)
        self.core = SotopiaEnv(lambda _: profile, seats=seats, **{"max_turns": 500, **settings})
        self.env = VerifiableReward(self.core)
        self.observations, self.infos = self.env.reset(seed=seed)
        self.names = list(self.core.transcript.names.values())
        self.rewards: dict[str, float] = {}
        self.terminations: dict[str, bool] = {}

    def key(self, name: str) -> str:
        return f"agent_{self.names.index(name)}"

    @property
    def acting(self) -> list[str]:
        return [self.core.transcript.names[key] for key in self.env.turn_order]

    @property
    def phase(self) -> str:
        return str(self.core.transcript.game_state.phase)

    def does(self, **deeds: Any) -> None:
        """One turn; whoever is on turn and not named does nothing."""
        actions: dict[str, Any] = {key: AgentAction() for key in self.env.turn_order}
        actions |= {self.key(name): text for name, text in deeds.items()}
        self.observations, self.rewards, self.terminations, _, self.infos = self.env.step(actions)

    def passes(self, turns: int = 1) -> None:
        for _ in range(turns):
            self.does()

    def until(self, phase: str) -> None:
        """Pass until a phase begins."""
        self.does()
        while self.phase != phase:
            self.does()

    def text(self, name: str) -> str:
        """What somebody was shown last."""
        return str(self.observations[self.key(name)]["text"])

    def view(self, name: str) -> Any:
        return self.core.transcript.game.observe(
            self.core.transcript.game_state, self.names.index(name)
        )

    def is_alive(self, name: str) -> bool:
        return bool(self.core.transcript.game_state.alive[self.names.index(name)])

    def may(self, name: str) -> list[int]:
        """Types of action somebody may choose: none, speak, non-verbal, action, leave."""
        return [int(may) for may in self.observations[self.key(name)]["actions"]]


def at_random(play: Play, rng: np.random.Generator, said: str = "I have nothing to say.") -> None:
    """One turn of random legal moves; where there are none, `said`."""
    actions = {}
    for key in play.env.turn_order:
        options = play.infos[key]["game"].options
        actions[key] = options[int(rng.integers(len(options)))] if options else said
    play.observations, play.rewards, play.terminations, _, play.infos = play.env.step(actions)
