"""`python -m sotopia_env.formats`: a whole folder or nothing, and the same again."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from duel import DUEL
from published_data import DATA, needs_data
from test_env_formats_logs import KNOWN, paper_log
from test_env_formats_records import (
    AGENT_LINE,
    DIMENSION_LINE,
    ENVIRONMENT_LINE,
    LIST_LINE,
    PAIRING_LINE,
    RELATIONSHIP_LINE,
)

from sotopia_env import AgentProfile, EnvironmentProfile, Episode, parallel_env
from sotopia_env.errors import ConfigurationError, FormatError
from sotopia_env.formats import (
    FORMS,
    HARD_IDS,
    Settings,
    fetch_settings,
    read_episode_log,
    read_jsonl,
    read_source,
    recognise,
    write_episode_log,
    write_jsonl,
    write_published_episode,
    write_social_game,
)
from sotopia_env.formats.__main__ import main
from sotopia_env.formats.settings import StoreSettings
from sotopia_env.profiles import Pairing, ScenarioList
from sotopia_env.run_folder import Run
from sotopia_env.store import SqliteStore


def formats(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sotopia_env.formats", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def run(folder: Path, **settings: Any) -> dict[str, Any]:
    """The summary of one run in this process; the store is `s.sqlite`."""
    place = folder / "run"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    chosen = Settings(store=StoreSettings(path=str(folder / "s.sqlite")), **settings)
    assert main(chosen, Run(folder=place, command="x", seed=0, config_hash="0", config="")) == 0
    summary: dict[str, Any] = json.loads((place / "summary.json").read_text(encoding="utf-8"))
    return summary


def published(folder: Path) -> Path:
    """A folder with one file of each kind."""
    folder.mkdir()
    episode = read_episode_log(paper_log(), **KNOWN)
    texts = {
        "people.jsonl": f"{AGENT_LINE}\n",
        "deep/places.jsonl": f"\ufeff{ENVIRONMENT_LINE}\n",
        "r.jsonl": RELATIONSHIP_LINE,
        "combos.jsonl": f"{PAIRING_LINE}\n\n",
        "lists.jsonl": LIST_LINE,
        "dimensions.jsonl": DIMENSION_LINE,
        "my_episodes_v1.jsonl": json.dumps(write_published_episode(episode)),
        "EpisodeLog/x.json": json.dumps(write_episode_log(episode) | {"pk": "other"}),
        "settings.json": '[{"env_id": "e", "agent_ids": ["b", "a"]}]',
        "ids.json": '{"first": ["e"], "second": []}',
        "table.jsonl": '{"model_name": "m", "GOAL [0, 10]": 1.5}',
        "game.json": json.dumps(DUEL),
        "dump.rdb": "\x00",
        ".git/config.json": "{",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def everything(path: Path, write: Callable[[Episode], Any] = Episode.model_dump_json) -> list[str]:
    """All that a store holds, episodes as `write` gives them."""
    with SqliteStore(path) as store:
        rows = store._db.execute("SELECT kind, id, record FROM records ORDER BY kind, id")
        return [*map(str, rows), *sorted(json.dumps(write(e)) for e in store.episodes())]


def test_every_file_of_a_folder_is_recognised_by_its_content_and_stored(tmp_path: Path) -> None:
    summary = run(tmp_path, path=str(published(tmp_path / "in")))
    assert {name: (f["kind"], f["count"]) for name, f in summary["files"].items()} == {
        "people.jsonl": ("agents", 1),
        "deep/places.jsonl": ("environments", 1),
        "r.jsonl": ("relationships", 1),
        "combos.jsonl": ("pairings", 1),
        "lists.jsonl": ("lists", 1),
        "dimensions.jsonl": ("dimensions", 1),
        "my_episodes_v1.jsonl": ("episodes", 1),
        "EpisodeLog/": ("episode logs", 1),
        "settings.json": ("pairings", 1),
        "ids.json": ("scenario id lists", 2),
        "table.jsonl": ("benchmark lines", 1),
        "game.json": ("games", 1),
    }
    fresh = {"replaced": 0, "unchanged": 0}
    assert summary["records"] == {
        "agents": {"read": 1, "new": 1, **fresh},
        "environments": {"read": 2, "new": 2, **fresh},
        "relationships": {"read": 1, "new": 1, **fresh},
        "pairings": {"read": 2, "new": 2, **fresh},
        "lists": {"read": 3, "new": 3, **fresh},
        "dimensions": {"read": 1, "new": 1, **fresh},
        "episodes": {"read": 2, "new": 2, **fresh},
    }
    with SqliteStore(tmp_path / "s.sqlite") as store:
        (line,) = read_jsonl(FORMS["environments"], ENVIRONMENT_LINE)
        assert line in store.find(EnvironmentProfile)
        game = store.get(EnvironmentProfile, "two_teams_configuration")
        assert write_social_game(game) == DUEL
        assert {e.key for e in store.episodes()} == {"4f70f4d2", "other"}
        missing = [str(e.metadata.get("reconstructed")) for e in store.episodes()]
        assert missing == ["agent a0, agent a1"] * 2
    table = (tmp_path / "run" / "table.txt").read_text(encoding="utf-8")
    assert "a store has no place for: table.jsonl (benchmark lines)" in table
    assert "neither JSON nor JSONL: dump.rdb" in table


def test_importing_twice_leaves_the_same_store(tmp_path: Path) -> None:
    source = published(tmp_path / "in")
    run(tmp_path, path=str(source))
    before = everything(tmp_path / "s.sqlite")
    again = run(tmp_path, path=str(source))
    assert everything(tmp_path / "s.sqlite") == before
    counts = again["records"].values()
    assert all(c["new"] == c["replaced"] == 0 and c["unchanged"] == c["read"] for c in counts)


def test_a_changed_record_is_replaced_and_counted(tmp_path: Path) -> None:
    source = published(tmp_path / "in")
    run(tmp_path, path=str(source))
    (source / "people.jsonl").write_text(AGENT_LINE.replace("34", "35"), encoding="utf-8")
    assert run(tmp_path, path=str(source))["records"]["agents"] == {
        "read": 1,
        "new": 0,
        "replaced": 1,
        "unchanged": 0,
    }
    with SqliteStore(tmp_path / "s.sqlite") as store:
        assert [agent.age for agent in store.find(AgentProfile)] == [35]


def test_a_setting_without_an_id_is_the_one_that_is_there_already(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(PAIRING_LINE, encoding="utf-8")
    run(tmp_path, path=str(tmp_path / "a.jsonl"))
    (tmp_path / "b.json").write_text('[{"env_id": "e", "agent_ids": ["a", "b"]}]', encoding="utf-8")
    assert run(tmp_path, path=str(tmp_path / "b.json"))["records"]["pairings"]["unchanged"] == 1


def test_a_dry_run_says_what_would_change_and_changes_nothing(tmp_path: Path) -> None:
    source = published(tmp_path / "in")
    summary = run(tmp_path, path=str(source), dry_run=True)
    assert summary["records"]["agents"]["new"] == 1
    assert not (tmp_path / "s.sqlite").exists()
    run(tmp_path, path=str(source))
    before = everything(tmp_path / "s.sqlite")
    (source / "people.jsonl").write_text(AGENT_LINE.replace("34", "35"), encoding="utf-8")
    assert run(tmp_path, path=str(source), dry_run=True)["records"]["agents"]["replaced"] == 1
    assert everything(tmp_path / "s.sqlite") == before


@pytest.mark.parametrize("layout", ["lines", "local"])
def test_what_is_exported_and_imported_elsewhere_is_the_same(tmp_path: Path, layout: str) -> None:
    run(tmp_path, path=str(published(tmp_path / "in")))
    write = write_episode_log if layout == "local" else write_published_episode
    before = everything(tmp_path / "s.sqlite", write)
    out = tmp_path / "out"
    dry = run(tmp_path, direction="export", layout=layout, path=str(out), dry_run=True)
    assert not out.exists()
    summary = run(tmp_path, direction="export", layout=layout, path=str(out))
    assert dry["records"] == summary["records"]
    assert sum(path.is_file() for path in out.rglob("*")) == summary["files"]
    assert not [*out.rglob(".*")]
    (tmp_path / "other").mkdir()
    run(tmp_path / "other", path=str(out))
    after = everything(tmp_path / "other" / "s.sqlite", write)
    assert after == before
    run(tmp_path, direction="export", layout=layout, path=str(out))


EPISODE_LINE = json.dumps({
    "episode_id": "x", "environment_id": "e", "agent_ids": ["a"], "raw_messages": [],
    "rewards": [0.0],
})  # fmt: skip
TORN = {
    "torn": ("people.jsonl", AGENT_LINE[:50], "people.jsonl line 1: is no complete JSON"),
    "foreign": ("x.json", '{"a": 1}', "x.json: is of no published kind (keys: a); move the file"),
    "mixed": (
        "r.jsonl",
        f"{RELATIONSHIP_LINE}\n{PAIRING_LINE}",
        "r.jsonl line 2: is one of pairings in a file",
    ),
    "twice": ("z.jsonl", AGENT_LINE, "z.jsonl line 1: id '01H5TNE5PBXGRD41HXQC1ZXHVN' stands in"),
    "binary": ("b.json", "\udcff", "b.json: is not UTF-8 text; convert it or move it away"),
    "episode": ("e.jsonl", '{"episode_id": "x"}', "e.jsonl line 1: key 'environment_id' is"),
    "nobody": (
        "e.jsonl",
        '{"episode_id": "x", "environment_id": "e", "agent_ids": []}',
        "e.jsonl line 1: agent_ids: Tuple should have at least 1 item",
    ),
    "rewards": (
        "e.jsonl",
        EPISODE_LINE.replace("[0.0]", '"[1e999]"'),
        "e.jsonl line 1: rewards: has no form in JSON",
    ),
    "list": ("l.json", "[1]", "l.json item 1: an object is expected, got int 1"),
    "type": ("people.jsonl", AGENT_LINE.replace("34", '"34"'), "people.jsonl line 1: age: Input"),
}


@pytest.mark.parametrize("case", TORN)
def test_one_bad_file_and_nothing_is_imported(tmp_path: Path, case: str) -> None:
    name, text, reason = TORN[case]
    source = published(tmp_path / "in")
    (source / name).write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(ConfigurationError) as refused:
        run(tmp_path, path=str(source))
    assert reason in str(refused.value)
    assert not (tmp_path / "s.sqlite").exists()
    assert not [*(tmp_path / "run").iterdir()]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "path= is missing"),
        ({"path": "nowhere"}, "nowhere: does not exist; check the path"),
        ({"path": "."}, "holds no published file"),
        ({"path": ".", "source": "other"}, "unknown source 'other'"),
        ({"path": ".", "direction": "both"}, "unknown direction 'both'"),
        ({"path": ".", "direction": "export"}, "there is no store"),
        ({"path": ".", "direction": "export", "layout": "csv"}, "unknown layout 'csv'"),
    ],
)
def test_a_setting_that_cannot_work_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], reason: str
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(ConfigurationError, match=reason):
        run(tmp_path, **settings)


def test_the_command_imports_again_each_time_it_is_run(tmp_path: Path) -> None:
    source = published(tmp_path / "in")
    command = ("source=sotopia", f"path={source}")
    for read in (1, 2):
        done = formats(tmp_path, *command, SOTOPIA_STORE="mine/own.sqlite")
        assert (done.returncode, done.stderr) == (0, "")
        assert re.search(rf"^agents +{read} ", done.stdout, re.MULTILINE)
        assert "store: mine/own.sqlite" in done.stdout
        more = AGENT_LINE.replace("01H5", "0002")
        (source / "people.jsonl").write_text(f"{AGENT_LINE}\n{more}\n", encoding="utf-8")
    with SqliteStore(tmp_path / "mine" / "own.sqlite") as store:
        assert len(store.find(AgentProfile)) == 2
    (run_folder,) = (tmp_path / "outputs" / "formats").iterdir()
    assert (run_folder / "summary.json").exists()


LOG = {
    "pk": "p", "environment": "e", "agents": ["a", "b"], "messages": [],
    "rewards": [[10**400, {"goal": 10**400}], 0.0],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("people.jsonl", AGENT_LINE[:50], "people.jsonl line 1: is no complete JSON"),
        ("log.json", json.dumps(LOG), "log.json: rewards.0"),
    ],
)
def test_a_refused_command_exits_with_2_and_leaves_no_trace(
    tmp_path: Path, name: str, text: str, reason: str
) -> None:
    source = published(tmp_path / "in")
    (source / name).write_text(text, encoding="utf-8")
    done = formats(tmp_path, f"path={source}", "store.path=s.sqlite")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {reason}")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("direction", ["import", "export"])
@pytest.mark.parametrize("store", ["in/people.jsonl", "in/people.jsonl/s.sqlite", "in"])
def test_a_store_that_cannot_be_opened_is_refused_and_leaves_no_trace(
    tmp_path: Path, direction: str, store: str
) -> None:
    source = published(tmp_path / "in")
    before = {file: file.read_bytes() for file in source.rglob("*") if file.is_file()}
    path = source if direction == "import" else tmp_path / "out"
    done = formats(tmp_path, f"path={path}", f"direction={direction}", f"store.path={store}")
    assert done.returncode == 2
    is_missing = direction == "export" and store.endswith(".sqlite")
    reason = f"there is no store {store}" if is_missing else f"cannot open the store {store}"
    assert done.stderr.startswith(f"error: {reason}")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert {f: f.read_bytes() for f in source.rglob("*") if f.is_file()} == before


# -- addresses and the hub ------------------------------------------------------------------------

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def served(*routes: tuple[str, Handler]) -> tuple[web.AppRunner, str]:
    application = web.Application()
    for path, handler in routes:
        application.router.add_route("*", path, handler)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    return runner, f"http://{host}:{port}"


async def test_b14_the_document_at_an_address_is_two_settings_and_a_404_is_none() -> None:
    rows = [{"env_id": "e", "agent_ids": ["a", "b"]}, {"env_id": "f", "agent_ids": ["b", "a"]}]

    async def document(_: web.Request) -> web.Response:
        return web.json_response(rows)

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>")

    runner, address = await served(("/settings.json", document), ("/page", page))
    try:
        found = await fetch_settings(f"{address}/settings.json")
        assert found == [
            Pairing(scenario_id="e", agent_ids=("a", "b")),
            Pairing(scenario_id="f", agent_ids=("b", "a")),
        ]
        with pytest.raises(ValueError, match="/missing: status 404 is no list of settings"):
            await fetch_settings(f"{address}/missing")
        with pytest.raises(FormatError, match="/page: is no complete JSON"):
            await fetch_settings(f"{address}/page")
    finally:
        await runner.cleanup()
    with pytest.raises(ConfigurationError, match="does not answer"):
        await fetch_settings(f"{address}/settings.json")


async def test_the_settings_at_an_address_are_imported(tmp_path: Path) -> None:
    async def document(_: web.Request) -> web.Response:
        return web.json_response([{"env_id": "e", "agent_ids": ["a", "b"]}])

    runner, address = await served(("/settings", document))
    try:
        for new in (1, 0):
            summary = await asyncio.to_thread(run, tmp_path, path=f"{address}/settings")
            assert summary["records"]["pairings"]["new"] == new
    finally:
        await runner.cleanup()


async def test_the_lines_of_a_data_set_of_the_hub_are_imported(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    commit = "a" * 40
    files = [
        {"type": "file", "path": name, "size": len(PAIRING_LINE), "oid": "1" * 40}
        for name in ("README.md", "combos.jsonl")
    ]

    async def about(_: web.Request) -> web.Response:
        names = [{"rfilename": file["path"]} for file in files]
        return web.json_response({"id": "owner/set", "sha": commit, "siblings": names})

    async def tree(_: web.Request) -> web.Response:
        return web.json_response(files)

    async def content(request: web.Request) -> web.Response:
        assert request.match_info["name"] == "combos.jsonl"
        return web.Response(text=PAIRING_LINE, headers={"ETag": '"1"', "X-Repo-Commit": commit})

    runner, address = await served(
        ("/api/datasets/owner/set/revision/{revision}", about),
        ("/api/datasets/owner/set/tree/{revision}", tree),
        ("/datasets/owner/set/resolve/{revision}/{name}", content),
    )
    own = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
    own |= {"HF_HUB_OFFLINE": "0", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    try:
        for name, code in (("owner/set", 0), ("owner/other", 2)):
            command = (f"path=hub:{name}", "store.path=s.sqlite")
            done = await asyncio.to_thread(formats, tmp_path, *command, **own)
            assert done.returncode == code, done.stderr
    finally:
        await runner.cleanup()
    assert "error: hub:owner/other cannot be had" in done.stderr
    with SqliteStore(tmp_path / "s.sqlite") as store:
        assert store.find(Pairing) == read_jsonl(FORMS["pairings"], PAIRING_LINE)


def test_without_the_package_of_the_hub_the_extra_is_named(tmp_path: Path) -> None:
    program = """
