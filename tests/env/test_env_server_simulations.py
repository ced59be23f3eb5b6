"""Simulations in the background: `POST /simulate`, its status, and what is kept of it."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from served import (
    ORDER,
    OVERALL,
    SCORES,
    agents_of,
    got,
    refused,
    seeded,
    serving,
    silent_judge,
)

from sotopia_env.errors import ModelError
from sotopia_env.store import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with seeded(tmp_path / "store.sqlite") as store:
        yield store


@pytest.fixture
async def client(store: SqliteStore) -> AsyncIterator[TestClient[Any, Any]]:
    async with serving(store) as client:
        yield client


async def ended(client: TestClient[Any, Any], key: str) -> str:
    """The status of a simulation as soon as it has ended."""
    while (status := await got(client, f"/simulation_status/{key}")) == "Started":
        await asyncio.sleep(0)
    return str(status)


async def test_b13_a_simulation_is_begun_told_of_and_read(store: SqliteStore) -> None:
    gate = asyncio.Event()
    async with serving(store, agents=agents_of(waits=gate)) as client:
        models = ["judge-1", "scripted:waits", "scripted:waits"]
        answer = await client.post("/simulate", json={**ORDER, "models": models})
        assert answer.status == 202
        key = await answer.text()
        assert await got(client, f"/simulation_status/{key}") == "Started"
        gate.set()
        assert await ended(client, key) == "Completed"
        (log,) = await got(client, f"/episodes/id/{key}")
        assert await got(client, "/episodes/tag/t1") == [log]
    assert log["pk"] == key
    assert log["environment"] == "E1"
    assert log["agents"] == ["A1", "A2"]
    assert log["models"] == ["openai/judge-1", "scripted:waits", "scripted:waits"]
    assert len(log["messages"]) == 4 + 1
    for reward in log["rewards"]:
        assert reward[0] == pytest.approx(OVERALL)
        assert reward[1] == {**SCORES, "overall_score": pytest.approx(OVERALL)}
    (kept,) = store.get_many([key])
    assert [r.reward for r in kept.seats.values()] == [pytest.approx(OVERALL)] * 2
    async with serving(store) as another:  # as after a restart
        assert await got(another, f"/simulation_status/{key}") == "Completed"


async def test_the_same_order_twice_is_two_episodes(client: TestClient[Any, Any]) -> None:
    keys = [await (await client.post("/simulate", json=ORDER)).text() for _ in range(2)]
    assert [await ended(client, key) for key in keys] == ["Completed"] * 2
    assert len(await got(client, "/episodes/tag/t1")) == 2


async def test_a_failing_model_is_an_error_and_no_score(
    store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    agents = agents_of(fails=ModelError("no answer"))
    async with serving(store, agents=agents) as client:
        models = ["openai/judge", "scripted:talker", "scripted:fails"]
        key = await (await client.post("/simulate", json={**ORDER, "models": models})).text()
        assert await ended(client, key) == "Error"
        (log,) = await got(client, f"/episodes/id/{key}")
    assert log["rewards"] == [0.0, 0.0]  # the published form of "not judged"
    assert f"simulation {key} failed: ModelError: no answer" in caplog.text
    (kept,) = store.get_many([key])
    assert [record.reward for record in kept.seats.values()] == [None, None]
    assert kept.evaluations == ()


async def test_a_failing_judge_is_an_error_and_no_score(store: SqliteStore) -> None:
    async with serving(store, judge=silent_judge) as client:
        key = await (await client.post("/simulate", json=ORDER)).text()
        assert await ended(client, key) == "Error"
        (log,) = await got(client, f"/episodes/id/{key}")
    assert log["rewards"] == [0.0, 0.0]
    assert "judge/unscored: no reply" in log["reasoning"]
    (kept,) = store.get_many([key])
    assert [record.reward for record in kept.seats.values()] == [None, None]


async def test_a_bug_in_an_agent_is_an_error_and_is_not_hidden(
    store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(store, agents=agents_of(bug=ZeroDivisionError("oops"))) as client:
        models = ["openai/judge", "scripted:bug", "scripted:bug"]
        key = await (await client.post("/simulate", json={**ORDER, "models": models})).text()
        assert await ended(client, key) == "Error"
    gc.collect()
    assert "ZeroDivisionError: oops" in caplog.text


async def test_unknown_ids_of_a_simulation_are_404_and_all_named(
    client: TestClient[Any, Any],
) -> None:
    answer = await client.post("/simulate", json={**ORDER, "agent_ids": ["A8", "A9"]})
    assert await refused(answer, 404) == "not in the store: agent 'A8', agent 'A9'"


async def test_what_does_not_fit_is_refused_before_it_is_begun(
    client: TestClient[Any, Any],
) -> None:
    answer = await client.post("/simulate", json={**ORDER, "env_id": "E3"})
    assert "3 seats" in await refused(answer, 422)
    answer = await client.post("/simulate", json={**ORDER, "agent_ids": ["A1", "A1"]})
    assert "'John Doe' stands twice" in await refused(answer, 422)


async def test_a_server_that_ends_stops_what_is_still_played(store: SqliteStore) -> None:
    async with serving(store, agents=agents_of(waits=asyncio.Event())) as client:
        models = ["openai/judge", "scripted:waits", "scripted:waits"]
        await client.post("/simulate", json={**ORDER, "models": models})
    assert len(store) == 2
