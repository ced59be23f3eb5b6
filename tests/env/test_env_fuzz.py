"""Ten thousand episodes of random actions over every shipped scenario: no exception, no leak, and
the same again from the same seed; and a snapshot goes on as its original did."""

import copy
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sotopia_env import AgentAction, RelationshipType, parallel_env
from sotopia_env.actions import ACTION_TYPES
from sotopia_env.auditing import who_may_hear
from sotopia_env.canaries import NOBODY, Canaries, marked_scene
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


class Speech:
    """What seats say in one turn, with a canary in whatever not everybody may hear."""

    def __init__(self, env: Any, canaries: Canaries) -> None:
        self.env, self.canaries = env, canaries
        self.words: dict[str, str] = {}

    def word(self, seat: str, to: Sequence[str] | None) -> str:
        """A canary for those of `to`; `None` is for nobody."""
        is_heard = to is not None and seat in self.env.turn_order
        owners = who_may_hear(self.env, seat, to or ()) if is_heard else NOBODY
        said = f"what {seat} said in turn {self.env.turn} to {to}"
        self.words[seat] = self.canaries.mark(owners, said)
        return self.words[seat]

    def settle(self, infos: dict[str, Any]) -> None:
        """A hand that was raised in vain was heard by nobody."""
        for seat, word in self.words.items():
            if infos.get(seat, {}).get("waiting"):
                self.canaries.owners[word] = NOBODY


def random_action(env: Any, seat: str, rng: np.random.Generator, speech: Speech) -> Any:
    """Anything a policy may produce: samples, names, moves, nonsense; from the generator alone."""
    keys = env.possible_agents
    match int(rng.integers(8)):
        case 0:
            return env.sample_move(seat, rng)
        case 1:
            return WORDS[int(rng.integers(len(WORDS)))]
        case 2:
            return {
                "action_type": int(rng.integers(-1, 7)),
                "argument": "Hm.",
                "to": [1] * len(keys),
            }
        case 3:
            heard = [key for key in keys if rng.random() < 0.5]
            to = [env.transcript.names[key] for key in heard]
            return AgentAction("speak", f"Psst {speech.word(seat, heard)}.", tuple(to))
        case 4:
            return {"action_type": "action", "argument": env.sample_move(seat, rng)}
        case 5:
            argument = f"Hm {speech.word(seat, None)}."
            return {"action_type": "speak", "argument": argument, "to": ["Nobody Inparticular"]}
        case 6:
            kind = ACTION_TYPES[int(rng.integers(4))]
            mask = [int(rng.random() < 0.5) for _ in keys]
            heard = [key for key, bit in zip(keys, mask, strict=True) if bit]
            return {"action_type": kind, "argument": speech.word(seat, heard), "to": mask}
    return "leave" if rng.random() < 0.9 else AgentAction("leave", speech.word(seat, ()))


def play(env: Any, seed: int, canaries: Canaries) -> list[Any]:
    """All that is returned in an episode; searched for what leaks."""
    rng = np.random.default_rng(seed)
    observations, infos = env.reset(seed=seed)
    returned: list[Any] = [(observations, infos)]
    canaries.search_all(observations, infos, env.possible_agents)
    while env.agents:
        speech = Speech(env, canaries)
        acting = [seat for seat in env.agents if seat in env.turn_order or rng.random() < 0.1]
        result = env.step({seat: random_action(env, seat, rng, speech) for seat in acting})
        observations, infos = result[0], result[-1]
        speech.settle(infos)
        canaries.search_all(observations, infos, env.possible_agents)
        returned.append(result)
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
        first = play(one, number, copy.deepcopy(canaries))
        assert is_same(first, play(other, number, canaries)), (name, order, number)


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
            speech = Speech(env, Canaries())
            env.step({seat: random_action(env, seat, rng, speech) for seat in env.turn_order})
    snapshot = env.snapshot()

    def rest(target: Any) -> list[str]:
        again = np.random.default_rng(seed + 1)
        told = [repr([target.history(seat) for seat in target.possible_agents])]
        while target.agents:
            speech = Speech(target, Canaries())
            deeds = {s: random_action(target, s, again, speech) for s in target.turn_order}
            told.append(repr(target.step(deeds)))
        return told

    first = rest(env)
    env.restore(snapshot)
    assert rest(env) == first
    other = parallel_env(name, action_order=order)
    other.restore(snapshot)
    assert rest(other) == first
