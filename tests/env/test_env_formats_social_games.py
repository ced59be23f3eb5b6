"""Configurations of social games: read, played, stored and written back."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from duel import DUEL
from published_data import DATA, needs_data

from sotopia_env import AgentAction, EnvironmentProfile, Episode, parallel_env
from sotopia_env.agents.scripted import build
from sotopia_env.errors import FormatError, ScenarioError
from sotopia_env.formats import (
    read_episode_log,
    read_published_episode,
    read_social_game,
    read_source,
    write_episode_log,
    write_published_episode,
    write_social_game,
)
from sotopia_env.runner import Cast, Task, run_episode

PUBLISHED = DATA / "social_games"


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


@needs_data
@pytest.mark.parametrize("name", ["werewolves", "spyfall", "undercover"])
def test_a_published_configuration_is_imported_played_and_given_back(name: str) -> None:
    path = PUBLISHED / f"{name}.json"
    (profile,) = read_source(path).records
    assert isinstance(profile, EnvironmentProfile)
    assert write_social_game(profile) == json.loads(path.read_text("utf-8"))
    env, rng = parallel_env(profile), np.random.default_rng(0)
    env.reset(seed=0)
    while env.agents:
        env.step({seat: env.sample_move(seat, rng) for seat in env.turn_order})
    assert env.transcript.outcome == "over"
    assert set(env.final_rewards.values()) == {1.0, -1.0}


# -- their episodes as logs ------------------------------------------------------------------------

SOCIAL = ("werewolf", "spyfall", "undercover")


class Whisperer:
    """A scripted player who addresses every second deed to the first who is somebody else."""

    is_privileged = False

    def __init__(self, seat: str, seed: int) -> None:
        self._player = build("deducer", {}, "chat")(seat, seed)
        self._other = "agent_1" if seat == "agent_0" else "agent_0"
        self._deeds = 0

    @property
    def conversation(self) -> Any:
        return self._player.conversation

    async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> Any:
        action = await self._player.act(observation, info)
        self._deeds += 1
        if self._deeds % 2 and isinstance(action, AgentAction):
            return action._replace(to=(self._other,))
        return action


async def played(family: str, player: str, seed: int = 3) -> Episode:
    seats = len(parallel_env(family).possible_agents)
    cast = Cast(factories={"whisperer": Whisperer})
    task = Task(scenario=family, agents=(player,) * seats, seed=seed, max_turns=None)
    return await run_episode(task, cast)


@pytest.mark.parametrize("player", ["scripted:deducer", "whisperer", "scripted:random_legal"])
@pytest.mark.parametrize("family", SOCIAL)
async def test_an_episode_of_a_social_game_comes_back_from_its_log_whole(
    family: str, player: str
) -> None:
    episode = await played(family, player)
    assert episode.status == "ok"
    known = {episode.scenario.scenario_id: episode.scenario}
    forms: tuple[tuple[Any, Any], ...] = (
        (write_episode_log, read_episode_log),
        (write_published_episode, read_published_episode),
    )
    for write, read in forms:
        text = json.dumps(write(episode))
        back = read(text, environments=known)
        assert json.dumps(write(back)) == text
        assert back.turns == episode.turns
        assert back.announcements == episode.announcements
        assert (back.outcome, back.ending) == (episode.outcome, episode.ending)
        assert back.evaluations == episode.evaluations
        assert [(s.name, s.reward, s.invalid_moves) for s in back.seats.values()] == [
            (s.name, s.reward, s.invalid_moves) for s in episode.seats.values()
        ]


async def test_the_messages_of_a_log_say_who_heard_and_not_who_was_meant() -> None:
    episode = await played("werewolf", "whisperer")
    log = write_episode_log(episode)
    del log["beyond_messages"]  # as another program would write it
    back = {(t.number, t.seat): t for t in read_episode_log(log).turns}
    addressed = [t for t in episode.turns if t.to and t.audience is not None]
    assert any(len(t.to) > len(t.audience or ()) for t in addressed)
    names = {seat: record.name for seat, record in episode.seats.items()}
    for turn in addressed:
        read = back[turn.number, turn.seat]
        assert read.audience == turn.audience
        assert read.to == tuple(names[seat] for seat in turn.audience or ())


async def test_what_stands_beyond_the_messages_must_agree_with_them() -> None:
    episode = await played("undercover", "scripted:deducer")
    log = write_episode_log(episode)
    first = log["beyond_messages"]["turns"][0]
    for change, complaint in (
        ({"argument": "another word"}, "f: turn 0 of agent_0: messages tell of another action"),
        ({"action_type": "none", "argument": ""}, "f: turn 0 of agent_0: messages tell of another"),
        ({"number": "0"}, "f: beyond_messages.turns.0.number: Input should be a valid integer"),
    ):
        altered = deepcopy(log)
        altered["beyond_messages"]["turns"][0] = {**first, **change}
        with pytest.raises(FormatError, match=complaint):
            read_episode_log(altered, where="f")
    fewer, more = deepcopy(log), deepcopy(log)
    del fewer["beyond_messages"]["turns"][0]
    more["beyond_messages"]["turns"].append({**first, "number": 999})
    with pytest.raises(FormatError, match="turn 0 of agent_0: messages tell of another action"):
        read_episode_log(fewer)
    with pytest.raises(FormatError, match="turn 999 of agent_0: messages do not tell of it"):
        read_episode_log(more)


def test_a_log_whose_messages_tell_all_has_the_published_keys_alone() -> None:
    episode = Episode.model_validate(
        {
            "key": "k",
            "scenario": {"scenario": "They meet."},
            "seed": 0,
            "seats": {"agent_0": {"name": "A", "agent": ""}, "agent_1": {"name": "B", "agent": ""}},
            "turns": [
                {"number": 0, "seat": "agent_0", "action_type": "speak", "argument": "Hi."},
                {
                    "number": 1,
                    "seat": "agent_1",
                    "action_type": "speak",
                    "argument": "Psst.",
                    "to": ["A"],
                    "audience": ["agent_0"],
                },
            ],
            "outcome": "turn limit",
            "ending": "The conversation is too long; ",
        }
    )
    log = write_episode_log(episode)
    assert "beyond_messages" not in log
    missed = episode.turns[0].model_copy(update={"invalid": "unknown recipient 'Z'"})
    for changes in (
        {"turns": (missed,)},
        {"outcome": "agreement", "ending": ""},
        {"visibility": "lite"},
        {"announcements": ({"number": 0, "text": "Night falls."},)},
    ):
        other = Episode.model_validate({**episode.model_dump(), **changes})
        log = write_episode_log(other)
        assert [*log][-1] == "beyond_messages"
        back = read_episode_log(log)
        for name in ("turns", "outcome", "ending", "visibility", "announcements"):
            assert getattr(back, name) == getattr(other, name), name
