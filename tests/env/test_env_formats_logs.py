"""Episode logs: read exactly, written exactly, and nobody is told what is not theirs."""

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sotopia_env import AgentAction, AgentProfile, EnvironmentProfile, Episode, RelationshipType
from sotopia_env.actions import ACTION_TYPES
from sotopia_env.episode import EpisodeAnnouncement, EpisodeTurn, Evaluation, SeatRecord
from sotopia_env.errors import FormatError
from sotopia_env.formats import read_episode_log, rendered_for_humans, write_episode_log
from sotopia_env.visibility import background, introduction

ANN = AgentProfile(
    agent_id="a0", first_name="Ann", last_name="X", age=30, gender="Woman", secret="Sings."
)
BOB = AgentProfile(agent_id="a1", first_name="Bob", last_name="X", age=41, gender="Man")
SITUATION = EnvironmentProfile(
    scenario_id="e",
    scenario="Two friends meet.",
    agent_goals=("Borrow <extra_info>10</extra_info>", "Lend nothing"),
    relationship=RelationshipType.friend,
)
KNOWN: Any = {"environments": {"e": SITUATION}, "agents": {"a0": ANN, "a1": BOB}}
TOO_LONG = "The conversation is too long; "


def told(seat: int) -> str:
    names = ("Ann X", "Bob X")
    text = introduction(background(SITUATION, names, (ANN, BOB)), names, seat)
    return f"\n{text}\nConversation Starts:\n"


def paper_log() -> dict[str, Any]:
    """A log of the paper's time: no `agent_classes`, no blanks before actions."""
    return {
        "pk": "4f70f4d2",
        "environment": "e",
        "agents": ["a0", "a1"],
        "tag": "t1",
        "models": ["gpt-4", "model-a", "model-b"],
        "messages": [
            [
                ["Environment", "Ann X", told(0)],
                ["Environment", "Bob X", told(1)],
                ["Ann X", "Environment", 'said: "I did nothing wrong!"'],
                ["Bob X", "Environment", "did nothing"],
            ],
            [
                ["Environment", "Ann X", 'Turn #0: Ann X said: "I did nothing wrong!"\n'],
                ["Environment", "Bob X", 'Turn #0: Ann X said: "I did nothing wrong!"\n'],
                ["Ann X", "Environment", "did nothing"],
                ["Bob X", "Environment", "left the conversation"],
            ],
            [
                ["Environment", "Ann X", "Turn #1: Bob X left the conversation\n"],
                ["Environment", "Bob X", "Turn #1: Bob X left the conversation\n"],
            ],
        ],
        "reasoning": "Environment comments: terminated: Agent 2 is leaving; \n"
        "Agent 1 comments:\nbelievability: Natural.\nFits.\ngoal: Got it.\n"
        "Agent 2 comments:\nbelievability: So so.\ngoal: None.\n",
        "rewards": [
            [7.5, {"believability": 9.0, "goal": 6.0, "overall_score": 7.5}],
            [2.0, {"believability": 4.0, "goal": 0.0, "overall_score": 2.0}],
        ],
        "rewards_prompt": "Judge them.",
    }


def later_log() -> dict[str, Any]:
    """The same after the rewrite for several agents, with a failed judgement for one."""
    log = paper_log()
    rewards = log.pop("rewards")
    prompt = log.pop("rewards_prompt")
    log["agent_classes"] = []
    for key in ("messages", "reasoning"):
        log[key] = log.pop(key)
    log |= {"rewards": [rewards[0], 0.0], "rewards_prompt": prompt}
    for turn in log["messages"]:
        for said in turn:
            said[2] = said[2].replace("X said", "X  said").replace("X left", "X  left")
            if said[1] == "Environment":
                said[2] = f" {said[2]}"
    return log


