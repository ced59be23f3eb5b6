"""The stages up to a clone and its evaluation, each resumable, in the order in which they run."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from transformers import set_seed

from sotopia_env.agents.scripted import TACTICS
from sotopia_env.episode import Episode
from sotopia_env.errors import one_of
from sotopia_env.prompts import APPEND_ONLY, PromptStyle
from sotopia_env.run_folder import Run
from sotopia_env.runner import Cast, Task, run_episodes
from sotopia_env.store import SqliteStore

from . import evaluate
from .checkpoints import is_complete, seal
from .clone_report import write_clone_report
from .data import cloned_rows
from .evaluate import Result
from .findings import PRIVILEGED, Findings
from .policy import (
    Policy,
    PolicyRecord,
    check_tokenizer,
    load_policy,
    torch_dtype,
    with_lora,
)
from .rollout import PolicyAgent
from .sampling import TransformersSampler
from .settings import CloningSettings
from .tiny import build_tiny
from .trl_bridge import train_sft
from .trl_options import sft_arguments

LEARNER: Final = "learner"
"""Name of the policy in training in a cast and in episodes."""
_NUMBERS: Final = 151
"""Numbers from 0 below this are single tokens of a tiny policy."""


@dataclass(slots=True)
class Cloning:
    """One run: settings, folder, and what the stages hand on through the folder."""

    settings: CloningSettings
    run: Run
    temperature: float
    """At which the policy is sampled."""

    def check_options(self) -> None:
        """Refuse what torch or TRL would, and a model that cannot talk, before anything is written.

        Raises:
            ConfigurationError: naming the option.
        """
        torch_dtype(self.settings.model.dtype)
        if self.settings.model.path is not None:
            check_tokenizer(self.settings.model.path)
        cloning = self.run.folder / "cloning"
        sft_arguments(self.settings.bc, cloning, seed=self.settings.seed)

    def run_all(self) -> None:
        """All stages; those already done are skipped."""
        if self.settings.model.path is None:
            torch.set_num_threads(1)  # a second thread makes small steps slower on a busy machine
        store = SqliteStore(self.run.folder / "episodes.sqlite")
        try:
            self._stages(store)
        finally:
            store.close()

    def _stages(self, store: SqliteStore) -> None:
        clone = self._clone(self._demonstrate(store))
        results = self._evaluate(clone, "clone", store)
        write_clone_report(self._findings(results, []), self.run)

    # -- demonstrations and cloning -------------------------------------------------------------

    def _demonstrate(self, store: SqliteStore) -> list[Episode]:
        tasks = self._demonstration_tasks()
        cast = Cast(style=self._style())
        done = store.count_done([task.key for task in tasks])
        with self.run.progress("demonstrations", len(tasks), done=done) as progress:
            return asyncio.run(
                run_episodes(tasks, cast=cast, store=store, on_episode=lambda _: progress.advance())
            )

    def _demonstration_tasks(self) -> list[Task]:
        """Demonstrators and partners in turn, in both seats, each game on its own instance."""
        settings = self.settings
        tasks = []
        for number in range(settings.demonstrations.games):
            family = settings.scenarios[number % len(settings.scenarios)]
            place = number // len(settings.scenarios)
            demonstrators, partners = settings.demonstrations.of(family), settings.partners
            own = demonstrators[place % len(demonstrators)]
            partner = partners[place // len(demonstrators) % len(partners)]
            is_first = place // (len(demonstrators) * len(partners)) % 2
            pair = (own, partner) if is_first else (partner, own)
            seed = settings.seed * 1_000_000 + number
            scenario = f"{family}/train/{seed}"
            tasks.append(Task(scenario=scenario, agents=pair, seed=seed, tag="demonstration"))
        return tasks

    def _clone(self, demonstrations: list[Episode]) -> Path:
        folder = self.run.folder / "clone"
        if is_complete(folder):
            return folder
        set_seed(self.settings.seed)
        policy = self._initial(demonstrations)
        if not self.settings.model.skip_cloning:
            rows = cloned_rows(demonstrations, policy.chat, self._demonstrators())
            cloning = self.run.folder / "cloning"
            train_sft(policy, rows, self.settings.bc, cloning, seed=self.settings.seed)
        self._save(policy, folder, "clone")
        return folder

    def _initial(self, demonstrations: list[Episode]) -> Policy:
        model = self.settings.model
        record = PolicyRecord(
            style=self._style(),
            max_turn_tokens=model.max_turn_tokens,
            temperature=self.temperature,
            stage="initial",
        )
        if model.path is None:
            return build_tiny(_corpus(demonstrations), model.tiny, record, self.settings.seed)
        policy = load_policy(model.path, dtype=model.dtype)
        policy.record = record  # what is trained is played as the settings say
        return with_lora(policy, model.lora) if model.lora is not None else policy

    # -- evaluation -----------------------------------------------------------------------------

    def _evaluate(self, checkpoint: Path, tag: str, store: SqliteStore) -> list[Result]:
        policy = load_policy(str(checkpoint), dtype=self.settings.model.dtype, merge=True)
        policy.model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
        sampler = TransformersSampler(policy)
        cast = Cast(style=policy.record.style)
        cast.factories[LEARNER] = lambda seat, seed: PolicyAgent(seat, seed, sampler)
        return self._play(LEARNER, cast, f"evaluate {tag}", tag, store)

    def _findings(self, before: list[Result], after: list[Result]) -> Findings:
        others = self._references()
        return Findings(
            settings=self.settings,
            folder=self.run.folder,
            before=before,
            after=after,
            references=others,
            demonstrators=self._of_demonstrators(others),
        )

    def _references(self) -> dict[str, list[Result]]:
        """Scripted agents and constant strategies on the same matches."""
        evaluation = self.settings.evaluation
        specs = [
            *(f"scripted:{name}" for name in TACTICS),
            *evaluation.constant_strategies(),
            *evaluation.references,
            *self._demonstrators(),
            PRIVILEGED,
        ]
        cast = Cast(style=self._style())
        return {spec: self._play(spec, cast, f"reference {spec}", "", None) for spec in specs}

    def _demonstrators(self) -> list[str]:
        """Demonstrators of all families, each once."""
        return list(
            dict.fromkeys(
                spec
                for scenario in self.settings.scenarios
                for spec in self.settings.demonstrations.of(scenario)
            )
        )

    def _of_demonstrators(self, others: dict[str, list[Result]]) -> list[Result]:
        """What the demonstrators of each family made of the matches of that family."""
        return [
            result
            for scenario in self.settings.scenarios
            for spec in self.settings.demonstrations.of(scenario)
            for result in others[spec]
            if result.match.family == scenario
        ]

    def _play(
        self, agent: str, cast: Cast, label: str, tag: str, store: SqliteStore | None
    ) -> list[Result]:
        settings = self.settings
        games = evaluate.matches(
            settings.scenarios,
            [*settings.partners, settings.held_out_partner],
            split=settings.evaluation.split,
            count=settings.evaluation.scenarios,
        )
        done = store.count_done([m.task(agent, tag).key for m in games]) if store else 0
        with self.run.progress(label, len(games), done=done) as progress:
            return evaluate.play(
                agent,
                games,
                cast,
                tag=tag,
                store=store,
                on_episode=lambda _: progress.advance(),
            )

    def _style(self) -> PromptStyle:
        return one_of(APPEND_ONLY, self.settings.model.style, "model.style")

    def _save(self, policy: Policy, folder: Path, stage: str) -> None:
        record = policy.record.model_copy(
            update={"stage": stage, "scenario": ",".join(self.settings.scenarios)}
        )
        folder.mkdir(exist_ok=True)
        Policy(policy.model, policy.tokenizer, policy.chat, record).save(folder)
        seal(folder)


def _corpus(episodes: Sequence[Episode]) -> list[str]:
    """Text whose words and numbers a tiny policy's tokenizer shall know."""
    spoken = [
        message.content
        for episode in episodes
        for record in episode.seats.values()
        if record.context is not None
        for message in record.context.messages
    ]
    numbers = [form for n in range(_NUMBERS) for form in (f" {n}", f"{n}:")]
    return spoken + numbers * 5
