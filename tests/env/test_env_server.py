"""The published routes: what old clients expect, and none of what they could break."""

import io
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import WSServerHandshakeError
from aiohttp.test_utils import TestClient
from hypothesis import given
from hypothesis import strategies as st
from served import ORDER, episode, got, refused, seeded, serving

from sotopia_env import EnvironmentProfile
from sotopia_env.clients.spec import is_model
from sotopia_env.errors import SotopiaError
from sotopia_env.server.simulations import spec_of
from sotopia_env.store import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with seeded(tmp_path / "store.sqlite") as store:
        yield store


@pytest.fixture
async def client(store: SqliteStore) -> AsyncIterator[TestClient[Any, Any]]:
    async with serving(store) as client:
        yield client


# -- reading -------------------------------------------------------------------------------------


async def test_b13_health_is_ok_on_the_embedded_store(client: TestClient[Any, Any]) -> None:
    health = await got(client, "/health")
    assert health["status"] == "ok"
    assert health["components"]["database"] == "connected"


async def test_a_store_that_cannot_be_read_is_degraded_and_its_path_is_not_told(
    store: SqliteStore,
) -> None:
    async with serving(store) as client:
        store.close()
        assert (await got(client, "/health"))["status"] == "degraded"
        detail = await refused(await client.get("/agents"), 500)
        assert str(store.path) not in detail


async def test_b13_models_are_the_published_three(client: TestClient[Any, Any]) -> None:
    assert await got(client, "/models") == ["gpt-4o-mini", "gpt-4o", "gpt-3.5-turbo"]


async def test_b13_scenarios_are_read_whole_by_id_and_by_codename(
    client: TestClient[Any, Any],
) -> None:
    tea = {
        "pk": "E1", "codename": "tea", "source": "", "scenario": "A", "agent_goals": ["B", "C"],
        "relationship": 0, "age_constraint": None, "occupation_constraint": None,
        "agent_constraint": None, "game_metadata": None, "tag": "x",
    }  # fmt: skip
    assert await got(client, "/scenarios/id/E1") == [tea]
    assert await got(client, "/scenarios/codename/tea") == [tea]
    assert [one["pk"] for one in await got(client, "/scenarios")] == ["E1", "E3"]


async def test_b13_agents_are_read_by_id_gender_and_occupation(
    client: TestClient[Any, Any],
) -> None:
    assert [one["pk"] for one in await got(client, "/agents")] == ["A1", "A2", "A3"]
    assert [one["first_name"] for one in await got(client, "/agents/id/A1")] == ["John"]
    assert [one["pk"] for one in await got(client, "/agents/gender/Man")] == ["A1"]
    assert [one["pk"] for one in await got(client, "/agents/occupation/Chef")] == ["A2", "A3"]


async def test_b13_a_relationship_is_its_number_and_name(client: TestClient[Any, Any]) -> None:
    assert await got(client, "/relationship/A1/A2") == "1: know_by_name"


async def test_b13_episodes_are_logs_by_id_and_by_tag(client: TestClient[Any, Any]) -> None:
    assert [one["pk"] for one in await got(client, "/episodes")] == ["P1", "P2"]
    assert [one["pk"] for one in await got(client, "/episodes/tag/second")] == ["P2"]
    (log,) = await got(client, "/episodes/id/P1")
    assert log["environment"] == "E1"
    assert log["agents"] == ["A1", "A2"]
    assert log["messages"][0][2] == ["John", "Environment", 'said: "Hi."']
    assert log["rewards"] == [[7.0, {"goal": 7.0, "overall_score": 7.0}], 0.0]


