"""The published set: it imports whole, each of its 450 settings plays, and it comes back same."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from published_data import DATA, needs_data

from sotopia_env import (
    AgentProfile,
    BenchmarkSampler,
    ConstraintSampler,
    EnvironmentProfile,
    parallel_env,
    run_episodes,
)
from sotopia_env.auditing import unread_passages
from sotopia_env.formats import HARD_IDS
from sotopia_env.profiles import Pairing, RelationshipProfile, ScenarioList
from sotopia_env.runner import Task
from sotopia_env.scenarios.fitting import fitting_groups
from sotopia_env.scenarios.samplers import Setting
from sotopia_env.store import SqliteStore

PUBLISHED = DATA / "sotopia"
FILES = {
    "agent_profiles.jsonl": 40,
    "environment_profiles.jsonl": 90,
    "relationship_profiles.jsonl": 120,
    "env_agent_combo_storages.jsonl": 450,
}

pytestmark = needs_data


def rows(name: str) -> list[dict[str, Any]]:
    lines = (PUBLISHED / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def formats(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sotopia_env.formats", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the published set in its default store."""
    folder = tmp_path_factory.mktemp("published")
    done = formats(folder, "source=sotopia", f"path={PUBLISHED}")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def store(imported: Path) -> Any:
    with SqliteStore(imported / "outputs/store.sqlite") as opened:
        yield opened


def test_the_published_set_imports_whole(store: SqliteStore) -> None:
    kinds = (AgentProfile, EnvironmentProfile, RelationshipProfile, Pairing)
    for kind, count in zip(kinds, FILES.values(), strict=True):
        assert len(store.find(kind)) == count, kind
    hard = [chosen for chosen in store.find(ScenarioList) if "hard" in chosen.name]
    assert len(hard) == 1
    assert set(hard[0].scenario_ids) == set(HARD_IDS)


def test_an_export_gives_back_the_same_records(imported: Path) -> None:
    done = formats(imported, "direction=export", "path=back")
    assert done.returncode == 0, done.stderr
    given_back = {}
    for path in (imported / "back").rglob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            given_back[line] = path.name
    for name in FILES:
        for row in rows(name):
            # as JSON with the same keys in the same order; how a line is spaced does not matter
            assert any(
                json.dumps(row, ensure_ascii=ascii_only) in given_back
                for ascii_only in (True, False)
            ), row


# -- all 450 settings ----------------------------------------------------------------------------


def settings_of(store: SqliteStore) -> list[Setting]:
    people = {person.agent_id: person for person in store.find(AgentProfile)}
    scenarios = {profile.scenario_id: profile for profile in store.find(EnvironmentProfile)}
    everything = ScenarioList(name="all", scenario_ids=tuple(scenarios))
    sampler = BenchmarkSampler(
        scenarios=scenarios,
        characters=people,
        pairings=store.find(Pairing),
        scenario_list=everything,
    )
    return [setting for setting in sampler.settings if setting.tested_seat == 0]


def test_every_setting_plays_to_its_end_with_scripted_agents_in_both_seat_orders(
    store: SqliteStore,
) -> None:
    settings = settings_of(store)
    assert len(settings) == 450
    tasks = [
        Task(
            scenario=setting.scenario,
            characters=characters,
            agents=("scripted:talker", "scripted:talker"),
            seed=number,
        )
        for number, setting in enumerate(settings)
        for characters in (setting.characters, setting.characters[::-1])
    ]
    episodes = asyncio.run(run_episodes(tasks))
    assert len(episodes) == 900
    assert {episode.status for episode in episodes} == {"ok"}
    assert {episode.outcome for episode in episodes} <= {"left", "stale", "turn limit"}
    assert all(len(episode.turns) > 2 for episode in episodes)


GENDERS = {"Man": "male", "Woman": "female", "Nonbinary": "nonbinary"}


def told_of(row: dict[str, Any], relationship: int, *, own: bool) -> str:
    """A background line, from the published record and the published rules, by hand."""
    name = f"{row['first_name']} {row['last_name']}"
    public = (
        f"{name} is a {row['age']}-year-old {GENDERS.get(row['gender'], '')} "
        f"{row['occupation'].lower()}. {row['gender_pronoun']} pronouns. {row['public_info']} "
    )
    traits = f"Personality and values description: {row['personality_and_values']} "
    if own:
        return f"{public}{traits}{row['first_name']}'s secrets: {row['secret']}"
    return ["Unknown", name, public, public + traits, public + traits, public + traits][
        relationship
    ]


