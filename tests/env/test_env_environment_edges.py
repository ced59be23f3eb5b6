"""The environment at its edges: mistakes of callers, and what babbling policies come up with."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sales import sale

from sotopia_env import AgentAction, EnvironmentProfile, SotopiaEnv, aec_env, parallel_env
from sotopia_env.errors import ActionError, ScenarioError

SALE = sale()
TALK = EnvironmentProfile(
    scenario="Friends meet.", agent_goals=("x", "y", "z"), agent_names=("Ada", "Bram", "Cleo")
)


def env_of(profile: EnvironmentProfile, **settings: Any) -> Any:
    env = parallel_env(profile, reward=None, **settings)
    env.reset(seed=0)
    return env


def test_a_refused_call_counts_nothing_of_the_seats_it_had_heard() -> None:
    env = env_of(SALE, action_order="simultaneous")
    with pytest.raises(ActionError):
        env.step({"agent_0": "OFFER 900"})
    assert env.invalid_moves == [0, 0]


def test_a_mask_with_the_own_seat_in_it_is_no_mistake() -> None:
    env = env_of(TALK)
    everybody = np.ones(3, dtype=np.int8)
    env.step({"agent_0": {"action_type": 1, "argument": "Hello.", "to": everybody}})
    assert env.invalid_moves == [0, 0, 0]


def test_a_seat_without_a_legal_move_samples_talk() -> None:
    env = env_of(SALE)
    env.step({"agent_0": "FINAL_BID: 50"})
    env.step({"agent_1": "Hm."})
    text = env.sample_move("agent_0", np.random.default_rng(0))
    env.step({"agent_0": text})
    assert env.invalid_moves == [0, 0]


def test_a_scenario_file_with_a_broken_game_is_a_scenario_error(tmp_path: Path) -> None:
    path = tmp_path / "sale.json"
    path.write_text(SALE.model_dump_json().replace('"deadline":6', '"deadline":0'))
    with pytest.raises(ScenarioError, match="deadline must be at least 1"):
        parallel_env(path).reset(seed=0)


def test_a_long_unknown_recipient_does_not_flood_the_observation() -> None:
    env = env_of(TALK)
    said = AgentAction("speak", "Hello.", ("x" * 1_000_000,))
    observations, *_ = env.step({"agent_0": said})
    assert env.observation_space("agent_0").contains(observations["agent_0"])


def test_history_holds_the_corrective_lines_a_seat_was_shown() -> None:
    env = env_of(SALE)
    observations, *_ = env.step({"agent_0": "OFFER 900"})
    assert observations["agent_0"]["text"] in env.history("agent_0")
    assert observations["agent_0"]["text"] not in env.history("agent_1")


def test_everybody_perceives_that_somebody_has_left() -> None:
    observations, *_ = env_of(TALK).step({"agent_0": AgentAction("leave", "", ("Bram",))})
    assert "Ada" in observations["agent_2"]["text"]


def test_a_scenario_that_cannot_be_set_does_not_pass_for_the_one_before() -> None:
    good = EnvironmentProfile(scenario="They meet.", agent_goals=("Sell.", "Buy."))
    bad = EnvironmentProfile(scenario="They meet.", agent_goals=("Sell.",))
    env = SotopiaEnv(lambda seed: bad if seed else good)
    env.reset(seed=0)
    for _ in range(2):
        with pytest.raises(ScenarioError, match="1 goals for 2 seats"):
            env.reset(seed=1)
    assert env.scene.profile is good
    assert env.transcript.profile is good


@pytest.mark.parametrize("view", [parallel_env, aec_env])
def test_no_observation_is_too_long_for_its_space(view: Any) -> None:
    profile = EnvironmentProfile(scenario="x" * 300_000, agent_goals=("",) * 20)
    env = view(profile, action_order="simultaneous")
    env.reset(seed=0)
    loud = {"action_type": "speak", "argument": "y" * 20_000}
    if view is parallel_env:
        observations = env.step(dict.fromkeys(env.agents, loud))[0]
        seen = observations["agent_3"]
    else:
        for _ in range(20):
            env.step(loud)
        seen = env.observe("agent_3")
    assert len(seen["text"]) > 19 * 20_000
    assert env.observation_space("agent_3").contains(seen)
    assert seen in env.observation_space("agent_3")