async def test_an_episode_without_a_published_form_does_not_hide_the_others(
    store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    twins = episode("P3")
    seats = {seat: r.model_copy(update={"name": "Jo"}) for seat, r in twins.seats.items()}
    store.add(twins.model_copy(update={"seats": seats}))
    async with serving(store) as client:
        assert [one["pk"] for one in await got(client, "/episodes")] == ["P1", "P2"]
        reason = "episode P3: messages cannot tell apart"
        assert reason in await refused(await client.get("/episodes/id/P3"), 422)
    assert f"left out: {reason}" in caplog.text


async def test_b13_dimensions_are_told_by_list(client: TestClient[Any, Any]) -> None:
    warmth = {
        "pk": "D1", "name": "warmth", "description": "Warm?", "range_high": 10, "range_low": -10,
    }  # fmt: skip
    assert await got(client, "/evaluation_dimensions") == {"mine": [warmth]}


async def test_f39_an_empty_store_has_nothing_to_show(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "empty.sqlite") as empty:
        async with serving(empty) as client:
            for path in ("/scenarios", "/agents", "/episodes"):
                assert await got(client, path) == []
            assert await got(client, "/evaluation_dimensions") == {}


@pytest.mark.parametrize(
    ("method", "path", "detail"),
    [
        ("GET", "/scenarios/id/E9", "no environments with id 'E9'"),
        ("GET", "/scenarios/codename/x", "no environments with codename 'x'"),
        ("GET", "/agents/id/A9", "no agents with id 'A9'"),
        ("GET", "/agents/gender/x", "no agents with gender 'x'"),
        ("GET", "/agents/occupation/x", "no agents with occupation 'x'"),
        ("GET", "/relationship/A2/A1", "no relationship of 'A2' to 'A1'"),
        ("GET", "/episodes/id/P9", "no episodes with id 'P9'"),
        ("GET", "/episodes/tag/x", "no episodes with tag 'x'"),
        ("GET", "/simulation_status/P9", "no simulation 'P9'"),
        ("DELETE", "/agents/A9", "no agents with id 'A9'"),
        ("DELETE", "/scenarios/E9", "no environments with id 'E9'"),
        ("DELETE", "/relationship/R9", "no relationships with id 'R9'"),
        ("DELETE", "/episodes/P9", "no episodes with id 'P9'"),
        ("DELETE", "/evaluation_dimensions/L9", "no dimension lists with id 'L9'"),
        ("GET", "/nothing", "404: Not Found"),
    ],
)
async def test_f39_what_is_not_there_is_404(
    client: TestClient[Any, Any], method: str, path: str, detail: str
) -> None:
    assert detail in await refused(await client.request(method, path), 404)


@pytest.mark.parametrize("path", ["/scenarios/mood/x", "/agents/codename/x", "/episodes/pk/x"])
async def test_what_nothing_can_be_looked_up_by_is_named(
    client: TestClient[Any, Any], path: str
) -> None:
    assert path.split("/")[2] in await refused(await client.get(path), 422)


async def test_a_wrong_method_is_told_the_right_ones(client: TestClient[Any, Any]) -> None:
    answer = await client.put("/agents/A1")
    await refused(answer, 405)
    assert answer.headers["Allow"] == "DELETE"


# -- writing -------------------------------------------------------------------------------------


async def test_b13_profiles_are_made_and_come_back(client: TestClient[Any, Any]) -> None:
    made = {
        "agents": {"pk": "N1", "first_name": "Al", "last_name": "Bo"},
        "scenarios": {"pk": "N2", "codename": "c", "scenario": "s", "tag": "test"},
    }
    for path, body in made.items():
        for url in (f"/{path}", f"/{path}/"):  # published clients write both
            answer = await client.post(url, json=body)
            assert answer.status == 200
            assert await answer.json() == body["pk"]
        (kept,) = await got(client, f"/{path}/id/{body['pk']}")
        assert kept.items() >= body.items()


async def test_a_published_scenario_comes_back_as_it_was_written(
    client: TestClient[Any, Any],
) -> None:
    written = {
        "pk": "01H7VFHN1PK2FXY7TPWQK343BQ", "codename": "borrow_a_boat", "source": "hand-craft",
        "scenario": "Two friends on a quay",
        "agent_goals": ["Borrow it (<extra_info>x</extra_info>)", "y"],
        "relationship": 3, "age_constraint": "[(18, 70), (18, 70)]", "occupation_constraint": "nan",
        "agent_constraint": [["A1", "A2"]], "game_metadata": {"a": [1, 2.5]}, "tag": "",
    }  # fmt: skip
    assert (await client.post("/scenarios", json=written)).status == 200
    assert await got(client, f"/scenarios/id/{written['pk']}") == [written]


async def test_b13_a_relationship_may_be_written_as_a_float(client: TestClient[Any, Any]) -> None:
    body = {"pk": "N3", "agent_1_id": "A2", "agent_2_id": "A3", "relationship": 4.0, "tag": "t"}
    assert await (await client.post("/relationship", json=body)).json() == "N3"
    assert await got(client, "/relationship/A2/A3") == "4: romantic_relationship"


@pytest.mark.parametrize("identity", [{}, {"pk": ""}, {"pk": None}])
async def test_who_comes_without_an_id_is_given_one(
    client: TestClient[Any, Any], identity: dict[str, Any]
) -> None:
    keys = [
        await (await client.post("/agents", json={"first_name": "Al", **identity})).json()
        for _ in range(2)
    ]
    assert len({*keys, ""}) == 3
    assert (await got(client, f"/agents/id/{keys[0]}"))[0]["pk"] == keys[0]


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("/agents", {"last_name": "Bo"}, "'first_name' is missing"),
        ("/agents", {"first_name": "Al", "age": "old"}, "age"),
        ("/agents", {"first_name": "Al", "age": 30.5}, "age"),
        ("/scenarios", {"codename": "c"}, "'scenario' is missing"),
        ("/scenarios", {"scenario": "s", "mood": "sad"}, "'mood'"),
        ("/scenarios", {"scenario": "s", "agent_goals": "B"}, "agent_goals"),
        ("/relationship", {"agent_1_id": "A", "agent_2_id": "B", "relationship": 6}, "relations"),
        ("/relationship", {"agent_1_id": "A", "relationship": 1}, "'agent2_id' is missing"),
        ("/evaluation_dimensions", {"dimensions": []}, "name"),
        ("/evaluation_dimensions", {"name": "n", "dimensions": []}, "dimensions"),
        ("/evaluation_dimensions", {"name": "n", "dimensions": [{"name": "d"}]}, "range_low"),
        ("/simulate", {**ORDER, "agent_ids": ["A1"]}, "agent_ids"),
        ("/simulate", {**ORDER, "agent_ids": ["A1", "A2", "A3"]}, "agent_ids"),
        ("/simulate", {**ORDER, "models": ["m", "m"]}, "models"),
        ("/simulate", {**ORDER, "max_turns": 0}, "max_turns"),
        ("/simulate", {**ORDER, "max_turns": "4"}, "max_turns"),
        ("/simulate", {k: v for k, v in ORDER.items() if k != "tag"}, "'tag' is missing"),
    ],
)
async def test_a_bad_body_is_422_and_names_the_field(
    client: TestClient[Any, Any], path: str, body: dict[str, Any], named: str
) -> None:
    assert named in await refused(await client.post(path, json=body), 422)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"3", b"\xff", b'{"first_name": "\\ud800"}', b"[" * 100_000]
)
async def test_what_is_no_json_object_is_422(client: TestClient[Any, Any], body: bytes) -> None:
    for path in ("/agents", "/evaluation_dimensions", "/simulate"):
        assert "body" in await refused(await client.post(path, data=body), 422)


