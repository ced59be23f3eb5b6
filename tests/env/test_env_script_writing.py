"""A model writes the whole conversation, and it is played as it stands."""

from typing import Any

import pytest
from parlour import village
from sales import sale

from sotopia_env import AgentProfile, EnvironmentProfile
from sotopia_env.clients import ScriptedClient
from sotopia_env.episode import Episode, Evaluation, Transcript
from sotopia_env.scenarios.deduction import profile_of
from sotopia_env.script_writing import write_episode

TALK = EnvironmentProfile(scenario="They meet.", agent_goals=("GOAL-0", "GOAL-1"))
PEOPLE = (
    AgentProfile(first_name="Oliver", last_name="Thompson", secret="SECRET-0"),
    AgentProfile(first_name="Esmeralda", last_name="Solis"),
)
SCRIPT = """Here is the conversation.
Turn #1
Oliver Thompson said: "Hey {goal}"
Turn #2
Esmeralda Solis [action] moved closer
Turn #3
Oliver Thompson said: "One."
Turn #4
Oliver Thompson said: "Two."
"""


async def written(
    text: str, profile: Any = TALK, **settings: Any
) -> tuple[Episode, ScriptedClient]:
    client = ScriptedClient([text])
    people = PEOPLE if profile is TALK else ()
    episode = await write_episode(profile, people, model="m", client=client, **settings)
    return episode, client


async def test_a_script_becomes_turns_and_ends_where_it_ends() -> None:
    episode, client = await written(SCRIPT)
    said = [(t.seat, t.action_type, t.argument) for t in episode.turns if t.action_type != "none"]
    assert said == [
        ("agent_0", "speak", "Hey {goal}"),
        ("agent_1", "action", "moved closer"),
        ("agent_0", "speak", "One."),
        ("agent_0", "speak", "Two."),
    ]
    assert (episode.status, episode.outcome) == ("ok", "over")
    assert episode.ending == "The script ends here; "
    assert episode.seats["agent_1"].agent == "script:m"
    (request,) = client.requests
    prompt = request.messages[0].content
    for fact in ("GOAL-0", "GOAL-1", "SECRET-0", "at most 20 turns", "They meet."):
        assert fact in prompt
    context = episode.seats["agent_0"].context
    assert context is not None
    assert [m.content for m in context.messages] == [prompt, SCRIPT]


async def test_a_departure_in_the_script_ends_it() -> None:
    text = (
        SCRIPT
        + "Turn #5\nEsmeralda Solis left the conversation\nTurn #6\nOliver Thompson did nothing"
    )
    episode, _ = await written(text)
    assert episode.outcome == "left"
    assert episode.turns[-1].action_type == "leave"
    assert episode.metadata == {"unplayed_turns": "1"}


async def test_more_turns_than_asked_for_are_counted_and_not_played() -> None:
    episode, _ = await written(SCRIPT, max_turns=2)
    assert episode.outcome == "over"
    assert {t.number for t in episode.turns} == {0, 1}
    assert episode.metadata == {"unplayed_turns": "2"}


GONE = 'Turn #1\n{0} left the conversation\nTurn #2\n{0} said: "And another thing."'
OF_THREE = EnvironmentProfile(scenario="They meet.", agent_names=("Ann", "Bea", "Cy"))


@pytest.mark.parametrize(("profile", "name"), [(TALK, "Oliver Thompson"), (OF_THREE, "Ann")])
async def test_whoever_acts_after_leaving_is_named_with_the_turn(profile: Any, name: str) -> None:
    episode, _ = await written(GONE.format(name), profile)
    assert episode.status == "failed"
    assert episode.error is not None
    assert f"FormatError: the script, turn 2: {name} has left" in episode.error
    assert [t.seat for t in episode.turns if t.action_type == "leave"] == ["agent_0"]


def lines(*told: str) -> str:
    return "\n".join(f"Turn #{number}\n{line}" for number, line in enumerate(told, start=1))


NIGHT = (
    *("Bram [action] kill Aurora", "Dorian [action] kill Aurora", "Celeste [action] inspect Finn"),
    "Elise did nothing",
)
DAY = tuple(f'{name} said: "Hm."' for name in ("Bram", "Celeste", "Dorian", "Elise", "Finn"))
VOTES = (
    *("Bram [action] vote Finn", "Celeste [action] vote Bram", "Dorian [action] vote Bram"),
    *("Elise [action] vote Bram", "Finn [action] vote Bram"),
)


async def test_a_game_in_phases_is_played_with_those_who_act_at_once_in_one_turn() -> None:
    game = profile_of(village())
    episode, _ = await written(lines(*NIGHT, *DAY, *VOTES, "Dorian [action] kill Finn"), game)
    assert (episode.status, episode.error, episode.metadata) == ("ok", None, {})
    votes = [t for t in episode.turns if t.move is not None and t.move.startswith("vote")]
    assert len(votes) == 5
    assert {t.number for t in votes} == {1 + 1 + 1 + 5}  # after wolves, seer, witch, and talk
    assert "Bram was voted out!" in [a.text for a in episode.announcements]
    assert (episode.turns[-1].seat, episode.turns[-1].move) == ("agent_3", "kill Finn")
    assert episode.outcome == "over"
    assert episode.ending == "The script ends here; "


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        (
            ('Aurora said: "I sleep badly."', *NIGHT),
            "the script, turn 1: Aurora is not on turn, but Bram, Dorian;",
        ),
        (
            (*NIGHT, *DAY, 'Aurora said: "Boo!"', *VOTES),
            "the script, turn 10: Aurora is not on turn, but Bram, Celeste, Dorian, Elise, Finn",
        ),
    ],
)
async def test_a_line_out_of_turn_is_not_lost_but_fails_the_script(
    told: tuple[str, ...], complaint: str
) -> None:
    episode, _ = await written(lines(*told), profile_of(village()))
    assert episode.status == "failed"
    assert episode.error is not None
    assert complaint in episode.error
    assert len(episode.turns) < len(told)


async def test_moves_in_a_script_count() -> None:
    text = 'Turn #1\nAda said: "OFFER 55"\nTurn #2\nBram said: "ACCEPT"'
    episode, _ = await written(text, sale())
    assert episode.outcome == "agreement"
    assert [record.reward for record in episode.seats.values()] == [0.75, 0.25]


async def test_a_script_is_judged_like_any_episode() -> None:
    class Judge:
        name = "judge"

        async def evaluate(self, transcript: Transcript) -> Evaluation:
            return Evaluation(source="judge", scores={s: {"reward": 2.0} for s in transcript.names})

    episode, _ = await written(SCRIPT, reward=Judge())
    assert [record.reward for record in episode.seats.values()] == [2.0, 2.0]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Once upon a time.", "no 'Turn #1' in 'Once upon a time.'"),
        ("Turn #1\nOliver Thompson waves", "is no action"),
        ("", "no 'Turn #1'"),
    ],
)
async def test_a_script_that_cannot_be_read_makes_a_failed_episode(
    text: str, complaint: str
) -> None:
    episode, _ = await written(text)
    assert episode.status == "failed"
    assert episode.error is not None
    assert complaint in episode.error
    assert all(record.reward is None for record in episode.seats.values())
    context = episode.seats["agent_0"].context
    assert context is not None
    assert context.messages[-1].content == text


async def test_a_model_that_does_not_answer_makes_a_failed_episode() -> None:
    episode = await write_episode(TALK, PEOPLE, model="m", client=ScriptedClient([]))
    assert (episode.status, episode.error) == (
        "failed",
        "ModelError: the script has no reply number 1",
    )
