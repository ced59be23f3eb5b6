"""Lines of the published episode files, and first observations as words."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_env_formats_logs import ANN, BOB, KNOWN, SITUATION, later_log, paper_log

from sotopia_env import AgentProfile, EnvironmentProfile, Episode
from sotopia_env.episode import Evaluation
from sotopia_env.errors import FormatError
from sotopia_env.formats import (
    ScriptBackground,
    background_of_words,
    read_background,
    read_episode_log,
    read_published_episode,
    write_published_episode,
)
from sotopia_env.formats.backgrounds import profile_of_words

KEYS = [
    *("episode_id", "environment_id", "agent_ids", "experiment_tag"),
    *("experiment_model_name_pairs", "raw_messages", "raw_rewards", "raw_rewards_prompt"),
    *("scenario", "codename", "agents_background", "social_goals", "social_interactions"),
    *("reasoning", "rewards"),
]


def line(**changes: Any) -> dict[str, Any]:
    return {**write_published_episode(read_episode_log(paper_log(), **KNOWN)), **changes}


def test_a_line_has_the_published_keys_in_order_and_a_readable_account() -> None:
    log, made = paper_log(), line()
    assert list(made) == KEYS
    assert made["episode_id"] == "4f70f4d2"
    assert made["experiment_model_name_pairs"] == ["gpt-4", "model-a", "model-b"]
    assert (made["raw_messages"], made["raw_rewards"]) == (log["messages"], log["rewards"])
    assert made["scenario"] == "Two friends meet."
    assert made["agents_background"] == {
        "Ann X": "Ann X is a 30-year-old female .  pronouns.  Personality and values description: "
        " Ann's secrets: Sings.",
        "Bob X": "Bob X is a 41-year-old male .  pronouns.  Personality and values description: "
        " Bob's secrets: ",
    }
    assert made["social_goals"] == {
        "Ann X": "Borrow <extra_info>10</extra_info>",
        "Bob X": "Lend nothing",
    }
    assert made["social_interactions"] == (
        'Ann X said: "I did nothing wrong!"\n\nBob X: left the conversation'
    )
    assert made["rewards"] == log["rewards"]


def test_the_first_turn_of_a_script_and_one_in_which_nobody_acts_are_left_out() -> None:
    script = read_episode_log(paper_log() | {"tag": "gpt-4_script_v1"}, **KNOWN)
    left = "Bob X: left the conversation"
    assert write_published_episode(script)["social_interactions"] == left
    silent = paper_log()
    silent["messages"][0][2][2] = "did nothing"
    episode = read_episode_log(silent, **KNOWN)
    assert write_published_episode(episode)["social_interactions"] == left
    other = read_episode_log(paper_log() | {"tag": "scripted"}, **KNOWN)
    assert write_published_episode(other)["social_interactions"].startswith("Ann X said")


def test_a_later_silent_turn_leaves_an_empty_place() -> None:
    log = paper_log()
    silent = [[name, "Environment", "did nothing"] for name in ("Ann X", "Bob X")]
    log["messages"].insert(1, [*log["messages"][1][:2], *silent])
    made = write_published_episode(read_episode_log(log, **KNOWN))
    assert made["social_interactions"] == (
        'Ann X said: "I did nothing wrong!"\n\n\n\nBob X: left the conversation'
    )


@pytest.mark.parametrize("known", [KNOWN, {}], ids=["known", "unknown"])
@pytest.mark.parametrize(
    "made",
    [
        line(),
        line(raw_rewards="[(7.5, {'goal': 7.5, 'overall_score': 7.5}), 0.0]"),
        line(agents_background={"Ann X": "A singer.", "Bob X": "?"}, social_interactions="..."),
        line(rewards=[7.5, 2.0], more=None),
        {key: value for key, value in line().items() if "reward" not in key},
        {key: value for key, value in line().items() if key != "raw_messages"},
        dict(reversed(line().items())),
    ],
    ids=["plain", "text", "others", "numbers", "unjudged", "account", "order"],
)
def test_a_line_comes_back_identical(made: dict[str, Any], known: dict[str, Any]) -> None:
    episode = read_published_episode(json.dumps(made), **known)
    assert json.dumps(write_published_episode(episode)) == json.dumps(made)
    stored = Episode.model_validate_json(episode.model_dump_json())
    assert json.dumps(write_published_episode(stored)) == json.dumps(made)


def test_a_line_is_the_episode_of_its_log() -> None:
    of_log = read_episode_log(paper_log(), **KNOWN)
    of_line = read_published_episode(line(), **KNOWN)
    unkept = {"metadata": {}}
    assert of_line.model_copy(update=unkept) == of_log.model_copy(update=unkept)


def test_what_nobody_knows_is_what_the_line_tells_of_it() -> None:
    episode = read_published_episode(line(codename="loan"))
    assert episode.scenario == EnvironmentProfile(
        scenario_id="e",
        codename="loan",
        scenario="Two friends meet.",
        agent_goals=SITUATION.agent_goals,
        agent_names=("Ann X", "Bob X"),
    )
    assert episode.metadata["reconstructed"] == "scenario e, agent a0, agent a1"


def test_a_line_without_rewards_is_unscored() -> None:
    old = {key: value for key, value in line().items() if "reward" not in key}
    episode = read_published_episode(old, **KNOWN)
    (judged,) = episode.evaluations
    assert (judged.scores, judged.unscored is None) == ({}, False)
    assert [seat.reward for seat in episode.seats.values()] == [None, None]


def test_rewards_written_as_a_text_are_read_and_never_run() -> None:
    text = "[(7.5, {'goal': 7.5, 'overall_score': 7.5}), 0.0]"
    for value in (text, ["(7.5, {'goal': 7.5, 'overall_score': 7.5})", 0.0]):
        episode = read_published_episode(line(raw_rewards=value), **KNOWN)
        assert episode.evaluations[0].scores == {"agent_0": {"goal": 7.5}}
    with pytest.raises(FormatError, match=r"rewards: .* is no list; correct it"):
        read_published_episode(line(raw_rewards="print('run')"), where="f line 1")


def test_without_messages_the_account_is_read() -> None:
    account = (
        'Ann X said: "Hello.\n\nHow are you?"\n\n\n\nBob X: [action] waves\n'
        "Ann X: [non-verbal communication] nods\n\nBob X: left the conversation"
    )
    made = line(social_interactions=account)
    del made["raw_messages"]
    episode = read_published_episode(made, **KNOWN)
    assert [(t.number, t.seat, t.action_type, t.argument) for t in episode.turns] == [
        (0, "agent_0", "speak", "Hello.\n\nHow are you?"),
        (1, "agent_1", "action", "waves"),
        (1, "agent_0", "non-verbal communication", "nods"),
        (2, "agent_1", "leave", ""),
    ]


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ({"episode_id": "x"}, "f line 1: key 'environment_id' is missing"),
        (line(agent_ids="a0"), "f line 1: agent_ids: Input should be"),
        (line(scenario=["S"]), "f line 1: scenario: Input should be"),
        (line(social_goals={"Ann X": 1}), "f line 1: social_goals.Ann X: Input should be"),
        (line(experiment_model_name_pairs=3), "f line 1: models: Input should be"),
        (line(agent_ids=["a0"]), "Number of agents in rewards 2 and agents 1 do not match"),
        (line(raw_rewards={"a": 1}), "f line 1: rewards: Input should be"),
        (
            {k: v for k, v in line(agents_background={}).items() if k != "raw_messages"},
            "f line 1: key 'raw_messages' is missing",
        ),
    ],
)
def test_what_is_no_line_is_refused(made: dict[str, Any], reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read_published_episode(made, where="f line 1")


@given(words=st.text(max_size=30), more=st.text(max_size=10))
def test_a_line_with_any_words_comes_back_identical(words: str, more: str) -> None:
    log = later_log()
    log["messages"][0][2][2] = f' said: "{words}"'
    log["tag"] = more
    made = json.dumps(write_published_episode(read_episode_log(log, **KNOWN)))
    episode = read_published_episode(made)
    assert json.dumps(write_published_episode(episode)) == made
    assert episode.turns[0].argument == words


def test_a_verifiable_games_outcome_has_its_source_in_the_names_of_its_scores() -> None:
    outcome = Evaluation(
        source="outcome",
        scores={"agent_0": {"share": 0.25}, "agent_1": {"share": 0.75}},
        reasons={"agent_0": "agreement: 5, 25%", "agent_1": "agreement: 15, 75%"},
    )
    judged = Evaluation(source="judge", unscored="no reply: 500\nagain")
    episode = read_episode_log(paper_log(), **KNOWN).model_copy(
        update={"evaluations": (outcome, judged), "metadata": {}}
    )
    made = write_published_episode(episode)
    assert made["rewards"][0] == [7.5, {"outcome/share": 0.25, "overall_score": 7.5}]
    assert made["reasoning"] == (
        "Environment comments: terminated: Agent 2 is leaving; \n"
        "judge/unscored: no reply: 500\nagain\n"
        "Agent 1 comments:\noutcome/share: \noutcome/reason: agreement: 5, 25%\n"
        "Agent 2 comments:\noutcome/share: \noutcome/reason: agreement: 15, 75%\n"
    )
    assert read_published_episode(made, **KNOWN).evaluations == (outcome, judged)


TOLD = ScriptBackground(
    scenario="A tea party.",
    agent_names=("Ann X", "Bob X"),
    agent_backgrounds=("Ann X sings.", ""),
    agent_goals=("Borrow\nmoney", ""),
)


def test_a_background_is_told_in_the_published_words_and_read_back_from_them() -> None:
    text = (
        "Here is the context of this interaction:\nScenario: A tea party.\n"
        "Participants: Ann X and Bob X\nAnn X's background: Ann X sings.\n"
        "Bob X's background: Unknown\nAnn X's goal: Borrow\nmoney\nBob X's goal: Unknown"
    )
    assert TOLD.in_words() == text
    assert background_of_words(text, TOLD.agent_names) == TOLD
    assert background_of_words(f"\n{text}\nConversation Starts:\n", TOLD.agent_names) == TOLD
    hidden = TOLD.model_copy(update={"hide_unknown": True})
    assert "Unknown" not in hidden.in_words()
    assert background_of_words("Good morning.", TOLD.agent_names) is None


def test_a_background_of_two_participants_with_numbered_fields_is_read() -> None:
    old = {"scenario": "A tea party."}
    for field, (first, second) in {
        "name": TOLD.agent_names,
        "background": TOLD.agent_backgrounds,
        "goal": TOLD.agent_goals,
    }.items():
        old |= {f"p1_{field}": first, f"p2_{field}": second}
    assert read_background(json.dumps(old)) == read_background(TOLD.model_dump()) == TOLD
    with pytest.raises(FormatError, match=r"agent_goals\.1: Input should be a valid string"):
        read_background({k: v for k, v in old.items() if k != "p2_goal"})
    with pytest.raises(FormatError, match="names, backgrounds and goals must be as many"):
        read_background(TOLD.model_dump() | {"agent_names": ["Ann X"]})


@pytest.mark.parametrize("profile", [ANN, BOB])
def test_a_biography_tells_who_somebody_is(profile: AgentProfile) -> None:
    name = profile.name
    text = line()["agents_background"][name]
    assert profile_of_words(text, name, profile.agent_id) == profile
    other = profile_of_words("A singer.", "Ludwig van Beethoven", "a9")
    assert other == AgentProfile(agent_id="a9", first_name="Ludwig", last_name="van Beethoven")