async def test_b13_a_list_of_dimensions_is_made_once(client: TestClient[Any, Any]) -> None:
    body = {"pk": "L2", "name": "two", "dimensions": [
        {"name": "warmth", "description": "another text", "range_high": 5, "range_low": 0},
        {"pk": "D2", "name": "wit", "description": "Funny?", "range_high": 5.0, "range_low": 0},
    ]}  # fmt: skip
    assert await (await client.post("/evaluation_dimensions", json=body)).json() == "L2"
    warmth, wit = (await got(client, "/evaluation_dimensions"))["two"]
    assert (warmth["pk"], warmth["range_high"]) == ("D1", 10)  # the one that was there
    assert (wit["pk"], wit["range_high"]) == ("D2", 5)
    again = await client.post("/evaluation_dimensions", json={**body, "pk": "L3"})
    assert "called 'two'" in await refused(again, 409)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": "sotopia"}, "called 'sotopia'"),
        ({"pk": "L1"}, "id 'L1'"),
        ({"dimensions": [{"pk": "D1", "name": "wit"}]}, "id 'D1'"),
    ],
)
async def test_a_list_that_would_change_others_is_409_and_nothing_is_kept(
    client: TestClient[Any, Any], change: dict[str, Any], reason: str
) -> None:
    rest = {"description": "d", "range_high": 5, "range_low": 0}
    body = {"name": "new", "dimensions": [{"name": "new"}], **change}
    body["dimensions"] = [{**item, **rest} for item in body["dimensions"]]
    before = await got(client, "/evaluation_dimensions")
    assert reason in await refused(await client.post("/evaluation_dimensions", json=body), 409)
    assert await got(client, "/evaluation_dimensions") == before


async def test_a_list_names_each_dimension_once(client: TestClient[Any, Any]) -> None:
    one = {"name": "wit", "description": "d", "range_high": 5, "range_low": 0}
    body = {"name": "new", "dimensions": [one, one]}
    detail = await refused(await client.post("/evaluation_dimensions", json=body), 422)
    assert "'wit'" in detail


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("/agents/A1", "/agents/id/A1"),
        ("/scenarios/E1", "/scenarios/id/E1"),
        ("/relationship/R1", "/relationship/A1/A2"),
        ("/episodes/P1", "/episodes/id/P1"),
    ],
)
async def test_b13_what_is_deleted_is_gone(
    client: TestClient[Any, Any], path: str, read: str
) -> None:
    await got(client, read)
    answer = await client.delete(path)
    assert answer.status == 200
    assert await answer.json() == path.rpartition("/")[2]
    await refused(await client.get(read), 404)


