"""The published socket: every turn is shown, failures are told, and a token is always freed."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType
from aiohttp.test_utils import TestClient, TestServer
from served import (
    OVERALL,
    SCORES,
    START,
    Speaker,
    agents_of,
    got,
    scripted_judge,
    seeded,
    serving,
    silent_judge,
)

from sotopia_env.agents import AgentFactory
from sotopia_env.errors import ModelError
from sotopia_env.evaluators import Judge
from sotopia_env.evaluators.dimensions import Rubric
from sotopia_env.formats import CustomDimension, read_episode_log
from sotopia_env.server import make_app
from sotopia_env.store import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with seeded(tmp_path / "store.sqlite") as store:
        yield store


@pytest.fixture
async def client(store: SqliteStore) -> AsyncIterator[TestClient[Any, Any]]:
    async with serving(store) as client:
        yield client


async def opened(client: TestClient[Any, Any], token: str = "t") -> Any:
    return await client.ws_connect(f"/ws/simulation?token={token}")


async def told(ws: ClientWebSocketResponse) -> tuple[str, Any]:
    message = await ws.receive_json()
    assert message.keys() == {"type", "data"}
    return message["type"], message["data"]


async def all_told(ws: ClientWebSocketResponse) -> list[tuple[str, Any]]:
    """Everything up to the end of a simulation."""
    messages = [await told(ws)]
    while messages[-1][0] != "END_SIM":
        messages.append(await told(ws))
    return messages


async def start(ws: ClientWebSocketResponse, **changes: Any) -> None:
    await ws.send_json({"type": "START_SIM", "data": {**START, **changes}})


async def test_b13_two_messages_after_the_start_and_then_finish(store: SqliteStore) -> None:
    gate = asyncio.Event()
    agents = agents_of(talks="Hm.", waits=gate)
    async with serving(store, agents=agents) as client, await opened(client) as ws:
        await start(ws, agent_models=["scripted:talks", "scripted:waits"])
        for turns in (1, 2):
            kind, data = await told(ws)
            assert kind == "SERVER_MSG"
            assert data["type"] == "messages"
            assert len(data["messages"]["messages"]) == turns
            assert data["messages"]["tag"] == "test"
        await ws.send_json({"type": "FINISH_SIM", "data": ""})
        assert await told(ws) == ("END_SIM", {})
        assert not gate.is_set()


async def test_b13_an_episode_of_20_turns_is_22_logs_the_last_with_the_evaluation(
    store: SqliteStore,
) -> None:
    agents = agents_of(talks="Hm.")
    async with serving(store, agents=agents) as client, await opened(client) as ws:
        await start(ws, agent_models=["scripted:talks"] * 2)
        messages = await all_told(ws)
    assert [kind for kind, _ in messages] == ["SERVER_MSG"] * 22 + ["END_SIM"]
    logs = [data["messages"] for _, data in messages[:-1]]
    assert [len(log["messages"]) for log in logs] == [*range(1, 22), 21 + 2]
    assert all(log["rewards"] == [0.0, 0.0] for log in logs[:-1])
    assert {(log["pk"], log["environment"], *log["agents"]) for log in logs} == {
        (logs[0]["pk"], "E1", "A1", "A2")
    }
    for log in logs:
        assert set(log) == {"pk", "environment", "agents", "tag", "models", "agent_classes",
                            "messages", "reasoning", "rewards", "rewards_prompt"}  # fmt: skip
    last = logs[-1]
    (rewards,), (reasoning,) = last["messages"][-2:]
    assert rewards[:2] == ["Evaluation", "Rewards"]
    assert json.loads(rewards[2]) == last["rewards"]
    assert reasoning == ["Evaluation", "Reasoning", last["reasoning"]]
    assert last["rewards"][1][0] == pytest.approx(OVERALL)
    assert "goal: goal of agent_2" in last["reasoning"]
    read = read_episode_log(last)
    assert [turn.argument for turn in read.turns if turn.argument] == ["Hm."] * 20
    assert read.evaluations[0].scores["agent_0"] == SCORES
    assert len(store) == 2  # episodes of a socket are not kept


async def test_f40_max_turns_is_honoured(store: SqliteStore) -> None:
    agents = agents_of(talks="Hm.")
    async with serving(store, agents=agents) as client, await opened(client) as ws:
        await start(ws, agent_models=["scripted:talks"] * 2, max_turns=3)
        messages = await all_told(ws)
    assert len(messages) == 1 + 3 + 1 + 1
    assert "The conversation is too long; " in messages[-2][1]["messages"]["reasoning"]


async def closed(ws: ClientWebSocketResponse) -> tuple[Any, str | None]:
    message = await ws.receive()
    assert message.type is WSMsgType.CLOSE
    return message.data, message.extra


@pytest.mark.parametrize("query", ["", "?token=", "?tokens=t"])
async def test_a_socket_without_a_token_is_closed(client: TestClient[Any, Any], query: str) -> None:
    ws = await client.ws_connect(f"/ws/simulation{query}")
    assert await closed(ws) == (1008, "Invalid token")


async def test_f40_a_token_is_busy_as_long_as_its_socket_is_open(
    client: TestClient[Any, Any],
) -> None:
    async with await opened(client) as ws:
        for _ in range(2):
            assert await closed(await opened(client)) == (1008, "Token is active already")
            async with await opened(client, "other") as other:
                await start(other)
                await all_told(other)
            await start(ws)
            await all_told(ws)


async def reopened(client: TestClient[Any, Any]) -> None:
    """Come back with the same token, as soon as the server has seen that one was gone."""
    while True:
        ws = await opened(client)
        await start(ws, max_turns=1)
        message = await ws.receive()
        await ws.close()
        if message.type is WSMsgType.TEXT:
            return
        assert message.extra == "Token is active already"


async def test_f40_a_client_that_goes_before_it_starts_frees_its_token(
    client: TestClient[Any, Any],
) -> None:
    await (await opened(client)).close()
    await reopened(client)


@pytest.mark.parametrize("is_started", [False, True])
async def test_f40_a_client_that_breaks_off_frees_its_token(
    store: SqliteStore, is_started: bool
) -> None:
    async with serving(store, agents=agents_of(waits=asyncio.Event())) as client:
        ws = await opened(client)
        if is_started:
            await start(ws, agent_models=["scripted:waits"] * 2)
            await told(ws)
        transport = ws.get_extra_info("socket")
        transport.shutdown(socket.SHUT_RDWR)
        await reopened(client)


async def test_f40_a_client_that_says_goodbye_in_an_episode_frees_its_token(
    store: SqliteStore,
) -> None:
    async with serving(store, agents=agents_of(waits=asyncio.Event())) as client:
        ws = await opened(client)
        await start(ws, agent_models=["scripted:waits"] * 2)
        await told(ws)
        await ws.close()
        await reopened(client)


async def test_an_episode_may_be_started_again_and_again(client: TestClient[Any, Any]) -> None:
    async with await opened(client) as ws:
        keys = set()
        for turns in (1, 2, 3):
            await start(ws, max_turns=turns)
            messages = await all_told(ws)
            assert [kind for kind, _ in messages] == ["SERVER_MSG"] * (turns + 2) + ["END_SIM"]
            keys.add(messages[0][1]["messages"]["pk"])
        assert len(keys) == 3


async def test_an_episode_is_not_started_within_another(store: SqliteStore) -> None:
    gate = asyncio.Event()
    async with serving(store, agents=agents_of(waits=gate)) as client, await opened(client) as ws:
        await start(ws, agent_models=["scripted:waits"] * 2, max_turns=1)
        await told(ws)
        await start(ws)
        kind, data = await told(ws)
        assert (kind, data["type"]) == ("ERROR", "SIMULATION_ALREADY_STARTED")
        gate.set()
        assert len(await all_told(ws)) == 3


async def test_what_is_stopped_at_once_ends_properly_and_another_may_follow(
    client: TestClient[Any, Any],
) -> None:
    async with await opened(client) as ws:
        for _ in range(3):
            await start(ws)
            await ws.send_json({"type": "FINISH_SIM"})
        for _ in range(3):
            await all_told(ws)


@pytest.mark.parametrize(
    "message",
    [
        "", "{", "[]", "3", '{"type": "HELLO"}', "{}", '{"type": 3}', '{"type": "START_SIM"}',
        '{"type": "START_SIM", "data": []}', '{"type": "START_SIM", "data": {"env_id": "E1"}}',
        '{"type": "START_SIM", "data": {"agent_ids": ["A1", "A2"]}}', "[" * 100_000,
    ],
)  # fmt: skip
async def test_a_malformed_message_is_answered_and_the_socket_stays_open(
    client: TestClient[Any, Any], message: str
) -> None:
    async with await opened(client) as ws:
        await ws.send_str(message)
        kind, data = await told(ws)
        assert (kind, data["type"]) == ("ERROR", "INVALID_MESSAGE")
        assert data["details"]
        await start(ws, max_turns=1)
        assert (await all_told(ws))[-2][0] == "SERVER_MSG"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"max_turns": 0}, "max_turns"),
        ({"max_turns": 10**9}, "max_turns"),
        ({"max_turns": "20"}, "max_turns"),
        ({"agent_models": "gpt-4o"}, "agent_models"),
        ({"agent_models": ["scripted:talker"]}, "agent_models must be one for each agent"),
        ({"agent_ids": ["A1"]}, "agent_ids must be 2 to 20, got 1"),
        ({"agent_ids": ["A1"] * 21, "agent_models": None}, "agent_ids must be 2 to 20, got 21"),
        ({"env_id": "\ud800"}, "no Unicode"),
        ({"env_profile_dict": None}, "env_profile_dict"),
    ],
)
async def test_a_wrong_field_of_the_start_is_named(
    client: TestClient[Any, Any], change: dict[str, Any], named: str
) -> None:
    async with await opened(client) as ws:
        await start(ws, **change)
        kind, data = await told(ws)
        assert (kind, data["type"]) == ("ERROR", "INVALID_MESSAGE")
        assert named in data["details"]


async def test_a_binary_message_is_malformed(client: TestClient[Any, Any]) -> None:
    async with await opened(client) as ws:
        await ws.send_bytes(b"{}")
        assert (await told(ws))[1]["type"] == "INVALID_MESSAGE"


async def test_a_message_of_more_than_a_mebibyte_closes_the_socket(
    client: TestClient[Any, Any],
) -> None:
    ws = await opened(client)
    await ws.send_str("x" * (2**20 + 1))
    assert (await closed(ws))[0] == 1009
    await reopened(client)


async def test_other_messages_are_ignored(client: TestClient[Any, Any]) -> None:
    async with await opened(client) as ws:
        for kind in ("FINISH_SIM", "CLIENT_MSG", "SERVER_MSG", "END_SIM", "ERROR"):
            await ws.send_json({"type": kind, "data": {"content": "Hello?"}})
        await start(ws, max_turns=1, npcs=["n"], mode="full")
        assert [kind for kind, _ in await all_told(ws)] == ["SERVER_MSG"] * 3 + ["END_SIM"]


@pytest.mark.parametrize(
    ("change", "details"),
    [
        ({"env_id": "E9"}, "not in the store: scenario 'E9'"),
        (
            {"env_id": "../../x", "agent_ids": ["A1", "A9"]},
            "not in the store: scenario '../../x', agent 'A9'",
        ),
        ({"evaluation_dimension_list_name": "all"}, "unknown list of dimensions 'all'"),
        ({"agent_models": ["scripted:talker", "human"]}, "terminal of the server"),
        ({"agent_models": ["scripted:talker", "scripted:x"]}, "unknown scripted agent 'x'"),
        ({"agent_ids": ["A1", "A1"]}, "'John Doe' stands twice"),
        ({"env_id": "E3"}, "3 seats"),
        ({"env_profile_dict": {"scenario": "s", "mood": 1}}, "unknown key 'mood'"),
        ({"agent_profile_dicts": [{}, {}]}, "'first_name' is missing"),
        (
            {"agent_profile_dicts": [{"first_name": "Environment"}, {"first_name": "Bo"}]},
            "who makes announcements",
        ),
    ],
)
async def test_f40_what_cannot_be_simulated_is_an_issue_and_nothing_is_made_up(
    client: TestClient[Any, Any], change: dict[str, Any], details: str
) -> None:
    async with await opened(client) as ws:
        await start(ws, **change)
        kind, data = await told(ws)
        assert (kind, data["type"]) == ("ERROR", "SIMULATION_ISSUE")
        assert details in data["details"]
        await start(ws, max_turns=1)
        assert (await told(ws))[0] == "SERVER_MSG"


async def test_three_agents_talk(client: TestClient[Any, Any]) -> None:
    async with await opened(client) as ws:
        models = ["scripted:talker"] * 3
        await start(ws, env_id="E3", agent_ids=["A1", "A2", "A3"], agent_models=models, max_turns=3)
        messages = await all_told(ws)
    log = messages[-2][1]["messages"]
    assert [name for name, to, _ in log["messages"][0] if to == "Environment"] == [
        "John Doe", "Jane Doe", "Ann Poe",
    ]  # fmt: skip
    assert [reward[0] for reward in log["rewards"]] == [pytest.approx(OVERALL)] * 3


async def test_profiles_may_come_with_the_start(client: TestClient[Any, Any]) -> None:
    people = [{"first_name": name} for name in ("Al", "Bo", "Cy")]
    async with await opened(client) as ws:
        await start(
            ws,
            env_id="mine",
            agent_ids=["x", "y", "z"],
            agent_models=["scripted:talker"] * 3,
            env_profile_dict={"scenario": "On a boat.", "agent_goals": ["B", "C", "D"]},
            agent_profile_dicts=people,
            max_turns=1,
        )
        messages = await all_told(ws)
    log = messages[0][1]["messages"]
    assert (log["environment"], log["agents"]) == ("mine", ["x", "y", "z"])
    assert "Scenario: On a boat.\nParticipants: Al, Bo, and Cy" in log["messages"][0][0][2]


async def test_goals_and_secrets_reach_their_owner_alone(client: TestClient[Any, Any]) -> None:
    async with await opened(client) as ws:
        await start(ws, max_turns=1)
        ((_, _, first), (_, _, second)) = (await told(ws))[1]["messages"]["messages"][0]
    assert "John Doe's goal: B" in first
    assert "Jane Doe's goal: Unknown" in first
    assert "Jane Doe's goal: C" in second


async def test_dimensions_of_ones_own_are_scored(client: TestClient[Any, Any]) -> None:
    async with await opened(client) as ws:
        await start(ws, evaluation_dimension_list_name="mine", max_turns=1)
        messages = await all_told(ws)
    assert (
        messages[-2][1]["messages"]["rewards"] == [[3.0, {"warmth": 3.0, "overall_score": 3.0}]] * 2
    )


async def test_a_list_whose_dimension_is_gone_is_an_issue(store: SqliteStore) -> None:
    store.delete(CustomDimension, "D1")
    async with serving(store) as client, await opened(client) as ws:
        assert await got(client, "/evaluation_dimensions") == {"mine": []}
        await start(ws, evaluation_dimension_list_name="mine")
        assert "dimension 'D1' of the list 'mine' is gone" in (await told(ws))[1]["details"]


async def test_published_names_and_defaults_are_models_of_openai(store: SqliteStore) -> None:
    asked: list[str] = []

    def agents(spec: str) -> AgentFactory:
        asked.append(spec)
        return lambda seat, seed: Speaker(seat)

    def judge(model: str, dimensions: Rubric) -> Judge:
        asked.append(model)
        return scripted_judge(model, dimensions)

    async with serving(store, agents=agents, judge=judge) as client, await opened(client) as ws:
        data = {"env_id": "E1", "agent_ids": ["A1", "A2"]}
        await ws.send_json({"type": "START_SIM", "data": data})
        assert len(await all_told(ws)) == 20 + 3
        assert asked == ["openai/gpt-4o-mini", "openai/gpt-4o"]
        await start(ws, agent_models=["gpt-4o?temperature=0", "vllm/x"], max_turns=1)
        await all_told(ws)
        assert asked[2:] == ["openai/gpt-4o?temperature=0", "vllm/x", "openai/judge"]


async def test_a_model_without_a_key_is_an_issue_that_names_the_variable(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    async with TestClient(TestServer(make_app(store))) as client, await opened(client) as ws:
        await start(ws, evaluator_model="gpt-4o")
        kind, data = await told(ws)
        assert (kind, data["type"]) == ("ERROR", "SIMULATION_ISSUE")
        assert "OPENAI_API_KEY" in data["details"]


async def test_a_model_that_fails_in_an_episode_is_told_and_nothing_is_scored(
    store: SqliteStore,
) -> None:
    agents = agents_of(fails=ModelError("no answer"))
    async with serving(store, agents=agents) as client, await opened(client) as ws:
        await start(ws, agent_models=["scripted:talker", "scripted:fails"])
        messages = await all_told(ws)
        assert [kind for kind, _ in messages] == ["SERVER_MSG"] * 2 + ["ERROR", "END_SIM"]
        error = {"type": "SIMULATION_ISSUE", "details": "ModelError: no answer"}
        assert messages[-2][1] == error
        await start(ws, max_turns=1)
        assert (await all_told(ws))[-2][0] == "SERVER_MSG"


async def test_a_judge_that_fails_is_told_and_nothing_is_scored(store: SqliteStore) -> None:
    async with serving(store, judge=silent_judge) as client, await opened(client) as ws:
        await start(ws, max_turns=2)
        *_, last, error, _ = await all_told(ws)
    assert last[1]["messages"]["rewards"] == [0.0, 0.0]
    assert error[1]["type"] == "SIMULATION_ISSUE"
    assert "not scored: no reply" in error[1]["details"]


async def test_a_bug_in_an_agent_ends_the_socket_and_is_not_hidden(
    store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    agents = agents_of(bug=ZeroDivisionError("oops"))
    async with serving(store, agents=agents) as client:
        ws = await opened(client)
        await start(ws, agent_models=["scripted:bug"] * 2)
        while (await ws.receive()).type is WSMsgType.TEXT:
            pass
        await reopened(client)
    assert "ZeroDivisionError: oops" in caplog.text


async def test_a_server_that_ends_says_so_to_its_clients(store: SqliteStore) -> None:
    client = serving(store, agents=agents_of(waits=asyncio.Event()))
    await client.start_server()
    ws = await opened(client)
    await start(ws, agent_models=["scripted:waits"] * 2)
    await told(ws)
    ending = asyncio.create_task(client.server.close())
    message = await ws.receive()
    while message.type is WSMsgType.TEXT:
        message = await ws.receive()
    assert message.data == 1001
    await ending
    await client.close()
