"""PettingZoo's own tests over every shipped scenario, order, view and reward, and our own.

`max_cycles_test` stands with the views. Of PettingZoo's tests `state_test` does not apply (there is
no `state()`: what everybody knows together is the transcript), nor do those of images and of manual
control; `bombardment_test` fails for every environment.
"""

import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as check_gymnasium_env
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, render_test, seed_test
from pettingzoo.utils.conversions import (
    aec_to_parallel,
    parallel_to_aec,
    turn_based_aec_to_parallel,
)
from sales import sale

from sotopia_env import (
    AgentAction,
    EnvironmentProfile,
    JudgeReward,
    VerifiableReward,
    aec_env,
    parallel_env,
    scenario_ids,
)
from sotopia_env.episode import Evaluation, Transcript
from sotopia_env.errors import ActionError
from sotopia_env.evaluators import RUBRICS, InvalidMoves
from sotopia_env.rewards import RewardWrapper
from sotopia_env.scenarios.families import family_names
from sotopia_env.testing import ALLOWED_WARNINGS, check_env
from sotopia_env.turns import ACTION_ORDERS
from sotopia_env.views.aec import AECView
from sotopia_env.views.gymnasium import SingleAgentView

FAMILIES = ("price_negotiation", "resource_allocation")
PHASED = ("werewolf", "spyfall", "undercover")
ORDERS = ACTION_ORDERS
REWARDS = ("auto", None)
TALK = EnvironmentProfile(
    scenario="Friends meet.",
    agent_goals=("Find out.", "Find out.", "Find out."),
    agent_names=("Ada", "Bram", "Cleo"),
)
SALE = sale()
NO_BOX = "space for each agent probably should be gymnasium.spaces.box or gymnasium.spaces.discrete"
THE_THREE = {
    "Observation is not a NumPy array",
    f"Observation {NO_BOX}",
    f"Action {NO_BOX}",
}
"""What PettingZoo's tests say of any text environment."""

pytestmark = pytest.mark.usefixtures("capsys")


@contextmanager
def warnings_exactly(expected: set[str]) -> Iterator[None]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    assert {str(warning.message) for warning in caught} == expected


@pytest.mark.parametrize("reward", REWARDS)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("scenario", [*FAMILIES, TALK], ids=[*FAMILIES, "talk"])
class TestPettingZoo:
    def env(self, scenario: Any, order: str, reward: str | None) -> Any:
        return parallel_env(scenario, action_order=order, reward=reward)

    def test_parallel_api(self, scenario: Any, order: str, reward: str | None) -> None:
        with warnings_exactly(set()):
            parallel_api_test(self.env(scenario, order, reward), num_cycles=50)

    def test_parallel_seed(self, scenario: Any, order: str, reward: str | None) -> None:
        with warnings_exactly(set()):
            parallel_seed_test(lambda: self.env(scenario, order, reward), num_cycles=50)

    def test_api_of_the_aec_view(self, scenario: Any, order: str, reward: str | None) -> None:
        with warnings_exactly(THE_THREE):
            api_test(aec_env(scenario, action_order=order, reward=reward), num_cycles=50)

    def test_seed_of_the_aec_view(self, scenario: Any, order: str, reward: str | None) -> None:
        with warnings_exactly(set()):
            seed_test(lambda: aec_env(scenario, action_order=order, reward=reward), num_cycles=50)

    def test_api_through_conversion(self, scenario: Any, order: str, reward: str | None) -> None:
        with warnings_exactly(THE_THREE):
            api_test(parallel_to_aec(self.env(scenario, order, reward)), num_cycles=50)

    def test_seed_through_conversion(self, scenario: Any, order: str, reward: str | None) -> None:
        with warnings_exactly(set()):
            seed_test(lambda: parallel_to_aec(self.env(scenario, order, reward)), num_cycles=50)

    def test_our_own_checks(self, scenario: Any, order: str, reward: str | None) -> None:
        for seed in (0, 1, 2):
            check_env(lambda: self.env(scenario, order, reward), seed=seed)
        check_env(lambda: aec_env(scenario, action_order=order, reward=reward))


# -- every shipped scenario ----------------------------------------------------------------------


class StandInJudge:
    """Judges by rule, in the form of a judge that waits."""

    name, dimensions = "judge", RUBRICS["sotopia"]

    async def evaluate(self, transcript: Transcript) -> Evaluation:
        turns = float(transcript.turn % 5)
        scores = {seat: dict.fromkeys([d.name for d in self.dimensions], turns) for seat in SEATS}
        return Evaluation(source=self.name, scores={s: scores[s] for s in transcript.names})