async def test_b13_a_deleted_list_of_dimensions_is_gone(client: TestClient[Any, Any]) -> None:
    assert await (await client.delete("/evaluation_dimensions/L1")).json() == "L1"
    assert await got(client, "/evaluation_dimensions") == {}


def test_an_episode_is_deleted_by_its_key_and_others_stay(store: SqliteStore) -> None:
    assert store.delete_episode("P1")
    assert not store.delete_episode("P1")
    assert [kept.key for kept in store.episodes()] == ["P2"]


# -- who may ask ---------------------------------------------------------------------------------


@pytest.mark.parametrize("identity", ["../../../x", "..", "/etc/passwd", "a\\..\\b", "%2e%2e", "?"])
async def test_f37_an_id_is_no_path(
    tmp_path: Path, client: TestClient[Any, Any], identity: str
) -> None:
    before = sorted(tmp_path.rglob("*"))
    body = {"pk": identity, "first_name": "Mallory"}
    assert await (await client.post("/agents", json=body)).json() == identity
    quoted = quote(identity, safe="").replace(".", "%2E")
    if identity != "..":  # which no client sends as a part of a path
        (kept,) = await got(client, f"/agents/id/{quoted}")
        assert kept["pk"] == identity
    assert identity in [one["pk"] for one in await got(client, "/agents")]
    assert sorted(tmp_path.rglob("*")) == before


async def test_f37_ids_of_a_simulation_are_no_paths_and_no_names_of_shipped_scenarios(
    tmp_path: Path, client: TestClient[Any, Any]
) -> None:
    file = tmp_path / "secret.json"
    file.write_text(EnvironmentProfile(scenario="x", agent_goals=("a", "b")).model_dump_json())
    for identity in (str(file), "../secret", "borrow_money", "price_negotiation/test/1"):
        answer = await client.post("/simulate", json={**ORDER, "env_id": identity})
        assert f"scenario {identity!r}" in await refused(answer, 404)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": "localhost.evil.example"},
        {"Host": "127.0.0.1@evil.example"},
        {"Host": "192.168.0.7"},
        {"Host": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
    ],
)
async def test_f37_other_sites_are_not_answered(
    client: TestClient[Any, Any], headers: dict[str, str]
) -> None:
    for method, path in (("GET", "/agents"), ("POST", "/agents"), ("DELETE", "/agents/A1")):
        await refused(await client.request(method, path, headers=headers), 403)
    with pytest.raises(WSServerHandshakeError) as closed:
        await client.ws_connect("/ws/simulation?token=t", headers=headers)
    assert closed.value.status == 403
    assert len(await got(client, "/agents")) == 3


async def test_this_machine_is_answered_by_any_of_its_names(client: TestClient[Any, Any]) -> None:
    for host in ("localhost", "LOCALHOST:8800", "127.0.0.1", "[::1]:80"):
        headers = {"Host": host, "Origin": f"http://{host}"}
        assert (await client.get("/health", headers=headers)).status == 200


async def test_a_body_has_at_most_a_mebibyte(client: TestClient[Any, Any]) -> None:
    for length, status in ((2**20, 413), (2**20 - 100, 200)):
        body = json.dumps({"first_name": "Al", "secret": "x" * length}).encode()
        answer = await client.post("/agents", data=io.BytesIO(body))
        assert answer.status == status
        if status == 413:
            await refused(answer, 413)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("human", "terminal of the server"),
        ("custom/llama@http://169.254.169.254/v1", "brings an address along"),
        ("openai/gpt-4o?template=/etc/passwd", "names a file"),
        ("policy:/somewhere", "'policy:/somewhere' is none"),
        ("scripted:nobody", "unknown scripted agent 'nobody'"),
        ("", "'' is none"),
        ("/gpt", "'/gpt' is none"),
    ],
)
async def test_a_request_names_no_file_address_or_terminal(
    client: TestClient[Any, Any], model: str, reason: str
) -> None:
    body = {**ORDER, "models": ["openai/judge", model, "scripted:talker"]}
    assert reason in await refused(await client.post("/simulate", json=body), 422)


@given(st.one_of(st.text(), st.from_regex(r"(custom|openai|scripted|policy)[/:].*")))
def test_whatever_a_model_is_called_it_is_a_model_or_a_script_or_refused(name: str) -> None:
    try:
        spec = spec_of(name)
    except SotopiaError:
        return
    bare = spec.partition("?")[0]
    assert bare.startswith("scripted:") or is_model(bare)
    assert not (bare.startswith("custom/") and "@" in bare)
