"""Importing the package: quiet, offline, light, and without a trace."""

import json
import subprocess
import sys

HEAVY = (
    *("torch", "transformers", "trl", "datasets", "peft", "accelerate", "tokenizers", "vllm"),
    *("aiohttp", "hydra", "omegaconf", "rich", "pytest", "hypothesis", "matplotlib", "pyarrow"),
    *("requests", "httpx", "redis", "ray", "sotopia_trainers", "sotopia_tom"),
)

PROBE = f"""
import json, logging, os, random, sys, threading

happened = []
WATCHED = ("socket.", "subprocess.", "os.system", "os.fork", "os.posix_spawn",
           "os.mkdir", "os.rename", "os.remove", "tempfile.")

def watch(event, arguments):
    if event.startswith(WATCHED):
        happened.append(event)
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        happened.append(f"open {{arguments[0]}}")

sys.dont_write_bytecode = True
# gymnasium and pettingzoo set these themselves
os.environ.update(PYGAME_HIDE_SUPPORT_PROMPT="hide", SDL_AUDIODRIVER="dsp")
environment, handlers = dict(os.environ), list(logging.getLogger().handlers)
state = random.getstate()
sys.addaudithook(watch)

import sotopia_env
from sotopia_env import aec_env, parallel_env

print(json.dumps({{
    "heavy": [name for name in {HEAVY!r} if name in sys.modules],
    "happened": happened,
    "threads": threading.active_count(),
    "environment": environment == dict(os.environ),
    "handlers": handlers == logging.getLogger().handlers,
    "random": state == random.getstate(),
    "missing": [name for name in sotopia_env.__all__ if not hasattr(sotopia_env, name)],
    "sorted": sorted(sotopia_env.__all__) == list(sotopia_env.__all__),
}}))
"""


def test_importing_is_silent_offline_light_and_without_side_effects() -> None:
    probe = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROBE], capture_output=True, text=True, check=True
    )
    assert probe.stderr == ""
    (line,) = probe.stdout.splitlines()
    assert json.loads(line) == {
        "heavy": [],
        "happened": [],
        "threads": 1,
        "environment": True,
        "handlers": True,
        "random": True,
        "missing": [],
        "sorted": True,
    }


def test_playing_a_game_needs_nothing_heavy_either() -> None:
    program = f"""
import asyncio, sys
from sotopia_env import run_episodes
from sotopia_env.runner import Task
agents = ("scripted:boulware", "scripted:solver")
tasks = [Task(scenario=name, agents=agents, seed=0)
         for name in ("price_negotiation", "resource_allocation")]
assert all(episode.status == "ok" for episode in asyncio.run(run_episodes(tasks)))
assert not [name for name in {HEAVY!r} if name in sys.modules]
"""
    probe = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True
    )
    assert (probe.returncode, probe.stdout, probe.stderr) == (0, "", "")


def test_the_bare_import_loads_gymnasium_to_register_with_and_nothing_else() -> None:
    program = """
import sys
import gymnasium
before = set(sys.modules)
import sotopia_env
new = set(sys.modules) - before
assert new <= {
    "sotopia_env", "sotopia_env.registration", "sotopia_env.scenarios",
    "sotopia_env.scenarios.shipped",
}, new
assert "sotopia/price_negotiation-v0" in gymnasium.registry
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_public_name_is_there_and_no_other() -> None:
    program = """
import sotopia_env
assert set(sotopia_env._HOMES) == set(sotopia_env.__all__) <= set(dir(sotopia_env))
for name in sotopia_env.__all__:
    assert getattr(sotopia_env, name).__module__ == f"sotopia_env.{sotopia_env._HOMES[name]}"
try:
    sotopia_env.nothing
except AttributeError as error:
    assert "nothing" in str(error)
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-c", program], check=True)