def test_a_log_is_read_as_what_was_done_and_what_it_was_worth() -> None:
    episode = read_episode_log(json.dumps(paper_log()), **KNOWN)
    assert (episode.key, episode.tag, episode.scenario) == ("4f70f4d2", "t1", SITUATION)
    assert [(s.name, s.agent, s.profile, s.reward) for s in episode.seats.values()] == [
        ("Ann X", "model-a", ANN, 7.5),
        ("Bob X", "model-b", BOB, 2.0),
    ]
    assert [(t.number, t.seat, t.action_type, t.argument) for t in episode.turns] == [
        (0, "agent_0", "speak", "I did nothing wrong!"),
        (0, "agent_1", "none", ""),
        (1, "agent_0", "none", ""),
        (1, "agent_1", "leave", ""),
    ]
    assert (episode.outcome, episode.ending) == ("left", "Agent 2 is leaving; ")
    details = {
        "agent_0": {"believability": "Natural.\nFits.", "goal": "Got it."},
        "agent_1": {"believability": "So so.", "goal": "None."},
    }
    assert episode.evaluations == (
        Evaluation(
            source="judge",
            scores={
                "agent_0": {"believability": 9.0, "goal": 6.0},
                "agent_1": {"believability": 4.0, "goal": 0.0},
            },
            reasons={
                "agent_0": "believability: Natural.\nFits.\ngoal: Got it.",
                "agent_1": "believability: So so.\ngoal: None.",
            },
            details=details,
        ),
    )
    assert episode.metadata["rewards_prompt"] == "Judge them."
    assert episode.metadata["environment_model"] == "gpt-4"
    assert "reconstructed" not in episode.metadata


def test_a_log_whose_messages_we_would_write_the_same_keeps_nothing_of_them() -> None:
    episode = read_episode_log(paper_log(), **KNOWN)
    assert json.loads(episode.metadata["episode_log"])["at"].keys() == {"agent_classes"}


@pytest.mark.parametrize("log", [paper_log(), later_log()], ids=["paper", "later"])
@pytest.mark.parametrize("known", [KNOWN, {}], ids=["known", "unknown"])
def test_a_log_comes_back_identical_whether_or_not_its_people_are_known(
    log: dict[str, Any], known: dict[str, Any]
) -> None:
    episode = read_episode_log(json.dumps(log), **known)
    assert json.dumps(write_episode_log(episode)) == json.dumps(log)
    stored = Episode.model_validate_json(episode.model_dump_json())
    assert json.dumps(write_episode_log(stored)) == json.dumps(log)


def test_a_bare_number_in_place_of_a_rating_is_no_score() -> None:
    episode = read_episode_log(later_log(), **KNOWN)
    (judged,) = episode.evaluations
    assert judged.scores == {"agent_0": {"believability": 9.0, "goal": 6.0}}
    assert (episode.seats["agent_0"].reward, episode.seats["agent_1"].reward) == (7.5, None)
    failed = later_log() | {"rewards": [0.0, 0]}
    (nothing,) = read_episode_log(failed, **KNOWN).evaluations
    assert nothing.scores == {}
    assert nothing.unscored is not None
    assert "judging failed" in nothing.unscored
    assert json.dumps(write_episode_log(read_episode_log(failed))) == json.dumps(failed)


def test_private_speech_is_for_its_recipients() -> None:
    log = later_log()
    log["agents"].append("a2")
    log["rewards"].append(0.0)
    whisper = "[private to ['Bob X']]  said: \"psst\""
    for turn in log["messages"]:
        turn.insert(2, ["Environment", "Cy", ""])
    log["messages"][0][3][2] = whisper
    for turn in log["messages"][:2]:
        turn.append(["Cy", "Environment", " did nothing"])
    episode = read_episode_log(log)
    (first, *_) = episode.turns
    assert (first.to, first.audience, first.argument) == (("Bob X",), ("agent_1",), "psst")
    written = write_episode_log(episode.model_copy(update={"metadata": {"wording": "multi-agent"}}))
    assert written["messages"][1][:3] == [
        ["Environment", "Ann X", f"Turn #0: Ann X {whisper}\n"],
        ["Environment", "Bob X", f"Turn #0: Ann X {whisper}\n"],
        ["Environment", "Cy", "Turn #0: \n"],
    ]
    assert json.dumps(write_episode_log(episode)) == json.dumps(log)


