"""A model writes the whole conversation, and it is played as it stands."""

from typing import Any

import pytest
from sales import sale

from sotopia_env import AgentProfile, EnvironmentProfile
from sotopia_env.clients import ScriptedClient
from sotopia_env.episode import Episode, Evaluation, Transcript
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


async def test_more_turns_than_asked_for_are_not_played() -> None:
    episode, _ = await written(SCRIPT, max_turns=2)
    assert episode.outcome == "over"
    assert {t.number for t in episode.turns} == {0, 1}


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


async def test_a_model_that_does_not_answer_makes_a_failed_episode() -> None:
    episode = await write_episode(TALK, PEOPLE, model="m", client=ScriptedClient([]))
    assert (episode.status, episode.error) == (
        "failed",
        "ModelError: the script has no reply number 1",
    )