SEATS = tuple(f"agent_{n}" for n in range(20))
WRAPPERS: dict[str, Callable[[Any, bool], Any]] = {
    "bare": lambda env, _: env,
    "judge": lambda env, _: JudgeReward(env, judge=StandInJudge()),
    "turns": lambda env, _: RewardWrapper(env, InvalidMoves(), dimension="invalid", weight=0.1),
    "stacked": lambda env, has_game: JudgeReward(
        VerifiableReward(env, mode="win", weight=2.0) if has_game else env, judge=StandInJudge()
    ),
}
COMBINATIONS = [
    (name, order, list(WRAPPERS)[(row + column) % len(WRAPPERS)])
    for row, name in enumerate(scenario_ids())
    for column, order in enumerate(ORDERS)
    if name not in PHASED or order != "agent-chosen"
]
"""Every pair of scenario and order, of scenario and wrapper, and of order and wrapper."""


@pytest.mark.parametrize(("name", "order", "wrapper"), COMBINATIONS)
def test_gymnasium_s_own_check_passes_for_every_shipped_scenario(
    name: str, order: str, wrapper: str
) -> None:
    env = parallel_env(name, action_order=order, reward=None)
    wrapped = WRAPPERS[wrapper](env, name in family_names())
    partner = "scripted:random_legal" if name in family_names() else "scripted:talker"
    seat = sum(map(ord, name + order)) % len(env.possible_agents)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        view = SingleAgentView(wrapped, partner=partner, seat=seat)
        check_gymnasium_env(view, skip_render_check=True)  # which needs a registered environment


@pytest.mark.parametrize(("name", "order", "wrapper"), COMBINATIONS)
def test_every_shipped_scenario_conforms(name: str, order: str, wrapper: str) -> None:
    has_game = name in family_names()

    def env() -> Any:
        return WRAPPERS[wrapper](parallel_env(name, reward=None, action_order=order), has_game)

    check_env(env)
    check_env(lambda: AECView(env()))


def test_the_combinations_cover_every_pair() -> None:
    open_ones = [c for c in COMBINATIONS if c[0] not in PHASED]
    assert {(n, o) for n, o, _ in open_ones} == {(n, o) for n, *_ in open_ones for o in ORDERS}
    assert {(n, w) for n, _, w in open_ones} == {(n, w) for n, *_ in open_ones for w in WRAPPERS}
    assert {(o, w) for _, o, w in open_ones} == {(o, w) for o in ORDERS for w in WRAPPERS}


@pytest.mark.parametrize(
    ("order", "conversion"),
    [("simultaneous", aec_to_parallel), ("round-robin", turn_based_aec_to_parallel)],
)
def test_the_aec_view_may_be_wrapped_back_into_a_parallel_environment(
    order: str, conversion: Callable[[Any], Any]
) -> None:
    with warnings_exactly(set()):
        env = conversion(aec_env("price_negotiation", action_order=order))
        parallel_api_test(env, num_cycles=50)


def test_rendering_has_the_types_pettingzoo_asks_for() -> None:
    with warnings_exactly(set()):
        render_test(lambda render_mode: aec_env("price_negotiation", render_mode=render_mode))


def test_the_allowed_warnings_are_the_three_of_any_text_environment() -> None:
    assert len(ALLOWED_WARNINGS) == 3
    for message in THE_THREE:
        assert message.startswith(ALLOWED_WARNINGS)


# -- the AEC view --------------------------------------------------------------------------------


def test_a_simultaneous_turn_is_held_back_until_all_have_acted() -> None:
    env = aec_env(TALK, action_order="simultaneous")
    env.reset(seed=0)
    for seat, words in zip(env.possible_agents, ("One.", "Two.", "Three."), strict=True):
        assert env.agent_selection == seat
        assert "said" not in env.last()[0]["text"]
        env.step(words)
    assert env.last()[0]["text"] == 'Bram said: "Two."\nCleo said: "Three."'


def test_an_observation_of_the_aec_view_holds_all_since_the_own_last_action() -> None:
    env = aec_env(TALK)
    env.reset(seed=0)
    env.step("One.")
    env.step("Two.")
    observation, _, _, _, info = env.last()
    assert observation["text"].endswith('Find out.\nAda said: "One."\nBram said: "Two."')
    assert observation["turn"] == 2
    assert [turn.action.argument for turn in info["heard"]] == ["One.", "Two."]
    env.step("Three.")
    assert env.last()[0]["text"] == 'Bram said: "Two."\nCleo said: "Three."'


def test_a_later_seat_of_the_aec_view_learns_its_name_and_goal_once() -> None:
    env = aec_env(TALK)
    env.reset(seed=0)
    told = []
    for words in ("One.", "Two.", "Three.", "Four.", "Five.", "Six."):
        *_, info = env.last()
        told.append((info.get("name"), info.get("goal")))
        env.step(words)
    assert told[:3] == list(zip(TALK.agent_names, TALK.agent_goals, strict=True))
    assert told[3:] == [(None, None)] * 3


