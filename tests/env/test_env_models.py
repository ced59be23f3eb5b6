"""Clients, agents that are models, and a person at a terminal."""

import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from sales import sale

from sotopia_env import AgentAction, AgentProfile, EnvironmentProfile, parallel_env
from sotopia_env.agents import agent_factory
from sotopia_env.agents.human import HELP, HumanAgent
from sotopia_env.agents.language_model import LanguageModelAgent
from sotopia_env.clients import ModelRequest, ScriptedClient, client_for
from sotopia_env.clients.openai_compatible import OpenAICompatibleClient
from sotopia_env.episode import Message
from sotopia_env.errors import AgentError, ConfigurationError, ModelError
from sotopia_env.prompts import (
    ACTION_SCHEMA,
    FORMAT_INSTRUCTIONS,
    SOTOPIA_TEMPLATE,
    checked_template,
    filled,
    read_reply,
)
from sotopia_env.runner import Cast, Task, run_episode, run_episodes

TALK = EnvironmentProfile(scenario="They meet.", agent_goals=("GOAL-0", "GOAL-1"))
PEOPLE = (
    AgentProfile(first_name="Ada", last_name="Bell"),
    AgentProfile(first_name="Bram", last_name="Coe"),
)
REQUEST = ModelRequest(
    model="m", messages=(Message(role="user", content="Hi."),), temperature=0.5, seed=3
)


def agent(client: Any, seat: str = "agent_0", **settings: Any) -> LanguageModelAgent:
    return LanguageModelAgent(seat, 0, client, "m", **settings)


async def episode_of(client: Any, **settings: Any) -> Any:
    cast = Cast(factories={"model": lambda seat, seed: agent(client, seat, **settings)})
    task = Task(scenario=TALK, characters=PEOPLE, agents=("model", "model"), seed=0, max_turns=4)
    return await run_episode(task, cast)


# -- agents that are models ----------------------------------------------------------------------


async def test_in_the_chat_style_a_prompt_is_the_context_and_the_reply_is_speech() -> None:
    client = ScriptedClient(f"Line {n}." for n in range(4))
    episode = await episode_of(client)
    assert [t.argument for t in episode.turns] == [f"Line {n}." for n in range(4)]
    second = client.requests[2].messages
    assert [m.role for m in second] == ["system", "user", "assistant", "user"]
    assert second[2].content == "Line 0."
    assert second[3].content == 'Bram Coe said: "Line 1."'
    assert client.requests[0].schema is None
    record = episode.seats["agent_0"]
    assert record.decisions[1].prompt is None
    assert record.context.messages[: record.decisions[1].prompt_end] == second


async def test_in_the_sotopia_style_everything_is_asked_anew_and_the_prompt_is_stored() -> None:
    replies = [
        {"action_type": "speak", "argument": "Hi {history}.", "to": []},
        {"action_type": "non-verbal communication", "argument": "nods", "to": []},
        {"action_type": "action", "argument": "sits down", "to": ["Bram Coe"]},
        {"action_type": "leave", "argument": "", "to": []},
    ]
    client = ScriptedClient(map(json.dumps, replies))
    episode = await episode_of(client, style="sotopia")
    assert [t.action_type for t in episode.turns] == [r["action_type"] for r in replies]
    (message,) = client.requests[2].messages
    assert client.requests[2].schema == ACTION_SCHEMA
    assert message.content.startswith("You are Ada Bell. Act and speak as Ada Bell would")
    for line in (
        "Ada Bell's goal: GOAL-0\n",
        "Bram Coe's goal: Unknown\nConversation Starts:\n",
        'Turn #0: Ada Bell said: "Hi {history}."\n',
        "Turn #1: Bram Coe [non-verbal communication] nods\n",
        "It is turn #2. You can choose one of these types of action: none, speak, ",
    ):
        assert line in message.content
    assert message.content.endswith(FORMAT_INSTRUCTIONS)
    assert "GOAL-1" not in message.content
    (decision, later) = episode.seats["agent_0"].decisions
    assert later.prompt == client.requests[2].messages
    assert decision.prompt == client.requests[0].messages


async def test_a_model_is_not_asked_where_nothing_but_none_is_possible() -> None:
    client = ScriptedClient([])
    env = parallel_env(TALK, agents=PEOPLE)
    observations, infos = env.reset(seed=0)
    action = await agent(client, "agent_1").act(observations["agent_1"], infos["agent_1"])
    assert action == AgentAction("none")
    assert client.requests == []


async def test_a_model_that_fails_makes_the_episode_fail_and_nobody_silent() -> None:
    episode = await episode_of(ScriptedClient(["Hello."]))
    assert episode.status == "failed"
    assert episode.error == "ModelError: the script has no reply number 2"
    assert [t.argument for t in episode.turns] == ["Hello."]
    assert all(record.reward is None for record in episode.seats.values())


