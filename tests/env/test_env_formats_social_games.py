"""Configurations of social games: read, played, stored and written back."""

import json
from pathlib import Path

import numpy as np
import pytest
from duel import DUEL

from sotopia_env import parallel_env
from sotopia_env.errors import FormatError, ScenarioError
from sotopia_env.formats import read_social_game, read_source, write_social_game

PUBLISHED = Path(__file__).resolve().parents[2].parent / "shared/data/social_games"


def test_a_configuration_is_read_and_written_back_the_same() -> None:
    profile = read_social_game(DUEL)
    assert profile.scenario_id == "two_teams_configuration"
    assert profile.scenario.startswith("The players are Ada, Bram, Cleo.")
    assert write_social_game(profile) == DUEL


def test_a_generated_game_is_written_as_a_configuration_that_plays() -> None:
    env = parallel_env("werewolf/train/5")
    env.reset(seed=0)
    again = read_social_game(write_social_game(env.transcript.profile))
    assert again.agent_goals == env.transcript.profile.agent_goals


def test_a_configuration_file_is_played_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "duel.json"
    path.write_text(json.dumps(DUEL), encoding="utf-8")
    env = parallel_env(path)
    env.reset(seed=0)
    _, rewards, terminations, _, _ = env.step(
        {"agent_0": "vote Bram", "agent_1": "vote Ada", "agent_2": "vote Bram"}
    )
    assert set(terminations.values()) == {True}
    assert rewards == {"agent_0": 1.0, "agent_1": -1.0, "agent_2": 1.0}
    assert env.transcript.ending == "R."


def test_a_torn_configuration_is_named(tmp_path: Path) -> None:
    path = tmp_path / "duel.json"
    path.write_text(json.dumps(DUEL | {"initial_state": "Dawn"}), encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"duel\.json: .*initial_state"):
        parallel_env(path)
    with pytest.raises(FormatError, match="initial_state"):
        read_source(path)


def test_what_plays_no_social_game_has_no_configuration() -> None:
    env = parallel_env("price_negotiation/train/0")
    env.reset(seed=0)
    with pytest.raises(FormatError, match="price_negotiation/train/0: plays no social game"):
        write_social_game(env.transcript.profile)


@pytest.mark.skipif(not PUBLISHED.exists(), reason="needs the published configurations")
@pytest.mark.parametrize("name", ["werewolves", "spyfall", "undercover"])
def test_a_published_configuration_is_imported_played_and_given_back(name: str) -> None:
    path = PUBLISHED / f"{name}.json"
    (profile,) = read_source(path).records
    assert write_social_game(profile) == json.loads(path.read_text("utf-8"))  # type: ignore[arg-type]
    env, rng = parallel_env(profile), np.random.default_rng(0)  # type: ignore[arg-type]
    env.reset(seed=0)
    while env.agents:
        env.step({seat: env.sample_move(seat, rng) for seat in env.turn_order})
    assert env.transcript.outcome == "over"
    assert set(env.final_rewards.values()) == {1.0, -1.0}
