"""The embedded store: what was acknowledged is there, whoever writes and however it ends."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sotopia_env import EnvironmentProfile, Episode
from sotopia_env.episode import Context, EpisodeTurn, Message, SeatRecord
from sotopia_env.errors import StoreError
from sotopia_env.store import SqliteStore

WRITER = """
import sys
from sotopia_env import EnvironmentProfile, Episode
from sotopia_env.store import SqliteStore

path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
profile = EnvironmentProfile(scenario="x" * 2000)
print("ready", flush=True)
sys.stdin.readline()
store = SqliteStore(path)
for number in range(count):
    key = f"{name}-{number}"
    store.add(
        Episode(key=key, scenario=profile, seed=number, seats={}, turns=(), outcome=None)
    )
    print(key, flush=True)
"""


def episode(key: str, *, tag: str = "", seed: int = 0) -> Episode:
    messages = (
        Message(role="user", content="Hi \u2014 \U0001f600"),
        Message(role="assistant", content="\n"),
    )
    return Episode(
        key=key,
        scenario=EnvironmentProfile(scenario="A talk.", agent_goals=("Be kind.", "Be brief.")),
        seed=seed,
        seats={"agent_0": SeatRecord(name="Ada", agent="x", context=Context(messages=messages))},
        turns=(EpisodeTurn(number=0, seat="agent_0", action_type="speak", argument='\x00\n"'),),
        outcome="turn limit",
        tag=tag,
    )


def writer(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), name, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def keys_in(path: Path) -> list[str]:
    store = SqliteStore(path)
    keys = [found.key for found in store.episodes()]
    store.close()
    return keys


def test_an_episode_comes_back_as_it_went_in_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "folder" / "episodes.sqlite"
    store = SqliteStore(path)
    assert len(store) == 0
    store.add(episode("a"))
    store.close()
    store = SqliteStore(path)
    assert len(store) == 1
    assert list(store.episodes()) == [episode("a")]
    store.close()


def test_an_episode_with_the_same_key_is_replaced(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "e.sqlite")
    for seed in (1, 2):
        store.add(episode("a", seed=seed, tag=f"tag{seed}"))
    assert [found.seed for found in store.episodes()] == [2]
    assert list(store.episodes("tag1")) == []
    assert [found.seed for found in store.episodes("tag2")] == [2]
    store.close()


def test_episodes_come_in_the_order_of_their_writing_and_by_tag(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "e.sqlite")
    for key, tag in (("c", "x"), ("a", "y"), ("b", "x"), ("d", "")):
        store.add(episode(key, tag=tag))
    assert [found.key for found in store.episodes()] == ["c", "a", "b", "d"]
    assert [found.key for found in store.episodes("x")] == ["c", "b"]
    assert [found.key for found in store.episodes("")] == ["d"]
    assert list(store.episodes("x' OR 1=1 --")) == []
    store.close()


def test_many_keys_are_looked_up_at_once(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "e.sqlite")
    for number in range(0, 1200, 2):
        store.add(episode(str(number)))
    found = store.get_many([str(number) for number in range(1200)])
    assert {int(one.key) for one in found} == set(range(0, 1200, 2))
    assert store.get_many([]) == []
    store.add(episode("1").model_copy(update={"status": "failed", "error": "it broke"}))
    assert store.count_done([str(number) for number in range(1200)]) == 600
    assert store.count_done([]) == 0
    store.close()


def test_a_file_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "e.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE future (x)")
        db.execute("PRAGMA user_version=3")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="store version 3, this program knows 2; use a newer"):
        SqliteStore(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["e.sqlite"]


@pytest.mark.parametrize("content", [b"this is no data base, it is a letter to a friend", b"{}\n"])
def test_a_file_that_is_no_store_is_refused_and_left_as_it_is(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"cannot open the store .*letter\.txt"):
        SqliteStore(path)
    assert path.read_bytes() == content


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot open the store"):
        SqliteStore(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot open the store"):
        SqliteStore(tmp_path / "file" / "e.sqlite")


@pytest.mark.parametrize("record", ["{", "{}", '{"schema_version": "one"}', "null"])
def test_a_damaged_row_is_named(tmp_path: Path, record: str) -> None:
    path = tmp_path / "e.sqlite"
    store = SqliteStore(path)
    store.add(episode("good"))
    store.add(episode("bad"))
    with sqlite3.connect(path) as db:
        db.execute("UPDATE episodes SET record = ? WHERE key = 'bad'", (record,))
    db.close()
    for read in (lambda: list(store.episodes()), lambda: store.get_many(["bad"])):
        with pytest.raises(StoreError, match=r"episode bad in .*e\.sqlite is damaged"):
            read()
    assert [found.key for found in store.get_many(["good"])] == ["good"]
    store.close()


def test_an_episode_of_another_schema_is_not_guessed_at(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "e.sqlite")
    record = episode("later").model_copy(update={"schema_version": 2})
    store.add(record)
    with pytest.raises(StoreError, match=r"episode later in .*: schema_version: Input should be 1"):
        store.get_many(["later"])
    store.close()


def test_a_closed_or_broken_store_says_so(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "e.sqlite")
    store.add(episode("a"))
    store.close()
    with pytest.raises(StoreError, match="cannot write episode b"):
        store.add(episode("b"))
    for read in (lambda: len(store), lambda: list(store.episodes()), lambda: store.get_many(["a"])):
        with pytest.raises(StoreError, match="cannot read the store"):
            read()


def test_an_episode_that_is_no_text_is_refused_by_name(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "e.sqlite")
    with pytest.raises(StoreError, match="cannot write episode a"):
        store.add(episode("a", tag="\ud800"))
    assert len(store) == 0
    store.close()


def test_opening_waits_for_another_writer(tmp_path: Path) -> None:
    path = tmp_path / "e.sqlite"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE something (x)")
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.05, lambda: other.execute("COMMIT")).start()
    store = SqliteStore(path)
    store.add(episode("a"))
    assert len(store) == 1
    store.close()
    other.close()


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "e.sqlite"
    writers = [writer(path, name, 40) for name in "abc"]
    for process in writers:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in writers:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in writers:
        process.communicate()
        assert process.returncode == 0
    expected = {f"{name}-{number}" for name in "abc" for number in range(40)}
    keys = keys_in(path)
    assert set(keys) == expected
    assert len(keys) == len(expected)


@pytest.mark.parametrize("acknowledged", [1, 7, 60])
def test_a_killed_writer_loses_no_acknowledged_episode(tmp_path: Path, acknowledged: int) -> None:
    path = tmp_path / "e.sqlite"
    process = writer(path, "a", 100_000)
    assert process.stdout is not None
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "ready\n"
    told = [process.stdout.readline().strip() for _ in range(acknowledged)]
    os.kill(process.pid, signal.SIGKILL)
    told += process.stdout.read().split("\n")[:-1]
    process.communicate()
    keys = keys_in(path)
    assert keys[: len(told)] == told
    assert len(keys) <= len(told) + 1
    store = SqliteStore(path)
    store.add(episode("next"))
    assert len(store) == len(keys) + 1
    store.close()