async def test_equal_seeds_ask_with_equal_seeds_and_seats_with_different_ones() -> None:
    client = ScriptedClient(lambda request: "Hm.")
    await episode_of(client)
    seeds = [request.seed for request in client.requests]
    assert seeds[0] == seeds[2] != seeds[1] == seeds[3]
    again = ScriptedClient(lambda request: "Hm.")
    await episode_of(again)
    assert [request.seed for request in again.requests] == seeds


def test_a_template_is_filled_in_one_pass_and_its_slots_are_checked() -> None:
    assert filled("{agent} {x} {a b} {goal}", {"agent": "{goal}", "goal": "win"}) == (
        "{goal} {x} {a b} win"
    )
    assert checked_template('As {agent}: {"action_type": 1}') == 'As {agent}: {"action_type": 1}'
    with pytest.raises(
        ConfigurationError, match=r"unknown slot of a template 'agnt'\. Did you mean"
    ):
        checked_template("As {agnt}")
    assert checked_template(SOTOPIA_TEMPLATE) == SOTOPIA_TEMPLATE


async def test_a_template_of_one_s_own_is_used(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    path = tmp_path / "mine.txt"
    path.write_text("{agent} wants {goal} at {turn_number}", encoding="utf-8")
    made: Any = agent_factory(f"openai/m?template={path}+temperature=0.1")("agent_0", 0)
    made._client = client = ScriptedClient(["Hm."])
    env = parallel_env(TALK, agents=PEOPLE)
    observations, infos = env.reset(seed=0)
    await made.act(observations["agent_0"], infos["agent_0"])
    (request,) = client.requests
    assert request.messages[0].content == "Ada Bell wants GOAL-0 at 0"
    assert request.temperature == 0.1


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("openai/m?temp=1", "unknown option of a language model 'temp'. Did you mean 'template'?"),
        ("openai/m?temperature=hot", "temperature and max_tokens are numbers"),
        ("openai/m?prompt=haiku", "unknown prompt style 'haiku'. Known: brief, chat, sotopia"),
        ("openai/m?template=gone.txt", "cannot read the template gone.txt"),
        ("acme/m", "no address is known for acme; set ACME_BASE_URL"),
        ("custom/m", "has no address; write custom/<model>@<url>, or set CUSTOM_BASE_URL"),
        ("custom/m@", "has no address; write custom/<model>@<url>, or set CUSTOM_BASE_URL"),
        ("custom/@http://h/v1", "names no model; write <provider>/<model> or custom/<model>@<url>"),
        ("together_ai/m", "needs a key: set TOGETHER_AI_API_KEY"),
    ],
)
def test_a_model_spec_that_cannot_work_is_refused(
    spec: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("ACME_API_KEY", "k")
    monkeypatch.delenv("TOGETHER_AI_API_KEY", raising=False)
    monkeypatch.delenv("CUSTOM_BASE_URL", raising=False)
    with pytest.raises((AgentError, ConfigurationError)) as caught:
        agent_factory(spec)
    assert complaint in str(caught.value)


# -- replies -------------------------------------------------------------------------------------

SPEAK = {"action_type": "speak", "argument": "hi", "to": []}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"action_type": {"value": "speak"}, "argument": "hi", "to": []}),
        json.dumps({"properties": SPEAK}),
        f"```json\n{json.dumps(SPEAK)}\n```",
        f"```\n{json.dumps(SPEAK)}",
        json.dumps(SPEAK)[:-1] + ",}",
        f"\n {json.dumps(SPEAK)} ",
    ],
)
def test_b22_an_action_is_read_in_the_wrappings_models_put_it_in(text: str) -> None:
    assert read_reply(text) == SPEAK


@given(st.text(max_size=80))
def test_a_reply_is_never_changed_when_it_is_an_argument(words: str) -> None:
    reply = read_reply(json.dumps({"action_type": "speak", "argument": words}))
    assert isinstance(reply, dict)
    assert reply["argument"] == words


# -- the client of a server ----------------------------------------------------------------------


@asynccontextmanager
async def served(
    answer: Callable[[web.Request], Any],
) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """A server on loopback, its address and what it was asked."""
    asked: list[dict[str, Any]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.append({"key": request.headers.get("Authorization"), **(await request.json())})
        response: web.StreamResponse = await answer(request)
        return response

    app = web.Application()
    app.router.add_post("/v1/chat/completions", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1", asked
    finally:
        await runner.cleanup()


def completion(text: Any, **more: Any) -> Callable[[web.Request], Any]:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"choices": [{"message": {"content": text}}], **more})

    return answer


