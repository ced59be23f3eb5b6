"""The scripted player of social games: sensible in every role, and better than chance."""

from collections.abc import Mapping
from typing import Any

import pytest
from parlour import ROLES, village
from sales import sale

from sotopia_env import EnvironmentProfile, Episode, parallel_env
from sotopia_env.agents.scripted.deduction import DeductionAgent
from sotopia_env.agents.scripted.describers import traits_of
from sotopia_env.errors import AgentError
from sotopia_env.evaluators.deception import DeceptionMetrics, claims_of
from sotopia_env.games.deduction import SpyfallParams
from sotopia_env.runner import Task, run_episodes
from sotopia_env.scenarios.deduction import profile_of
from sotopia_env.scenarios.families import load_family

RANDOM, DEDUCER = "scripted:random_legal", "scripted:deducer"


def tasks(
    family: str, options: Mapping[str, str], side: str, one: str, other: str, games: int
) -> list[Task]:
    """Games in which `one` plays the hidden side, or the open one, and `other` the rest."""
    found = []
    for seed in range(games):
        profile = load_family(family).draw("train", seed, options)
        game: Any = profile.game
        config = game.config
        specs = tuple(
            one if (player.team == config.hidden_team) == (side == "hidden") else other
            for player in config.agents
        )
        found.append(Task(scenario=profile, agents=specs, seed=seed, max_turns=None))
    return found


async def win_rate(
    family: str, options: Mapping[str, str], side: str, one: str, other: str, games: int
) -> float:
    """Share of games won by the side that `one` plays."""
    played = tasks(family, options, side, one, other, games)
    episodes = await run_episodes(played)
    won = 0
    for task, episode in zip(played, episodes, strict=True):
        assert episode.status == "ok", episode.error
        scenario: Any = task.scenario
        config = scenario.game.config
        seat = next(
            seat
            for seat, player in enumerate(config.agents)
            if (player.team == config.hidden_team) == (side == "hidden")
        )
        won += episode.seats[f"agent_{seat}"].reward == 1
    return won / games


@pytest.mark.parametrize(
    ("family", "options", "side", "games", "least"),
    [
        ("werewolf", {"players": "8"}, "hidden", 150, 0.04),
        ("werewolf", {}, "open", 60, 0.15),
        ("spyfall", {}, "hidden", 60, 0.25),
        ("spyfall", {"players": "6", "places": "4"}, "open", 60, 0.1),
        ("undercover", {"players": "7", "undercovers": "2"}, "hidden", 60, 0.2),
        ("undercover", {}, "open", 60, 0.4),
    ],
)
async def test_it_wins_more_often_than_chance_against_random_play(
    family: str, options: dict[str, str], side: str, games: int, least: float
) -> None:
    by_chance = await win_rate(family, options, side, RANDOM, RANDOM, games)
    with_sense = await win_rate(family, options, side, DEDUCER, RANDOM, games)
    assert with_sense >= by_chance + least


async def test_a_lone_undercover_needs_it_against_those_who_listen() -> None:
    """Against players at random, who listen to nobody, one undercover can do nothing."""
    by_chance = await win_rate("undercover", {}, "hidden", RANDOM, DEDUCER, 120)
    with_sense = await win_rate("undercover", {}, "hidden", DEDUCER, DEDUCER, 120)
    assert with_sense >= by_chance + 0.15


async def episodes_of(profile: EnvironmentProfile, games: int) -> list[Episode]:
    seats = len(profile.agent_names)
    return await run_episodes(
        [
            Task(scenario=profile, agents=(DEDUCER,) * seats, seed=seed, max_turns=None)
            for seed in range(games)
        ]
    )


async def test_it_makes_no_invalid_moves_and_plays_the_same_game_from_the_same_seed() -> None:
    for family in ("werewolf", "spyfall", "undercover"):
        profile = load_family(family).draw("test", 3, {})
        first, second = await episodes_of(profile, 8), await episodes_of(profile, 8)
        assert first == second
        assert all(episode.outcome == "over" for episode in first)
        assert all(seat.invalid_moves == 0 for e in first for seat in e.seats.values())
        assert len({tuple(turn.argument for turn in e.turns) for e in first}) > 1


def moves_of(episode: Episode, role: str, keyword: str) -> list[tuple[int, str]]:
    """Turn and target of the moves of one role."""
    names = {key: seat.name for key, seat in episode.seats.items()}
    return [
        (turn.number, turn.move.removeprefix(f"{keyword} "))
        for turn in episode.turns
        if turn.move and turn.move.startswith(keyword) and ROLES[names[turn.seat]] == role
    ]


