"""The stages of a GRPO experiment: those of cloning, training, evaluation again, the report."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import set_seed

from sotopia_env.episode import Episode
from sotopia_env.errors import one_of
from sotopia_env.runner import Cast, Task, run_episodes
from sotopia_env.store import SqliteStore

from .checkpoints import is_complete
from .evaluate import Match
from .policy import Policy, load_policy
from .report import write_report
from .rollout import PolicyAgent, Row, row_of
from .sampling import Sampler, TransformersSampler
from .settings import CREDITS, ReinforcementSettings, games_at_once
from .stages import LEARNER, Cloning
from .trl_bridge import train_grpo
from .trl_options import grpo_arguments


@dataclass(slots=True)
class Reinforcement(Cloning):
    """One run from demonstrations to a policy that learned."""

    settings: ReinforcementSettings

    def check_options(self) -> None:
        """Refuse options torch or TRL would refuse, before anything is written.

        Raises:
            ConfigurationError: naming the option.
        """
        Cloning.check_options(self)  # super() fails in a dataclass with slots
        checkpoints = self.run.folder / "checkpoints"
        grpo_arguments(self.settings.grpo, checkpoints, seed=self.settings.seed)

    def _stages(self, store: SqliteStore) -> None:
        clone = self._clone(self._demonstrate(store))
        before = self._evaluate(clone, "clone", store)
        trained = self._train(clone)
        after = self._evaluate(trained, "grpo", store)
        write_report(self._findings(before, after), self.run)

    def _train(self, clone: Path) -> Path:
        folder = self.run.folder / "policy"
        if is_complete(folder):
            return folder
        set_seed(self.settings.seed)
        policy = load_policy(str(clone), dtype=self.settings.model.dtype)
        train_grpo(
            policy,
            self._games(),
            self._rollout(policy, TransformersSampler(policy)),
            self.settings.grpo,
            self.run.folder / "checkpoints",
            seed=self.settings.seed,
        )
        self._save(policy, folder, "grpo")
        return folder

    def _games(self) -> list[str]:
        """One prompt a group: an instance, a seat, a partner; families, partners, seats in turn."""
        settings, options = self.settings, self.settings.grpo
        groups = games_at_once(options) // int(options.get("num_generations", 8))
        groups *= int(options["max_steps"])
        games = []
        for number in range(groups):
            match = Match(
                scenario=f"{settings.scenarios[number % len(settings.scenarios)]}/train/"
                f"{settings.seed * 1_000_000 + 500_000 + number}",
                seat=number // len(settings.scenarios) % 2,
                partner=settings.partners[
                    number // (2 * len(settings.scenarios)) % len(settings.partners)
                ],
                seed=number,
            )
            games.append(json.dumps([match.scenario, match.seat, match.partner, match.seed]))
        return games

    def _rollout(self, policy: Policy, sampler: Sampler) -> Any:
        cast = Cast(style=policy.record.style)
        cast.factories[LEARNER] = lambda seat, seed: PolicyAgent(seat, seed, sampler)
        credit = one_of(CREDITS, self.settings.credit, "credit")

        def rollout(prompts: Sequence[str], step: int) -> tuple[list[Row], list[float]]:
            games = [Match(**_named(json.loads(prompt))) for prompt in prompts]
            tasks = [_learning_task(game, copy) for game, copy in _copies(games)]
            episodes = asyncio.run(run_episodes(tasks, cast=cast, concurrency=len(tasks)))
            rows = [
                row_of(episode, f"agent_{game.seat}", policy.chat, credit)
                for game, episode in zip(games, episodes, strict=True)
            ]
            cost = self.settings.invalid_move_cost
            rewards = [
                _share(episode, game.seat) - cost * row.invalid_moves
                for game, episode, row in zip(games, episodes, rows, strict=True)
            ]
            return rows, rewards

        return rollout


def _copies(games: Sequence[Match]) -> list[tuple[Match, int]]:
    """Each game with its place among equal ones, which become a group."""
    seen: dict[Match, int] = {}
    numbered = []
    for game in games:
        seen[game] = seen.get(game, -1) + 1
        numbered.append((game, seen[game]))
    return numbered


def _learning_task(game: Match, copy: int) -> Task:
    """The partner's seed is the group's, the learner's its own."""
    learner = (game.seed << 12) + copy
    seeds = (learner, game.seed) if game.seat == 0 else (game.seed, learner)
    task = game.task(LEARNER, "")
    return Task(scenario=task.scenario, agents=task.agents, seed=task.seed, agent_seeds=seeds)


def _share(episode: Episode, seat: int) -> float:
    """What the game paid; NaN where it was not scored."""
    reward = episode.seats[f"agent_{seat}"].reward
    return float("nan") if reward is None else reward


def _named(values: list[Any]) -> dict[str, Any]:
    return dict(zip(("scenario", "seat", "partner", "seed"), values, strict=True))