async def test_the_client_posts_what_was_asked_and_reads_text_and_tokens() -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 2}
    async with served(completion("Hello.", usage=usage)) as (address, asked):
        client = OpenAICompatibleClient(f"{address}/", "secret-key")
        reply = await client.complete(REQUEST)
        await client.complete(ModelRequest(model="m", messages=(), schema={"type": "object"}))
        await client.close()
    assert (reply.text, reply.prompt_tokens, reply.completion_tokens) == ("Hello.", 7, 2)
    assert asked[0] == {
        "key": "Bearer secret-key",
        "model": "m",
        "messages": [{"role": "user", "content": "Hi."}],
        "temperature": 0.5,
        "seed": 3,
    }
    assert asked[1]["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert "temperature" not in asked[1]


async def status_500(request: web.Request) -> web.Response:
    return web.Response(status=500, text="out of order")


async def no_json(request: web.Request) -> web.Response:
    return web.Response(text="<html>")


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (status_500, "500 out of order"),
        (no_json, "m answered no completion: <html>"),
        (completion(None), "m answered without text"),
    ],
)
async def test_a_server_that_does_not_answer_properly_is_named(answer: Any, complaint: str) -> None:
    async with served(answer) as (address, _):
        client = OpenAICompatibleClient(address, "secret-key")
        with pytest.raises(ModelError) as caught:
            await client.complete(REQUEST)
        await client.close()
    assert complaint in str(caught.value)
    assert "secret-key" not in str(caught.value)


async def test_a_server_that_is_not_there_is_named() -> None:
    client = OpenAICompatibleClient("http://127.0.0.1:9/v1")
    with pytest.raises(ModelError, match=r"m at http://127\.0\.0\.1:9/v1: ClientConnectorError"):
        await client.complete(REQUEST)
    await client.close()


async def test_a_custom_model_plays_against_its_server() -> None:
    async with served(completion("Good morning.")) as (address, asked):
        spec = f"custom/tiny@{address}"
        cast = Cast()
        task = Task(
            scenario=TALK,
            characters=PEOPLE,
            agents=(spec, "scripted:talker"),
            seed=0,
            max_turns=3,
        )
        for _ in range(2):  # connections are closed after a run and made again
            (episode,) = await run_episodes([task], cast=cast)
    assert client_for(spec)[1] == "tiny"
    assert episode.turns[0].argument == episode.turns[2].argument == "Good morning."
    assert [one["model"] for one in asked] == ["tiny"] * 4
    assert asked[0]["key"] is None


@pytest.mark.parametrize(
    ("spec", "address"),
    [
        ("custom/org/tiny", "http://env.example/v1"),
        ("custom/org/tiny@http://mine.example/v1", "http://mine.example/v1"),
    ],
)
def test_the_address_of_a_custom_model_is_its_own_or_that_of_the_environment(
    spec: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTOM_BASE_URL", "http://env.example/v1")
    client, model = client_for(spec)
    assert isinstance(client, OpenAICompatibleClient)
    assert (client.base_url, model) == (address, "org/tiny")


# -- a person ------------------------------------------------------------------------------------


async def typed(*lines: str, profile: Any = TALK, **settings: Any) -> tuple[list[Any], str]:
    """What a person does who types these lines, and what is shown; the lines end the input."""
    left = iter(lines)
    shown: list[str] = []

    async def read(prompt: str) -> str:
        for line in left:
            return line
        raise EOFError

    env = parallel_env(profile, **settings)
    person = HumanAgent("agent_0", read=read, write=shown.append)
    observations, infos = env.reset(seed=0)
    actions = []
    while env.agents:
        if env.turn_order == ("agent_0",):
            actions.append(await person.act(observations["agent_0"], infos["agent_0"]))
            observations, *_, infos = env.step({"agent_0": actions[-1]})
        else:
            observations, *_, infos = env.step({"agent_1": "Yes."})
    return actions, "\n".join(shown)


async def test_a_person_speaks_acts_whispers_and_leaves() -> None:
    actions, shown = await typed(
        "Hello.", "/action opens the door", "/gesture smiles", "/to Bram Coe: psst: you", "/none",
        "/leave", agents=PEOPLE,
    )  # fmt: skip
    assert actions == [
        AgentAction("speak", "Hello."),
        AgentAction("action", "opens the door"),
        AgentAction("non-verbal communication", "smiles"),
        AgentAction("speak", "psst: you", ("Bram Coe",)),
        AgentAction("none"),
        AgentAction("leave"),
    ]
    assert "Ada Bell's goal: GOAL-0" in shown
    assert 'Bram Coe said: "Yes."' in shown
    assert "GOAL-1" not in shown


async def test_what_cannot_be_read_is_answered_and_asked_again() -> None:
    actions, shown = await typed("", "/dance", "/to Bram", "/action", "/help", "/history", "/leave")
    assert actions == [AgentAction("leave")]
    assert shown.count(HELP) == 6  # at the start, and for five lines that mean nothing
    assert shown.count("Scenario: They meet.") == 2


async def test_what_is_not_possible_is_said_at_once() -> None:
    actions, shown = await typed("/leave", "Hm.", action_types=["speak"], max_turns=1)
    assert actions == [AgentAction("speak", "Hm.")]
    assert "You cannot do that now. Possible: none, speak." in shown


async def test_at_the_end_of_input_the_person_leaves() -> None:
    actions, _ = await typed("Hello.")
    assert actions[-1] == AgentAction("leave")


async def test_formal_moves_can_be_typed() -> None:
    actions, shown = await typed("OFFER 45", profile=sale())
    assert actions[0] == AgentAction("speak", "OFFER 45")
    assert "A lamp is for sale." in shown