def test_what_nobody_knows_is_made_up_from_the_texts_of_the_log_and_said_to_be() -> None:
    episode = read_episode_log(paper_log())
    assert episode.metadata["reconstructed"] == "scenario e, agent a0, agent a1"
    assert episode.scenario == EnvironmentProfile(
        scenario_id="e",
        scenario="Two friends meet.",
        agent_goals=("Borrow 10", "Lend nothing"),
        agent_names=("Ann X", "Bob X"),
    )
    assert [seat.profile for seat in episode.seats.values()] == [ANN, BOB]


def test_texts_that_are_made_up_again_are_no_markup() -> None:
    log = paper_log()
    for said in log["messages"][0][:2]:
        said[2] = said[2].replace("Two friends meet.", "3 < 5 & <b>bold</b>\nnext line")
    scenario = read_episode_log(log).scenario
    assert scenario.scenario == "3 &lt; 5 &amp; &lt;b&gt;bold&lt;/b&gt;\nnext line"
    told_again = write_episode_log(Episode.model_validate(read_episode_log(log).model_dump()))
    assert told_again == log


def test_old_judgements_do_not_cover_up_a_new_one() -> None:
    log = paper_log()
    log["reasoning"] = "In one word: good."
    log["rewards"][0][1]["goal"] = 6
    episode = read_episode_log(log, **KNOWN)
    assert write_episode_log(episode) == log
    again = Evaluation(source="judge", scores={"agent_0": {"goal": 1.0}, "agent_1": {"goal": 2.0}})
    rejudged = write_episode_log(episode.model_copy(update={"evaluations": (again,)}))
    assert rejudged["rewards"] == [
        [1.0, {"goal": 1.0, "overall_score": 1.0}],
        [2.0, {"goal": 2.0, "overall_score": 2.0}],
    ]
    assert rejudged["reasoning"].endswith("Agent 1 comments:\ngoal: \nAgent 2 comments:\ngoal: \n")
    assert rejudged["messages"] == log["messages"]


def test_pseudo_turns_of_a_stream_and_unknown_keys_are_kept_and_not_acted() -> None:
    log = later_log() | {"note": {"b": 1, "a": [2]}}
    log["messages"].append([["Evaluation", "Rewards", "x"], ["Evaluation", "Reasoning", "y"]])
    episode = read_episode_log(log, **KNOWN)
    assert len(episode.turns) == 4
    assert json.dumps(write_episode_log(episode)) == json.dumps(log)


def test_messages_of_one_action_a_turn_are_read_by_sender() -> None:
    log = later_log()
    log["messages"] = [
        [["Environment", "Environment", "Two friends meet."]],
        [["Bob X", "Environment", 'said: "Hello"']],
        [["Ann X", "Environment", 'said: "Hi"']],
    ]
    episode = read_episode_log(log, agents=KNOWN["agents"])
    assert [(t.number, t.seat, t.argument) for t in episode.turns] == [
        (0, "agent_1", "Hello"),
        (1, "agent_0", "Hi"),
    ]
    assert json.dumps(write_episode_log(episode)) == json.dumps(log)


