"""`python -m sotopia_env.serve`: this machine only, until an interrupt, no trace but the store."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from sotopia_env import AgentProfile
from sotopia_env.store import SqliteStore


def serve(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sotopia_env.serve", "port=0", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={name: v for name, v in os.environ.items() if name != "SOTOPIA_STORE"},
    )


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_a_store_until_it_is_interrupted(
    tmp_path: Path, sent: signal.Signals
) -> None:
    with SqliteStore(tmp_path / "mine.sqlite") as store:
        store.save(AgentProfile(agent_id="A1", first_name="Al"))
    process = serve(tmp_path, "store.path=mine.sqlite")
    try:
        assert process.stdout is not None
        greeting = process.stdout.readline()
        address = greeting.partition(" at ")[2].partition(";")[0]
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{address}/agents") as answer:
            assert [one["pk"] for one in json.load(answer)] == ["A1"]
        process.send_signal(sent)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["mine.sqlite"]


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ("host=0.0.0.0", "tokens are not there yet"),
        ("host=localhost", "tokens are not there yet"),
        ("port=70000", "port must be from 0 to 65535"),
        ("port=taken", "setting port"),
    ],
)
def test_what_cannot_be_served_is_refused_and_leaves_nothing(
    tmp_path: Path, argument: str, reason: str
) -> None:
    process = serve(tmp_path, argument)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert reason in said
    assert [*tmp_path.iterdir()] == []


def test_a_store_that_cannot_be_opened_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("This is no data base, it is a letter to a friend.")
    for path in ("letter.txt", "letter.txt/s.sqlite", "."):
        process = serve(tmp_path, f"store.path={path}")
        _, said = process.communicate(timeout=60)
        assert process.returncode == 2
        assert said.startswith(f"error: cannot open the store {path}")
    assert [*tmp_path.iterdir()] == [letter]
    assert "letter to a friend" in letter.read_text()


def test_a_port_that_somebody_has_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = serve(tmp_path, f"port={taken.getsockname()[1]}")
        _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "cannot be had: Address already in use" in said
    assert [*tmp_path.iterdir()] == []