def test_the_aec_view_keeps_a_corrective_line_until_it_is_read_and_no_longer() -> None:
    env = aec_env(SALE)
    env.reset(seed=0)
    env.step("OFFER 5000")
    env.step("Well?")
    observation, _, _, _, info = env.last()
    why = "Your last move does not count: 5000 is outside 1 to 100."
    assert observation["text"].startswith(why)
    assert info["note"] == why
    env.step("Hm.")
    env.step("Well?")
    observation, _, _, _, info = env.last()
    assert why not in observation["text"]
    assert "note" not in info


def test_rewards_of_the_aec_view_come_with_the_last_step() -> None:
    env = aec_env(SALE, reward="share")
    env.reset(seed=0)
    env.step("OFFER 55")
    assert env.rewards == {"agent_0": 0.0, "agent_1": 0.0}
    env.step("ACCEPT")
    assert env.rewards == {"agent_0": 0.75, "agent_1": 0.25}
    rewards = {}
    for agent in env.agent_iter():
        _, rewards[agent], terminated, _, _ = env.last()
        assert terminated
        env.step(None)
    assert rewards == {"agent_0": 0.75, "agent_1": 0.25}


def test_a_leaver_of_the_aec_view_is_passed_over() -> None:
    env = aec_env(TALK)
    env.reset(seed=0)
    env.step(AgentAction("leave"))
    order = []
    for agent in env.agent_iter(6):
        terminated = env.terminations[agent]
        order.append((agent, terminated))
        env.step(None if terminated else "Hm.")
    assert order == [
        ("agent_0", True),
        ("agent_1", False),
        ("agent_2", False),
        ("agent_1", False),
        ("agent_2", False),
        ("agent_1", False),
    ]


# -- what the checks find ------------------------------------------------------------------------


class Broken:
    """A parallel environment with one defect; everything else is passed on."""

    def __init__(self) -> None:
        self.env: Any = parallel_env(TALK)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.env, name)

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        return self.env.reset(seed=seed, options=options)

    def step(self, actions: Any) -> Any:
        return self.env.step(actions)


class DrawsGlobally(Broken):
    def step(self, actions: Any) -> Any:
        random.random()
        return self.env.step(actions)


class DrawsGloballyFromNumpy(Broken):
    def step(self, actions: Any) -> Any:
        np.random.random()  # noqa: NPY002  # the defect
        return self.env.step(actions)


class IsNeverTheSame(Broken):
    runs = 0

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        IsNeverTheSame.runs += 1
        return self.env.reset(seed=seed, options=options)

    def step(self, actions: Any) -> Any:
        result = self.env.step(actions)
        if self.env.turn > 3:
            for info in result[-1].values():
                info["run"] = IsNeverTheSame.runs
        return result


class SharesInfos(Broken):
    def __init__(self) -> None:
        super().__init__()
        self.shared: dict[str, Any] = {}

    def step(self, actions: Any) -> Any:
        result = self.env.step(actions)
        for info in result[-1].values():
            info["extra"] = self.shared
        return result


class ChangesWhatItGave(Broken):
    def __init__(self) -> None:
        super().__init__()
        self.given: dict[str, Any] = {}

    def step(self, actions: Any) -> Any:
        for info in self.given.values():
            info["late"] = True
        result = self.env.step(actions)
        self.given = result[-1]
        return result


class SpeaksOutOfBounds(Broken):
    def step(self, actions: Any) -> Any:
        result = self.env.step(actions)
        for observation in result[0].values():
            observation["turn"] = -1
        return result


class Warns(Broken):
    def step(self, actions: Any) -> Any:
        warnings.warn("something else", stacklevel=2)
        return self.env.step(actions)


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (DrawsGlobally, "global random generator"),
        (DrawsGloballyFromNumpy, "global random generator"),
        (IsNeverTheSame, "differ after|Incorrect"),
        (SharesInfos, "an object that an earlier turn returned"),
        (ChangesWhatItGave, "was changed later"),
        (SpeaksOutOfBounds, "Out of bounds|not in its space"),
        (Warns, "something else"),
    ],
)
def test_a_defect_of_an_environment_is_found(broken: Callable[[], Any], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_env(broken)


def test_nothing_at_all_is_no_action_of_a_seat_that_plays() -> None:
    env = aec_env(TALK, action_order="simultaneous")
    env.reset(seed=0)
    env.step("Hm.")
    with pytest.raises(ActionError, match="agent_1 is still in the episode, and None is no action"):
        env.step(None)
    assert env.agent_selection == "agent_1"  # and may still be given one
    env.step("Hm.")
    env.step("Hm.")
    assert "Bram said" in env.last()[0]["text"]


@pytest.mark.parametrize("order", ["round-robin", "simultaneous"])
def test_an_action_of_no_known_kind_is_refused_by_the_aec_view_too(order: Any) -> None:
    env = aec_env(TALK, action_order=order)
    env.reset(seed=0)
    with pytest.raises(ActionError, match="got int: 3"):
        env.step(3)
    assert env.agent_selection == "agent_0"