def changed(**changes: Any) -> dict[str, Any]:
    return deepcopy(paper_log()) | changes


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("[]", "an object is expected"),
        (changed(rewards=[0.0]), "f: Number of agents in rewards 1 and agents 2 do not match"),
        (changed(rewards=["high", 0.0]), "f: rewards"),
        (changed(rewards=[[1.0, {"goal": "x"}], 0.0]), "f: rewards"),
        (changed(rewards=[True, 0.0]), "f: rewards"),
        (changed(rewards=[10**400, 0.0]), "f: rewards.*finite number"),
        (changed(rewards=[[10**400, {"goal": 1}], 0.0]), "f: rewards.0"),
        (changed(rewards=[[1.0, {"goal": 10**400}], 0.0]), "f: rewards.0"),
        (changed(rewards=[10**5000, 0.0]), "f: rewards: has no form in JSON"),
        (changed(rewards=[float("inf"), 0.0]), "f: rewards: has no form in JSON"),
        (changed(rewards={0.0, 1.0}), "f: rewards: has no form in JSON"),
        (changed(note=[{1: b"x"}]), "f: note: has no form in JSON"),
        (changed(note=float("nan")), "f: note: has no form in JSON"),
        (changed(agents=[], rewards=[]), "f: agents: Tuple should have at least 1 item"),
        (
            json.dumps(paper_log()).replace("0.0", "1e999"),
            "f: 1e999 is too large a number; correct the value",
        ),
        (json.dumps(paper_log()).replace("0.0", "Infinity"), "f: Infinity is no JSON"),
        (
            json.dumps(paper_log()).replace('"tag"', '"pk"'),
            "f: key 'pk' stands twice in one object; remove one of them",
        ),
        (
            json.dumps(changed(note={})).replace("{}", '{"a": 1, "a": 1}'),
            "f: key 'a' stands twice in one object",
        ),
        (changed(agents="a0"), "f: agents: Input should be a valid"),
        (changed(messages=[[["Ann X", "Environment"]]]), "f: key 'messages.0.0.2' is missing"),
        (
            changed(messages=[[["Ann X", "Environment", "jumps"], ["Bob X", "Environment", ""]]]),
            "f: turn 0, message of Ann X: 'jumps' is no action",
        ),
        (
            changed(
                messages=[*paper_log()["messages"][:1], [["Cy", "Environment", "did nothing"]]]
            ),
            "f: turn 1, message of Cy: only Ann X, Bob X take part; correct the sender",
        ),
        (
            changed(messages=[[["Environment", n, ""] for n in ("A", "B", "C")]]),
            "messages tell of .*, agents are 2",
        ),
        (
            changed(messages=[[["Environment", n, ""] for n in ("A", "A")]]),
            "messages tell of .*, agents are 2",
        ),
    ],
)
def test_what_is_no_log_is_refused(log: Any, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read_episode_log(log, where="f")


def test_b25_another_number_of_rewards_than_agents_is_refused() -> None:
    with pytest.raises(ValueError, match="Number of agents in rewards 1 and agents 2 do not match"):
        read_episode_log(changed(rewards=[0.0]))


def test_b10_two_turns_are_four_texts_for_humans() -> None:
    log = changed(messages=paper_log()["messages"][1:])
    texts = rendered_for_humans(log)
    assert len(texts) == 4
    assert texts[0].startswith(
        "Ann X's perspective (i.e., what Ann X knows before the episode starts): Turn #0: Ann X"
    )
    assert texts[0].endswith("\nBob X: left the conversation")
    assert texts[1] == ""
    assert texts[2].startswith("The reasoning is:\nEnvironment comments: terminated: Agent 2")
    assert texts[3].startswith("The rewards are:\nAgent 1: [7.5, {")


# -- from our episodes to logs and back ------------------------------------------------------------

NAMES = ["Zoë D'Arcy", "Jean-Luc van der Berg", 'Jo "J" Bell', "B], ['o"]
WORDS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["did nothing", '"', 'x"\nAnn X said: "y', "<p viewer='agent_0'>a</p> 3 < 5 &", "a\n\nb;c"]
    ),
)
REASONS = st.text(
    alphabet=st.characters(exclude_characters="\n", exclude_categories=["Cs"]),
    min_size=1,
    max_size=20,
)


@st.composite
def actions(draw: st.DrawFn, names: list[str], seat: int) -> AgentAction:
    kind = draw(st.sampled_from(ACTION_TYPES))
    others = [name for number, name in enumerate(names) if number != seat]
    to = tuple(draw(st.lists(st.sampled_from(others), unique=True, max_size=2)))
    words = draw(WORDS) if kind not in ("none", "leave") else ""
    return AgentAction(kind, words, to)


