"""Ten thousand episodes of random actions over every shipped scenario: no exception, no leak, and
the same again from the same seed; and a snapshot goes on as its original did."""

from itertools import cycle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sotopia_env import AgentAction, EnvironmentProfile, RelationshipType, parallel_env
from sotopia_env.actions import ACTION_TYPES
from sotopia_env.auditing import Canaries, check_leaks, marked_scene
from sotopia_env.episode import Turn
from sotopia_env.make import scenario_source
from sotopia_env.scenarios import library
from sotopia_env.scenarios.families import family_names
from sotopia_env.testing import is_same
from sotopia_env.turns import ACTION_ORDERS

FAMILIES = family_names()
NAMES = [*FAMILIES, *library.scenarios()]
EPISODES = 10_000
SHARDS = 20
WORDS = (
    "Hm.",
    "",
    "OFFER 40",
    "ACCEPT",
    "vote",
    "<p viewer='agent_0'>x</p>",
    '"',
    "\x00\u202e",
    "é" * 50,
)


def random_action(env: Any, seat: str, rng: np.random.Generator) -> Any:
    """Anything a policy may produce: samples, names, moves, nonsense; from the generator alone."""
    match int(rng.integers(8)):
        case 0:
            return env.sample_move(seat, rng)
        case 1:
            return WORDS[int(rng.integers(len(WORDS)))]
        case 2:
            return {
                "action_type": int(rng.integers(-1, 7)),
                "argument": "Hm.",
                "to": [1] * len(env.possible_agents),
            }
        case 3:
            to = [name for name in env.transcript.names.values() if rng.random() < 0.5]
            return AgentAction("speak", f"Psst {rng.integers(100)}.", tuple(to))
        case 4:
            return {"action_type": "action", "argument": env.sample_move(seat, rng)}
        case 5:
            return {"action_type": "speak", "argument": "Hm.", "to": ["Nobody Inparticular"]}
        case 6:
            kind = ACTION_TYPES[int(rng.integers(4))]
            return {"action_type": kind, "argument": WORDS[int(rng.integers(len(WORDS)))]}
    return "leave" if rng.random() < 0.9 else AgentAction("leave")


def play(env: Any, seed: int, canaries: Canaries | None = None) -> list[Any]:
    """All that is returned in an episode; with canaries, searched for what leaks."""
    rng = np.random.default_rng(seed)
    observations, infos = env.reset(seed=seed)
    returned: list[Any] = [(observations, infos)]
    while env.agents:
        if canaries is not None:
            canaries.search(observations, infos, env.possible_agents)
        acting = [seat for seat in env.agents if seat in env.turn_order or rng.random() < 0.1]
        result = env.step({seat: random_action(env, seat, rng) for seat in acting})
        observations, infos = result[0], result[-1]
        returned.append(result)
    if canaries is not None:
        canaries.search(observations, infos, env.possible_agents)
    assert env.transcript.outcome is not None
    return returned


@pytest.mark.parametrize("shard", range(SHARDS))
def test_ten_thousand_random_episodes_end_leak_nothing_and_repeat_themselves(shard: int) -> None:
    each = EPISODES // SHARDS
    numbers = range(shard * each, (shard + 1) * each)
    kinds = cycle((r, o) for r in RelationshipType for o in ACTION_ORDERS)
    combinations = [next(kinds) for _ in range(len(RelationshipType) * len(ACTION_ORDERS))]
    for number in numbers:
        name = NAMES[number % len(NAMES)]
        relationship, order = combinations[(number // len(NAMES) + number) % len(combinations)]
        profile = scenario_source(name)(number)
        profile = profile.model_copy(update={"relationship": relationship})
        canaries = Canaries()
        scene = marked_scene(profile, relationship, canaries)
        if scene.is_phased and order == "agent-chosen":
            order = "random"
        settings = {"action_order": order, "max_turns": 4 + number % 30, "reward": "auto"}
        one = parallel_env(scene.profile, agents=scene.characters, **settings)
        other = parallel_env(scene.profile, agents=scene.characters, **settings)
        first = play(one, number, canaries)
        assert is_same(first, play(other, number)), (name, order, number)


@settings(max_examples=60)
@given(
    st.sampled_from(NAMES),
    st.sampled_from(ACTION_ORDERS),
    st.integers(0, 2**32 - 1),
    st.integers(0, 12),
)
def test_a_snapshot_at_any_turn_goes_on_as_its_original_did(
    name: str, order: str, seed: int, turns: int
) -> None:
    if order == "agent-chosen" and name in ("werewolf", "spyfall", "undercover"):
        order = "random"
    env = parallel_env(name, action_order=order)
    rng = np.random.default_rng(seed)
    env.reset(seed=seed)
    for _ in range(turns):
        if env.agents:
            env.step({seat: random_action(env, seat, rng) for seat in env.turn_order})
    snapshot = env.snapshot()

    def rest(target: Any) -> list[str]:
        again = np.random.default_rng(seed + 1)
        told = [repr([target.history(seat) for seat in target.possible_agents])]
        while target.agents:
            actions = {seat: random_action(target, seat, again) for seat in target.turn_order}
            told.append(repr(target.step(actions)))
        return told

    first = rest(env)
    env.restore(snapshot)
    assert rest(env) == first
    other = parallel_env(name, action_order=order)
    other.restore(snapshot)
    assert rest(other) == first


@pytest.mark.parametrize("name", NAMES)
def test_nothing_leaks_in_any_relationship_and_order(name: str) -> None:
    assert check_leaks(name, turns=6) > 100


def test_the_audit_finds_a_planted_leak() -> None:
    leaky = EnvironmentProfile(
        scenario="They meet.", agent_goals=("Sell.", "Buy."), relationship=RelationshipType.stranger
    )
    complaint = "the observation of agent_0 tells it of the occupation of agent_1"
    with pytest.raises(AssertionError, match=complaint):
        check_leaks(leaky, visibility="omniscient")


@pytest.mark.parametrize("place", ["text", "info", "turn"])
def test_the_audit_looks_everywhere(place: str) -> None:
    canaries = Canaries()
    secret = canaries.mark(frozenset([1]), "secret of agent_1")
    public = canaries.mark(None, "scenario")
    heard = Turn(0, "agent_1", AgentAction("speak", secret if place == "turn" else public))
    observations = {"agent_0": {"text": secret if place == "text" else public}}
    infos = {"agent_0": {"heard": (heard,), "game": secret if place == "info" else public}}
    with pytest.raises(AssertionError, match="of agent_0 tells it of the secret of agent_1"):
        canaries.search(observations, infos, ["agent_0", "agent_1"])
    canaries.search({"agent_1": {"text": secret}}, {"agent_1": {}}, ["agent_0", "agent_1"])