async def test_wolves_agree_on_their_victim() -> None:
    for episode in await episodes_of(profile_of(village()), 20):
        kills = moves_of(episode, "Werewolf", "kill")
        for number, target in kills:
            others = [t for n, t in kills if abs(n - number) == 1]
            assert all(other == target for other in others)
        assert all(ROLES[target] != "Werewolf" for _, target in kills)


async def test_the_seer_inspects_everybody_once_and_the_witch_saves_the_first_victim() -> None:
    for episode in await episodes_of(profile_of(village()), 20):
        inspected = [target for _, target in moves_of(episode, "Seer", "inspect")]
        assert len(set(inspected)) == len(inspected)
        saved = moves_of(episode, "Witch", "save")
        assert len(saved) == 1
        assert saved[0][0] == 3
        first_killed = moves_of(episode, "Werewolf", "kill")[0][1]
        assert saved[0][1] == first_killed


async def test_what_it_claims_can_be_read_and_wolves_lie_while_villagers_do_not() -> None:
    env = parallel_env(profile_of(village()))
    lies = dict.fromkeys(("Werewolf", "Villager", "Seer", "Witch"), 0)
    claims = 0
    for seed in range(20):
        await play(env, seed)
        claims += len(claims_of(env.transcript))
        evaluation = DeceptionMetrics().evaluate(env.transcript)
        for key, name in env.transcript.names.items():
            lies[ROLES[name]] += int(evaluation.scores[key].get("lies", 0))
    assert claims > 100
    assert lies["Werewolf"] > 20
    assert lies["Villager"] == lies["Seer"] == 0


async def play(env: Any, seed: int, style: Any = "chat") -> dict[str, DeductionAgent]:
    """An episode in which an agent is asked even when it is not on turn."""
    agents = {key: DeductionAgent(key, seed, style) for key in env.possible_agents}
    observations, infos = env.reset(seed=seed)
    while env.agents:
        actions = {key: await agents[key].act(observations[key], infos[key]) for key in env.agents}
        observations, _, _, _, infos = env.step(actions)
    return agents


@pytest.mark.parametrize("style", ["chat", "brief", "sotopia"])
async def test_it_keeps_what_it_was_shown_in_every_style(style: str) -> None:
    env = parallel_env("werewolf")
    agents = await play(env, 0, style)
    assert env.transcript.outcome == "over"
    assert env.invalid_moves == [0] * 6
    for key, agent in agents.items():
        spoken = [turn for turn in env.transcript.turns if turn.seat == key]
        assert len(agent.conversation.decisions) == len(spoken)
        assert not agent.is_privileged


async def test_it_plays_places_it_does_not_know_and_games_without_roles() -> None:
    profile = load_family("spyfall").draw("train", 0, {})
    game: Any = profile.game
    places = ("Atlantis", "Camelot", "Utopia")
    strange = SpyfallParams.of(game.config, location="Camelot", places=places)
    for episode in await episodes_of(profile.model_copy(update={"game": strange}), 5):
        assert episode.outcome == "over"
    council = village(
        initial_state="Day_discussion",
        state_transition={"Day_discussion": "Day_vote", "Day_vote": "Day_discussion"},
        state_properties={
            "Day_discussion": {"actions": ["speak"]},
            "Day_vote": {"actions": ["action"], "action_order": "simultaneous"},
        },
    )
    for episode in await episodes_of(profile_of(council), 5):
        assert episode.status == "ok"


async def test_it_plays_nothing_else() -> None:
    env = parallel_env(sale())
    observations, infos = env.reset(seed=0)
    agent = DeductionAgent("agent_0", 0, "chat")
    with pytest.raises(AgentError, match="scripted:deducer plays social games"):
        await agent.act(observations["agent_0"], infos["agent_0"])


@pytest.mark.parametrize(
    ("word", "traits"),
    [
        ("cat", {"end": "consonant", "start": "first", "vowels": "one", "letters": "three"}),
        ("Ozone", {"end": "vowel", "start": "second", "vowels": "two", "letters": "five"}),
        (
            "ice cream",
            {"end": "consonant", "start": "first", "vowels": "three", "letters": "eight"},
        ),
        ("\u017eaba", {}),
        ("rhythm", {"end": "consonant", "start": "second", "vowels": "none", "letters": "six"}),
        ("", {}),
    ],
)
def test_traits_of_a_word_are_counted_by_hand(word: str, traits: dict[str, str]) -> None:
    assert traits_of(word) == traits