@st.composite
def episodes(draw: st.DrawFn) -> Episode:
    """Two to four seats, some of which act in each turn, and perhaps scores."""
    count = draw(st.integers(2, 4))
    names = NAMES[:count]
    keys = [f"agent_{n}" for n in range(count)]
    turns = []
    for number in range(draw(st.integers(0, 4))):
        for seat in sorted(draw(st.sets(st.integers(0, count - 1), min_size=1))):
            made = draw(actions(names, seat))
            heard = tuple(k for k, name in zip(keys, names, strict=True) if name in made.to)
            turns.append(
                EpisodeTurn(
                    number=number,
                    seat=keys[seat],
                    action_type=made.action_type,
                    argument=made.argument,
                    to=made.to,
                    audience=heard if made.to else None,
                )
            )
    dimensions = draw(st.lists(st.sampled_from(["goal", "secret", "x y"]), min_size=1, unique=True))
    scored = {key: {name: float(draw(st.integers(-10, 10))) for name in dimensions} for key in keys}
    details = {key: {name: draw(REASONS) for name in dimensions} for key in keys}
    reasons = {
        key: "\n".join(f"{name}: {why}" for name, why in of_seat.items())
        for key, of_seat in details.items()
    }
    judged = draw(
        st.sampled_from(
            [
                Evaluation(source="judge", scores=scored, reasons=reasons, details=details),
                Evaluation(source="judge", scores=scored),
                Evaluation(source="judge", unscored="no reply: 500"),
                Evaluation(source="outcome", scores=scored, reasons={"agent_0": "a deal: 4/5"}),
            ]
        )
    )
    people = [
        AgentProfile(agent_id=f"a{n}", first_name=name.split()[0], last_name=name.split()[-1])
        for n, name in enumerate(names)
    ]
    return Episode(
        key="k",
        scenario=EnvironmentProfile(
            scenario_id="e", scenario="S", agent_goals=tuple(f"goal {n}" for n in range(count))
        ),
        seed=0,
        seats={
            key: SeatRecord(name=name, agent=f"model-{key}", profile=person)
            for key, name, person in zip(keys, names, people, strict=True)
        },
        turns=tuple(turns),
        outcome="turn limit",
        ending=TOO_LONG,
        evaluations=(judged,),
        tag=draw(st.text(max_size=5)),
    )


@given(episode=episodes())
def test_an_episode_comes_back_from_its_log(episode: Episode) -> None:
    log = json.dumps(write_episode_log(episode))
    profiles = [seat.profile for seat in episode.seats.values()]
    agents = {f"a{n}": profile for n, profile in enumerate(profiles) if profile is not None}
    back = read_episode_log(log, environments={"e": episode.scenario}, agents=agents)
    acted = [turn for turn in back.turns if turn.action_type != "none" or turn.to]
    assert acted == [turn for turn in episode.turns if turn.action_type != "none" or turn.to]
    assert len(back.turns) == len(episode.seats) * len({turn.number for turn in episode.turns})
    assert (back.evaluations, back.outcome, back.ending) == (
        episode.evaluations,
        episode.outcome,
        episode.ending,
    )
    assert (back.scenario, back.tag, back.key) == (episode.scenario, episode.tag, episode.key)
    assert [(s.name, s.agent, s.profile) for s in back.seats.values()] == [
        (s.name, s.agent, s.profile) for s in episode.seats.values()
    ]
    assert json.dumps(write_episode_log(back)) == log
    assert "episode_log" not in back.metadata


REWARDS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(),
    st.tuples(
        st.floats(allow_nan=False, allow_infinity=False),
        st.dictionaries(
            st.sampled_from(["goal", "overall_score", "outcome/share", "/", ""]),
            st.integers() | st.floats(allow_nan=False, allow_infinity=False),
        ),
    ).map(list),
)
REASONINGS = st.lists(
    st.sampled_from(
        [
            "Environment comments: terminated: ",
            "The conversation is too long; ",
            "\n",
            "Agent 1 comments:\n",
            "Agent 2 comments:\n",
            "goal: ",
            "judge/unscored: ",
            "x/terminated: ",
            "why",
        ]
    ),
    max_size=9,
).map("".join)