def test_first_observations_agree_with_the_relationship_rules(store: SqliteStore) -> None:
    people = {row["agent_id"]: row for row in rows("agent_profiles.jsonl")}
    relations = {
        row["env_id"]: int(row["relationship"]) for row in rows("environment_profiles.jsonl")
    }
    assert set(relations.values()) == set(range(5))  # it has no family
    for setting in settings_of(store):
        relationship = relations[setting.scenario.scenario_id]
        for characters in (setting.characters, setting.characters[::-1]):
            env = parallel_env(setting.scenario, agents=characters)
            observations, infos = env.reset(seed=0)
            names = [character.name for character in characters]
            for seat, own_name in enumerate(names):
                lines = observations[f"agent_{seat}"]["text"]
                for other, character in enumerate(characters):
                    told = told_of(people[character.agent_id], relationship, own=other == seat)
                    assert f"\n{names[other]}'s background: {told}\n" in lines
                    is_known = f"\n{names[other]}'s goal: Unknown" not in lines
                    assert is_known == (other == seat), own_name
                assert infos[f"agent_{seat}"]["goal"]


def test_hints_and_hidden_parts_of_the_published_scenarios_are_rendered(store: SqliteStore) -> None:
    for profile in store.find(EnvironmentProfile):
        assert unread_passages(profile) == [], profile.codename
        env = parallel_env(profile, agents=[person("Ann"), person("Bob")])
        observations, infos = env.reset(seed=0)
        for seat, observation in observations.items():
            for tag in ("extra_info", "hint>", "<p", "viewer", "root"):
                assert tag not in observation["text"], (profile.codename, seat)
            goal = profile.agent_goals[int(seat[-1])]
            if "Extra information" in goal:
                assert "Extra information" in infos[seat]["goal"]


def person(name: str) -> AgentProfile:
    return AgentProfile(first_name=name, last_name="X")


def test_one_sampler_over_the_whole_published_set_draws_each_of_its_settings(
    store: SqliteStore,
) -> None:
    scenarios, ties = store.find(EnvironmentProfile), store.find(RelationshipProfile)
    people = {person.agent_id: person for person in store.find(AgentProfile)}
    sampler = ConstraintSampler(scenarios, people.values(), ties)
    every = sum(len([*fitting_groups(profile, people, ties)]) for profile in scenarios)
    drawn = {
        (setting.scenario.scenario_id, *(c.agent_id for c in setting.characters))
        for setting in sampler.sample(every, np.random.default_rng(0), replacement=False)
    }
    assert len(drawn) == every
    published = {
        (row["env_id"], *row["agent_ids"]) for row in rows("env_agent_combo_storages.jsonl")
    }
    assert len(published) == 450
    assert published <= drawn
    known = {
        (*sorted((row["agent1_id"], row["agent2_id"])), int(row["relationship"]))
        for row in rows("relationship_profiles.jsonl")
    }
    asked = {row["env_id"]: int(row["relationship"]) for row in rows("environment_profiles.jsonl")}
    assert {(*sorted(pair), asked[scenario]) for scenario, *pair in drawn} <= known


def test_a_stored_scenario_is_played_by_its_id_with_the_people_of_its_first_pairing(
    imported: Path,
) -> None:
    program = (
        "from sotopia_env import parallel_env\n"
        f"env = parallel_env({HARD_IDS[0]!r})\n"
        "observations, infos = env.reset(seed=0)\n"
        "print(list(env.transcript.names.values()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=imported, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (pairing, *_) = [
        r for r in rows("env_agent_combo_storages.jsonl") if r["env_id"] == HARD_IDS[0]
    ]
    names = {
        r["agent_id"]: f"{r['first_name']} {r['last_name']}" for r in rows("agent_profiles.jsonl")
    }
    assert done.stdout.strip() == str([names[agent_id] for agent_id in pairing["agent_ids"]])
