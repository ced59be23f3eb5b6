"""Scripted agents: what each tactic asks for by hand, and what all of them keep to."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from sotopia_env.agents import agent_factory
from sotopia_env.agents.scripted import PRIVILEGED, RANDOM, TACTICS
from sotopia_env.agents.scripted.speech import sentence
from sotopia_env.agents.scripted.tactics import (
    HardHeaded,
    Moment,
    Patient,
    Tactic,
    TimeDependent,
    TitForTat,
)
from sotopia_env.episode import Episode
from sotopia_env.errors import AgentError
from sotopia_env.games.price_negotiation import GRAMMAR as PRICES
from sotopia_env.games.price_negotiation import PriceView
from sotopia_env.games.resource_allocation import GRAMMAR as DIVISIONS
from sotopia_env.games.resource_allocation import AllocationView, Issue
from sotopia_env.runner import Cast, Task, run_episodes

FAMILIES = ("price_negotiation", "resource_allocation")
ORDERS = ("round-robin", "simultaneous")
UNPRIVILEGED = (*TACTICS, RANDOM)
EVERYBODY = (*UNPRIVILEGED, PRIVILEGED)

SELLER = PriceView(
    role="seller",
    reservation=40,
    target=80,
    low=1,
    high=100,
    turn=0,
    deadline=6,
    own_offer=None,
    partner_offer=None,
    partner_is_final=False,
    own_is_final=False,
)
BUYER = replace(SELLER, role="buyer", reservation=60, target=20, turn=1)
KEEPER = AllocationView(
    issues=(Issue(name="books", quantity=2), Issue(name="hats", quantity=1)),
    weights=(4, 2),
    disagreement=0,
    turn=0,
    deadline=6,
    own_proposal=None,
    partner_proposal=None,
    own_claim=None,
    partner_claim=None,
)


async def moves(spec: str, *views: Any, seat: str = "agent_0", seed: int = 0) -> list[str]:
    """The first line of what an agent says when it is shown the views one after the other."""
    agent = agent_factory(spec)(seat, seed)
    said = []
    for view in views:
        observation = {"text": "", "turn": view.turn}
        action = await agent.act(observation, {"game": view, "heard": ()})
        assert isinstance(action, str)
        said.append(action.split("\n")[0])
    return said


# -- aspirations by hand -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tactic", "time", "heard", "asks"),
    [
        (TimeDependent(beta=1.0), 0.0, (), 1.0),
        (TimeDependent(beta=1.0), 0.25, (), 0.75),
        (TimeDependent(beta=1.0), 1.0, (), 0.0),
        (TimeDependent(beta=0.5), 0.5, (), 0.75),  # 1 - 0.5 ** 2
        (TimeDependent(beta=2.0), 0.25, (), 0.5),  # 1 - 0.25 ** 0.5
        (TimeDependent(beta=1.0, floor=0.4), 0.5, (), 0.7),  # 1 - 0.6 * 0.5
        (TimeDependent(beta=1.0, floor=0.4), 1.0, (), 0.4),
        (TitForTat(), 0.9, (), 1.0),
        (TitForTat(), 0.9, (0.1,), 1.0),
        (TitForTat(), 0.9, (0.1, 0.4), 0.7),
        (TitForTat(), 0.9, (0.1, 0.4, 0.2), 0.7),  # what was given is not taken back
        (TitForTat(rate=0.5), 0.0, (0.1, 0.4), 0.85),
        (TitForTat(floor=0.2), 0.0, (-2.0, 1.0), 0.2),
        (HardHeaded(), 1.0, (0.9,), 1.0),
        (HardHeaded(level=0.6), 0.3, (), 0.6),
        (Patient(), 0.99, (0.9,), 1.0),
        (Patient(), 1.0, (0.1, 0.7, 0.3), 0.7),
        (Patient(), 1.0, (0.1,), 0.4),
        (Patient(hold=0.8), 0.0, (), 0.8),
    ],
)
def test_an_aspiration_by_hand(
    tactic: Tactic, time: float, heard: tuple[float, ...], asks: float
) -> None:
    assert tactic.aspiration(Moment(time, False, heard)) == pytest.approx(asks)


@pytest.mark.parametrize(
    ("shake", "asks"), [(0.0, 0.6), (2.0, 0.8), (-1.0, 0.5), (9.0, 1.0), (-9.0, 0.2)]
)
def test_a_noisy_aspiration_wavers_between_its_floor_and_one(shake: float, asks: float) -> None:
    tactic = TimeDependent(beta=1.0, floor=0.2, noise=0.1)  # 1 - 0.8 * 0.5 without noise
    assert tactic.aspiration(Moment(0.5, False, (), shake)) == pytest.approx(asks)


def test_the_patient_one_takes_anything_when_it_has_the_last_word() -> None:
    assert Patient().aspiration(Moment(1.0, True, (0.7,))) == 0.0


def test_boulware_concedes_late_and_a_conceder_early() -> None:
    halfway = Moment(0.5, False, ())
    late, straight, early = (
        TACTICS[name].aspiration(halfway) for name in ("boulware", "linear", "conceder")
    )
    assert late == pytest.approx(0.9008, abs=1e-4)  # 1 - 0.5 ** (1 / 0.3)
    assert straight == 0.5
    assert early == pytest.approx(0.2063, abs=1e-4)  # 1 - 0.5 ** (1 / 3)


# -- from aspirations to moves -------------------------------------------------------------------


async def test_a_linear_seller_goes_down_from_its_target_to_its_limit() -> None:
    views = [replace(SELLER, turn=turn) for turn in (0, 2, 4)]
    assert await moves("scripted:linear", *views) == ["OFFER 80", "OFFER 60", "OFFER 40"]


async def test_a_linear_buyer_goes_up_from_its_target_to_its_limit() -> None:
    views = [replace(BUYER, turn=turn) for turn in (1, 3, 5)]
    # Own last turn is 5: at a fifth of the time it asks for four fifths of 40 below 60.
    assert await moves("scripted:linear", *views) == ["OFFER 28", "OFFER 44", "OFFER 60"]


async def test_an_offer_as_good_as_the_next_own_one_is_accepted() -> None:
    asks_for_28 = replace(BUYER, partner_offer=29)
    assert await moves("scripted:linear", asks_for_28) == ["OFFER 28"]
    assert await moves("scripted:linear", replace(BUYER, partner_offer=28)) == ["ACCEPT"]


async def test_a_final_bid_is_answered_by_a_final_bid() -> None:
    pressed = replace(SELLER, turn=2, partner_offer=30, partner_is_final=True)
    assert await moves("scripted:linear", pressed) == ["FINAL_BID: 60"]
    assert await moves("scripted:linear", replace(pressed, partner_offer=60)) == ["ACCEPT"]


async def test_tit_for_tat_gives_what_it_is_given() -> None:
    # 20 is worth -0.5 to the seller and 30 is worth -0.25: a quarter of 40 was given.
    views = [
        SELLER,
        replace(SELLER, turn=2, partner_offer=20),
        replace(SELLER, turn=4, partner_offer=30),
    ]
    assert await moves("scripted:tit_for_tat", *views) == ["OFFER 80", "OFFER 80", "OFFER 70"]


async def test_the_parameters_of_a_spec_reach_the_tactic() -> None:
    views = [replace(SELLER, turn=turn) for turn in (0, 2, 4)]
    said = await moves("scripted:hard_headed?level=0.25", *views)
    assert said == ["OFFER 50"] * 3
    said = await moves("scripted:linear?beta=1&floor=0.5", *views)
    assert said == ["OFFER 80", "OFFER 70", "OFFER 60"]


async def test_of_equally_good_divisions_the_most_generous_is_proposed() -> None:
    # Everything is worth 10: one book is worth 4, the hat 2.
    assert await moves("scripted:hard_headed", KEEPER) == ["PROPOSE 2 1"]
    assert await moves("scripted:hard_headed?level=0.8", KEEPER) == ["PROPOSE 2 0"]
    assert await moves("scripted:hard_headed?level=0.3", KEEPER) == ["PROPOSE 1 0"]


async def test_a_proposal_is_worth_what_it_leaves() -> None:
    leaves_eight = replace(KEEPER, turn=1, partner_proposal=(0, 1))
    assert await moves("scripted:hard_headed?level=0.8", leaves_eight) == ["ACCEPT"]
    assert await moves("scripted:hard_headed?level=0.9", leaves_eight) == ["PROPOSE 2 1"]


@pytest.mark.parametrize("spec", ["scripted:linear", "scripted:random_legal"])
async def test_after_its_last_word_without_an_answer_an_agent_only_talks(spec: str) -> None:
    waiting = replace(SELLER, turn=2, own_offer=50, own_is_final=True)
    (said,) = await moves(spec, waiting)
    assert PRICES.find(said) is None


# -- plays ---------------------------------------------------------------------------------------


class Babbler:
    """Says the given lines, one a turn, and then the last one again and again."""

    is_privileged = False

    def __init__(self, seat: str, *lines: str) -> None:
        self._inner = agent_factory("scripted:linear")(seat, 0)
        self.conversation = self._inner.conversation
        self._lines = list(lines)

    async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> str:
        self.conversation.observe(observation, info)
        text = self._lines.pop(0) if len(self._lines) > 1 else self._lines[0]
        self.conversation.reply(observation["turn"], text)
        return text


def spec_of(name: str) -> str:
    return f"scripted:{name}"


def tasks(family: str, names: list[tuple[str, str]], seeds: int) -> list[Task]:
    return [
        Task(scenario=family, agents=(spec_of(first), spec_of(second)), seed=seed)
        for first, second in names
        for seed in range(seeds)
    ]


def said(episode: Episode, seat: str) -> list[str]:
    return [turn.move for turn in episode.turns if turn.seat == seat and turn.move is not None]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("family", FAMILIES)
async def test_every_agent_plays_every_other_to_the_end_without_an_invalid_move(
    family: str, order: Any
) -> None:
    pairs = list(product(EVERYBODY, EVERYBODY))
    owed = [replace(task, action_order=order) for task in tasks(family, pairs, 3)]
    episodes = await run_episodes(owed)
    for episode in episodes:
        assert episode.status == "ok"
        assert episode.outcome in ("agreement", "no agreement")
        assert [turn.invalid for turn in episode.turns if turn.invalid] == []
        deadline = episode.scenario.model_dump()["game"]["deadline"]
        assert 1 + episode.turns[-1].number <= deadline
        assert all(record.reward is not None for record in episode.seats.values())


@pytest.mark.parametrize("difficulty", ["easy", "hard", "impossible"])
async def test_difficult_sales_are_played_to_the_end_too(difficulty: str) -> None:
    pairs = list(product(EVERYBODY, EVERYBODY))
    scenario = f"price_negotiation?difficulty={difficulty}"
    for episode in await run_episodes(tasks(scenario, pairs, 2)):
        assert episode.status == "ok"
        assert not any(turn.invalid for turn in episode.turns)


@pytest.mark.parametrize("seat", [0, 1])
@pytest.mark.parametrize(
    "lines",
    [
        ("I just like to talk.",),
        ("FINAL_BID: 30", "I have said my last word."),
        ("FINAL_BID: 30", "ACCEPT", "REJECT"),
        ("OFFER 30", "REJECT", "FINAL_BID: 75"),
        ("OFFER ninety", "ACCEPT it now"),
    ],
)
@pytest.mark.parametrize("name", EVERYBODY)
async def test_no_partner_brings_an_agent_to_an_invalid_move(
    name: str, lines: tuple[str, ...], seat: int
) -> None:
    cast = Cast(factories={"babbler": lambda key, seed: Babbler(key, *lines)})
    agents = (spec_of(name), "babbler") if seat == 0 else ("babbler", spec_of(name))
    for order in ("round-robin", "simultaneous"):
        owed = [
            Task(scenario="price_negotiation", agents=agents, seed=s, action_order=order)
            for s in range(4)
        ]
        for episode in await run_episodes(owed, cast=cast):
            assert episode.status == "ok"
            own = [turn for turn in episode.turns if turn.seat == f"agent_{seat}"]
            assert [turn.invalid for turn in own if turn.invalid] == []


@pytest.mark.parametrize("family", FAMILIES)
async def test_a_play_is_a_function_of_its_seeds(family: str) -> None:
    pairs = [(name, RANDOM) for name in EVERYBODY]
    once = await run_episodes(tasks(family, pairs, 2))
    again = await run_episodes(tasks(family, pairs, 2), concurrency=1)
    assert once == again
    others = [replace(task, agent_seeds=(5, 6)) for task in tasks(family, pairs, 2)]
    for one, other in zip(once, await run_episodes(others), strict=True):
        assert one.turns != other.turns
        assert one.scenario == other.scenario


@pytest.mark.parametrize("family", FAMILIES)
async def test_the_hard_headed_one_never_changes_what_it_asks_for(family: str) -> None:
    pairs = [("hard_headed", "linear"), ("hard_headed", "boulware")]
    episodes = await run_episodes(tasks(family, pairs, 20))
    asked = [
        {move for move in said(episode, "agent_0") if move != "ACCEPT"} for episode in episodes
    ]
    assert all(len(offers) == 1 for offers in asked)


async def test_the_solution_is_shown_to_privileged_agents_only() -> None:
    shown: dict[str, bool] = {}

    class Watcher(Babbler):
        async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> str:
            shown[self.conversation.seat] = "solution" in info
            return await super().act(observation, info)

    class Privileged(Watcher):
        is_privileged = True

    cast = Cast(
        factories={
            "plain": lambda seat, seed: Watcher(seat, "Hm."),
            "privileged": lambda seat, seed: Privileged(seat, "Hm."),
        }
    )
    task = Task(scenario="price_negotiation", agents=("plain", "privileged"), seed=0)
    await run_episodes([task], cast=cast)
    assert shown == {"agent_0": False, "agent_1": True}
    for name in UNPRIVILEGED:
        assert not agent_factory(spec_of(name))("agent_0", 0).is_privileged
    assert agent_factory(spec_of(PRIVILEGED))("agent_0", 0).is_privileged


@pytest.mark.parametrize("family", FAMILIES)
async def test_the_solver_gets_at_least_what_any_other_gets(family: str) -> None:
    async def mean_share(name: str, partner: str) -> float:
        pairs = [(name, partner), (partner, name)]
        shares = []
        for episode in await run_episodes(tasks(family, pairs, 15)):
            seat = "agent_0" if episode.seats["agent_0"].agent == spec_of(name) else "agent_1"
            shares.append(episode.scores(seat)["outcome/share"])
        return float(np.mean(shares))

    for partner in ("boulware", "linear", "conceder", "patient"):
        solver = await mean_share(PRIVILEGED, partner)
        for name in UNPRIVILEGED:
            assert name == partner or solver >= await mean_share(name, partner)


async def test_the_solver_takes_what_a_partner_offers_who_never_moves() -> None:
    firm = "hard_headed?level=0.3"
    pairs = [(PRIVILEGED, firm), (firm, PRIVILEGED)]
    for episode in await run_episodes(tasks("price_negotiation", pairs, 15)):
        assert episode.outcome == "agreement"


async def test_against_a_partner_who_concedes_everything_the_solver_gets_all() -> None:
    pairs = [(PRIVILEGED, "linear"), ("linear", PRIVILEGED)]
    for episode in await run_episodes(tasks("price_negotiation", pairs, 20)):
        seat = "agent_0" if episode.seats["agent_0"].agent.endswith(PRIVILEGED) else "agent_1"
        assert episode.scores(seat)["outcome/share"] == 1.0


# -- speech --------------------------------------------------------------------------------------


def test_no_sentence_is_a_move_or_an_attempt_at_one() -> None:
    rng = np.random.default_rng(0)
    for occasion in ("opening", "holding", "conceding", "accepting", "refusing"):
        sentences = {sentence(occasion, rng) for _ in range(400)}
        assert len(sentences) >= 6
        for text in sentences:
            assert PRICES.find(text) is None
            assert DIVISIONS.find(text) is None


# -- specs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("scripted:bulware", "Did you mean 'boulware'"),
        ("scripted:", "Known: boulware, conceder"),
        ("scripted:linear?bta=2", "Did you mean 'beta'? Known: beta, floor"),
        ("scripted:linear?beta=fast", "are numbers"),
        ("scripted:linear?beta=nan", "beta of scripted:linear must be from -100 to 100, got nan"),
        ("scripted:linear?beta=0", "beta must be above 0, got 0"),
        ("scripted:linear?noise=-1", "noise must be at least 0, got -1"),
        ("scripted:hard_headed?level=1e308", "must be from -100 to 100, got 1e+308"),
        ("scripted:patient?last=-inf", "last of scripted:patient must be from -100 to 100"),
        ("scripted:solver?beta=1", "unknown parameter of scripted:solver 'beta'"),
        ("scripted:random_legal?p=1", "unknown parameter of scripted:random_legal 'p'"),
        ("robot:linear", "unknown agent 'robot:linear'"),
        ("boulware", "unknown agent 'boulware'"),
        ("", "unknown agent ''"),
    ],
)
def test_a_spec_that_names_nobody_is_answered_with_those_that_exist(
    spec: str, complaint: str
) -> None:
    with pytest.raises(AgentError) as caught:
        agent_factory(spec)
    assert complaint in str(caught.value)