@given(
    rewards=st.lists(REWARDS, min_size=2, max_size=2),
    reasoning=REASONINGS,
    words=st.lists(WORDS, min_size=4, max_size=4),
    is_later=st.booleans(),
    is_known=st.booleans(),
)
def test_any_log_comes_back_identical(
    rewards: list[Any], reasoning: str, words: list[str], is_later: bool, is_known: bool
) -> None:
    log = later_log() if is_later else paper_log()
    log |= {"rewards": rewards, "reasoning": reasoning}
    log["messages"][0][0][2] = words[0]
    log["messages"][0][3][2] = f'said: "{words[1]}"'
    log["messages"][1][2][2] = f"[action] {words[2]}"
    log["messages"][2][1][2] = words[3]
    episode = read_episode_log(json.dumps(log), **(KNOWN if is_known else {}))
    assert json.dumps(write_episode_log(episode)) == json.dumps(log)
    assert [t.argument for t in episode.turns[1:3]] == words[1:3]


def test_news_and_actions_reach_only_those_they_are_for() -> None:
    episode = Episode(
        key="k",
        scenario=EnvironmentProfile(scenario_id="w", scenario="Night."),
        seed=0,
        seats={f"agent_{n}": SeatRecord(name=name, agent="x") for n, name in enumerate("ABC")},
        turns=(
            EpisodeTurn(
                number=0,
                seat="agent_0",
                action_type="action",
                argument="kill C",
                audience=("agent_1",),
            ),
            EpisodeTurn(
                number=1, seat="agent_1", action_type="leave", to=("A",), audience=("agent_0",)
            ),
        ),
        announcements=(
            EpisodeAnnouncement(number=-1, text="The game begins!"),
            EpisodeAnnouncement(number=0, text="C sleeps", audience=("agent_0",)),
        ),
        outcome="over",
        ending="Wolves win.",
    )
    log = write_episode_log(episode)
    first, second, third = log["messages"]
    assert all(
        said[2].endswith("\n[Game] The game begins!\nConversation Starts:\n") for said in first[:3]
    )
    assert first[3:] == [
        ["A", "Environment", "[private to ['B']] [action] kill C"],
        ["B", "Environment", "did nothing"],
        ["C", "Environment", "did nothing"],
    ]
    assert [said[2] for said in second[:3]] == [
        "Turn #0: A [action] kill C\n[Private to A] C sleeps\n",
        "Turn #0: A [action] kill C\n",
        "Turn #0: \n",
    ]
    assert second[4] == ["B", "Environment", "[private to ['A']] left the conversation"]
    assert third[2] == ["Environment", "C", "Turn #1: B left the conversation\n"]
    back = read_episode_log(log)
    assert back.turns[0].audience == ("agent_1",)
    assert back.evaluations[0].unscored
    assert json.dumps(write_episode_log(back)) == json.dumps(log)


def test_a_spoken_word_is_in_nobody_elses_goal_or_secret() -> None:
    log = write_episode_log(read_episode_log(paper_log(), **KNOWN))
    for number, (own, other) in enumerate((("Borrow 10", "Lend nothing"), ("Lend", "Borrow"))):
        text = log["messages"][0][number][2]
        assert own in text
        assert other not in text
    assert "Sings." not in log["messages"][0][1][2]


@pytest.mark.parametrize("name", ["Bob X", "Environment", "Evaluation"])
def test_names_that_messages_cannot_tell_apart_are_refused(name: str) -> None:
    seats = {
        "agent_0": SeatRecord(name="Bob X", agent=""),
        "agent_1": SeatRecord(name=name, agent=""),
    }
    episode = read_episode_log(paper_log()).model_copy(update={"seats": seats})
    with pytest.raises(FormatError, match=r"messages cannot tell apart .*; rename them"):
        write_episode_log(episode)
