"""Profiles, pairings, lists in the store: kept, found, changed, deleted; all of a batch or none."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from sotopia_env import AgentProfile, EnvironmentProfile, parallel_env
from sotopia_env.errors import NotFoundError, ScenarioError, StoreError
from sotopia_env.profiles import Pairing, RelationshipProfile, ScenarioList
from sotopia_env.store import DEFAULT_PATH, SqliteStore, default_path, default_store

ADA = AgentProfile(agent_id="ada", first_name="Ada", last_name="Bell", age=41, tag="team")
BRAM = AgentProfile(agent_id="bram", first_name="Bram", last_name="Coe", tag="team")
RECORDS: tuple[BaseModel, ...] = (
    ADA,
    EnvironmentProfile(scenario_id="s", scenario="They meet.", agent_goals=("a", "b")),
    RelationshipProfile(relationship_id="r", agent_1_id="ada", agent_2_id="bram", relationship=3),
    Pairing(pairing_id="p", scenario_id="s", agent_ids=("ada", "bram")),
    ScenarioList(list_id="l", name="mine", scenario_ids=("s",)),
)


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "store.sqlite")


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_b10_a_record_is_kept_found_and_deleted(store: SqliteStore, record: BaseModel) -> None:
    (identity,) = store.save(record)
    kind = type(record)
    assert store.get(kind, identity) == record
    assert store.find(kind) == [record]
    assert store.delete(kind, identity)
    with pytest.raises(NotFoundError, match=f"no {kind.__name__} '{identity}' in"):
        store.get(kind, identity)
    assert store.find(kind) == []
    assert not store.delete(kind, identity)


def test_b10_an_id_is_made_where_there_is_none_unique_and_kept_by_a_change(
    store: SqliteStore,
) -> None:
    nameless = ADA.model_copy(update={"agent_id": ""})
    first, second = store.save(nameless, nameless)
    assert first != second
    kept = store.get(AgentProfile, first)
    assert kept == nameless.model_copy(update={"agent_id": first})
    store.save(kept.model_copy(update={"age": 42}))
    assert store.get(AgentProfile, first).age == 42
    assert len(store.find(AgentProfile)) == 2


def test_b10_records_are_found_by_fields_and_defaults(store: SqliteStore) -> None:
    store.save(ADA, BRAM)
    assert store.find(AgentProfile, first_name="Bram") == [BRAM]
    assert store.find(AgentProfile, tag="team", age=41) == [ADA]
    assert store.find(AgentProfile, age=0) == [BRAM]
    assert store.find(AgentProfile, mbti="ENTP") == []
    with pytest.raises(StoreError, match="AgentProfile has no field 'shoe_size'"):
        store.find(AgentProfile, shoe_size=43)


def test_kinds_do_not_mix_and_order_is_that_of_the_first_writing(store: SqliteStore) -> None:
    store.save(*RECORDS, BRAM)
    store.save(ADA.model_copy(update={"age": 43}))
    assert [person.agent_id for person in store.find(AgentProfile)] == ["ada", "bram"]
    with pytest.raises(NotFoundError):
        store.get(EnvironmentProfile, "ada")


def test_what_is_not_kept_here_is_refused_and_nothing_of_the_batch_is_kept(
    store: SqliteStore,
) -> None:
    class Shoe(BaseModel):
        size: int = 43

    with pytest.raises(StoreError, match=r"a store keeps AgentProfile, .*, not Shoe"):
        store.save(ADA, Shoe())
    assert store.find(AgentProfile) == []


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with SqliteStore(path) as store:
        store.save(ADA)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE records SET record = '{}'")
    db.close()
    complaint = r"AgentProfile ada in .* is damaged: first_name"
    with SqliteStore(path) as store, pytest.raises(StoreError, match=complaint):
        store.get(AgentProfile, "ada")


def test_a_store_of_the_first_version_is_opened_with_all_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    with sqlite3.connect(path) as db:
        db.executescript(
            "CREATE TABLE episodes (number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL "
            "UNIQUE, tag TEXT NOT NULL, status TEXT NOT NULL, record TEXT NOT NULL);"
            "PRAGMA user_version=1;"
        )
    db.close()
    with SqliteStore(path) as store:
        assert len(store) == 0
        store.save(ADA)
        assert store.find(AgentProfile) == [ADA]


# -- the default store ---------------------------------------------------------------------------


def test_b12_the_default_store_is_a_file_here_whatever_the_original_s_variable_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOTOPIA_STORE", raising=False)
    for backend in ("redis", "local", "nonsense"):
        monkeypatch.setenv("SOTOPIA_STORAGE_BACKEND", backend)
        assert default_path() == DEFAULT_PATH
    with default_store() as store:
        assert store is None
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("SOTOPIA_STORE", str(tmp_path / "elsewhere.sqlite"))
    assert default_path() == tmp_path / "elsewhere.sqlite"


def test_b10_a_stored_scenario_is_played_by_its_id_as_it_was_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with SqliteStore(DEFAULT_PATH) as store:
        store.save(*RECORDS, BRAM)
    env = parallel_env("s")
    env.reset(seed=0)
    assert env.transcript.profile == RECORDS[1]
    assert list(env.transcript.names.values()) == ["Ada Bell", "Bram Coe"]
    assert list(parallel_env("s", agents=[BRAM, ADA]).reset(seed=0)[1]) == ["agent_0", "agent_1"]


def test_a_stored_scenario_whose_people_are_not_there_is_played_by_nameless_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with SqliteStore(DEFAULT_PATH) as store:
        store.save(*RECORDS)
    env = parallel_env("s")
    env.reset(seed=0)
    assert list(env.transcript.names.values()) == ["Agent 0", "Agent 1"]


def test_an_unknown_scenario_says_where_was_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScenarioError) as caught:
        parallel_env("borow_money")
    message = str(caught.value)
    assert message.startswith("unknown scenario 'borow_money'. Did you mean 'borrow_money'?")
    assert "outputs/store.sqlite" in message


WRITER = """
import sys
from sotopia_env import AgentProfile
from sotopia_env.store import SqliteStore
with SqliteStore(sys.argv[1]) as store:
    for number in range(50):
        store.save(AgentProfile(agent_id=f"{sys.argv[2]}-{number}", first_name="Ada"))
"""


def test_several_writers_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, path, str(number)], env=os.environ)
        for number in range(3)
    ]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    with SqliteStore(path) as store:
        assert len(store.find(AgentProfile)) == 150