import sys
sys.modules["huggingface_hub"] = None
from sotopia_env.errors import ConfigurationError
from sotopia_env.formats import hub_folder
try:
    hub_folder("owner/set")
except ConfigurationError as error:
    assert "pip install 'sotopia-env[hub]'" in str(error)
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_importing_the_formats_needs_nothing_heavy() -> None:
    program = """
import sys
import sotopia_env.formats
heavy = {"aiohttp", "huggingface_hub", "hydra", "omegaconf", "torch", "lxml", "rich"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_an_object_is_recognised_or_refused_with_its_keys() -> None:
    assert recognise({"pk": "x", "first_name": "A"}) == "agents"
    assert recognise({"model": "m", "prompt": "p", "result": "r"}) == "generations"
    for foreign in ({}, {"a": 1, "b": []}):
        with pytest.raises(FormatError, match="is of no published kind"):
            recognise(foreign)


# -- the published set ----------------------------------------------------------------------------

SET = {
    "agent_profiles.jsonl": ("agents", 40),
    "environment_profiles.jsonl": ("environments", 90),
    "relationship_profiles.jsonl": ("relationships", 120),
    "env_agent_combo_storages.jsonl": ("pairings", 450),
}


@needs_data
@pytest.mark.parametrize("file", SET)
def test_every_line_of_the_published_set_comes_back_identical(file: str) -> None:
    kind, count = SET[file]
    form: Any = FORMS[kind]
    text = (DATA / "sotopia" / file).read_text(encoding="utf-8")
    records = read_jsonl(form, text, file)
    assert len(records) == count
    assert write_jsonl(form, records) == text
    assert [form.read(json.dumps(form.write(record, "local"))) for record in records] == records


@needs_data
def test_the_published_table_comes_back_identical() -> None:
    from sotopia_env.formats import read_benchmark_line, write_benchmark_line

    text = (DATA / "sotopia" / "models_vs_gpt35.jsonl").read_text(encoding="utf-8")
    rows = [read_benchmark_line(line) for line in text.splitlines()]
    assert "\n".join(json.dumps(write_benchmark_line(row)) for row in rows) == text
    assert [row.by_dimension["goal"] for row in rows] == [7.62, 6.45, 5.38, 4.1]


@needs_data
def test_the_published_set_is_imported_played_and_exported_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = run(tmp_path, path=str(DATA / "sotopia"))
    assert {kind: tally["new"] for kind, tally in summary["records"].items()} == {
        "agents": 40,
        "pairings": 450,
        "environments": 90,
        "relationships": 120,
        "lists": 4,
    }
    with SqliteStore(tmp_path / "s.sqlite") as store:
        lists = {found.name: found for found in store.find(ScenarioList)}
        assert lists["hard"].scenario_ids == HARD_IDS
        sizes = {name: len(found.scenario_ids) for name, found in lists.items()}
        assert sizes == {"all": 90, "hard": 14, "cooperative": 10, "competitive": 10}
    again = run(tmp_path, path=str(DATA / "sotopia"))
    assert all(tally["unchanged"] == tally["read"] for tally in again["records"].values())
    run(tmp_path, direction="export", path=str(tmp_path / "out"))
    for file in SET:
        exported = (tmp_path / "out" / file).read_bytes()
        assert exported == (DATA / "sotopia" / file).read_bytes()
    monkeypatch.setenv("SOTOPIA_STORE", str(tmp_path / "s.sqlite"))
    observations, _ = parallel_env(HARD_IDS[0]).reset(seed=0)
    assert "Scenario: " in observations["agent_0"]["text"]


@needs_data
@pytest.mark.parametrize("folder", ["sotopia_pi", "social_games"])
def test_the_other_published_folders_are_recognised(folder: str) -> None:
    contents = read_source(DATA / folder)
    found = {file.name: (file.kind, file.count) for file in contents.files}
    games = ("spyfall.json", "undercover.json", "werewolves.json")
    expected = {
        "sotopia_pi": {
            "background.json": ("backgrounds", 1),
            "used_env.json": ("scenario id lists", 7),
        },
        "social_games": dict.fromkeys(games, ("games", 1)),
    }
    assert found == expected[folder]
