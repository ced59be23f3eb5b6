"""The shipped scenarios and characters: enough of them, valid, playable, and no two alike."""

import json
from collections import Counter
from itertools import pairwise

import pytest
from published_data import DATA, needs_data

from sotopia_env import EnvironmentProfile, RelationshipType, parallel_env, scenario_ids
from sotopia_env.auditing import unread_passages
from sotopia_env.markup import parse
from sotopia_env.scenarios import library
from sotopia_env.scenarios.fitting import fits
from sotopia_env.scenarios.similarity import NEAR, Pair, masked, sequences, similarity
from sotopia_env.testing import near_duplicates

PUBLISHED = DATA / "sotopia"
KINDS = {"negotiation", "exchange", "persuasion", "accommodation", "competition", "collaboration"}
SCENARIOS = library.scenarios()
CHARACTERS = library.characters()


def test_there_are_enough_scenarios_of_every_kind_and_relationship() -> None:
    assert len(SCENARIOS) >= 90
    assert set(scenario_ids()) >= set(SCENARIOS)
    by_kind = Counter(profile.tag for profile in SCENARIOS.values())
    assert set(by_kind) == KINDS
    assert min(by_kind.values()) >= 15
    by_relationship = Counter(profile.relationship for profile in SCENARIOS.values())
    assert set(by_relationship) == set(RelationshipType)
    assert min(by_relationship.values()) >= 14


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_is_sound(name: str) -> None:
    profile = SCENARIOS[name]
    assert profile.codename == profile.scenario_id == name
    assert profile.source == "sotopia-env"
    assert len(profile.agent_goals) >= 2
    ranges = profile.age_ranges
    assert ranges is not None
    assert len(ranges) == len(profile.agent_goals)
    assert all(18 <= low < high <= 70 for low, high in ranges)
    assert unread_passages(profile) == []
    for text in (profile.scenario, *profile.agent_goals):
        parse(text)
        assert text == text.strip()
        assert "  " not in text


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_has_five_settings_of_people_who_fit(name: str) -> None:
    profile = SCENARIOS[name]
    pairings = library.pairings_for(name)
    assert len(pairings) == 5 or len(profile.agent_goals) > 2
    assert len({pairing.agent_ids for pairing in pairings}) == len(pairings) >= 1
    for pairing in pairings:
        people = [CHARACTERS[agent_id] for agent_id in pairing.agent_ids]
        assert fits(profile, people)
        ties = {
            frozenset((t.agent_1_id, t.agent_2_id)): t.relationship for t in library.relationships()
        }
        known = [
            ties.get(frozenset((one, other)))
            for n, one in enumerate(pairing.agent_ids)
            for other in pairing.agent_ids[:n]
        ]
        assert profile.relationship in known
        assert set(known) <= {profile.relationship, None}


def test_there_are_forty_different_characters() -> None:
    assert len(CHARACTERS) == 40
    for field in ("name", "first_name", "public_info", "secret", "personality_and_values"):
        assert len({getattr(person, field) for person in CHARACTERS.values()}) == 40, field
    for person in CHARACTERS.values():
        assert 18 <= person.age <= 70
        for name, value in person.model_dump().items():
            assert value or name in ("model_id", "tag"), (person.name, name)
        assert person.secret not in person.public_info
    assert not all(person.name.isascii() for person in CHARACTERS.values())


def test_relationships_are_of_known_people_no_pair_twice_and_of_every_type() -> None:
    ties = library.relationships()
    pairs = [frozenset((tie.agent_1_id, tie.agent_2_id)) for tie in ties]
    assert len(set(pairs)) == len(pairs) >= 120
    assert all(len(pair) == 2 and pair <= set(CHARACTERS) for pair in pairs)
    assert min(Counter(tie.relationship for tie in ties).values()) >= 14
    for tie in ties:
        assert tie.background_story
        for agent_id in (tie.agent_1_id, tie.agent_2_id):
            assert CHARACTERS[agent_id].secret not in tie.background_story


def test_the_lists_hold_shipped_scenarios() -> None:
    lists = library.lists()
    assert set(lists) == {"all", "hard", "cooperative", "competitive"}
    assert len(lists["hard"].scenario_ids) == 14
    assert len(lists["all"].scenario_ids) == len(SCENARIOS)
    for chosen in lists.values():
        assert len(set(chosen.scenario_ids)) == len(chosen.scenario_ids) >= 14
        assert set(chosen.scenario_ids) <= set(SCENARIOS)
    assert not set(lists["cooperative"].scenario_ids) & set(lists["competitive"].scenario_ids)


# -- no two alike --------------------------------------------------------------------------------

SALE = "Ada sells 3 lamps at the market in Ghent. Bram wants the lamps for at most 40 euros."


def scenario(text: str, identity: str = "") -> EnvironmentProfile:
    return EnvironmentProfile(
        scenario_id=identity, scenario=text, agent_goals=("Sell the lamps.", "Buy the lamps.")
    )


def test_names_numbers_and_things_are_masked() -> None:
    assert masked("Ada sells 3 lamps at the market in Ghent.") == (
        "ada", "sells", "#", "_", "at", "the", "_", "in", "@",
    )  # fmt: skip
    assert masked(SALE) == masked(SALE.replace("lamps", "chairs").replace("40", "ninety"))


def test_a_scenario_with_other_people_numbers_and_things_is_found() -> None:
    twin = SALE.replace("lamps", "kayaks").replace("Ghent", "Oslo").replace("3", "12")
    assert similarity(scenario(SALE), scenario(twin)) == 1.0
    other = "Two climbers wait for the weather to clear, and one has lost a glove."
    assert similarity(scenario(SALE), scenario(other)) < NEAR
    three = [scenario(SALE, "sale"), scenario(other, "climb"), scenario(twin, "twin")]
    assert near_duplicates(three) == [Pair("sale", "twin", 1.0)]


def test_no_two_scenarios_are_near_duplicates_when_masked() -> None:
    assert near_duplicates(SCENARIOS.values()) == []
    assert near_duplicates(SCENARIOS.values(), 0.15) == []


@needs_data
def test_nothing_is_copied_from_the_published_set() -> None:
    theirs = [
        json.loads(line)
        for line in (PUBLISHED / "environment_profiles.jsonl").read_text("utf-8").splitlines()
    ]
    published = [
        EnvironmentProfile(
            scenario_id=row["env_id"], scenario=row["scenario"], agent_goals=row["agent_goals"]
        )
        for row in theirs
    ]
    assert len(near_duplicates(published)) > 10  # the measure finds what is alike
    known = [sequences(profile) for profile in published]
    for name, own in SCENARIOS.items():
        mine = sequences(own)
        assert max(len(mine & other) / len(mine | other) for other in known) < 0.1, name
    texts = [json.dumps(row) for row in theirs]
    texts += (PUBLISHED / "agent_profiles.jsonl").read_text("utf-8").splitlines()
    copied = {six for text in texts for six in _sixes(text)}
    for record in (*SCENARIOS.values(), *CHARACTERS.values(), *library.relationships()):
        for name, value in record.model_dump().items():
            if isinstance(value, str) and name != "big_five":  # which has a fixed form
                assert not copied & set(_sixes(value)), value
    names = {f"{row['first_name']} {row['last_name']}" for row in _published_agents()}
    assert not names & {person.name for person in CHARACTERS.values()}


def _published_agents() -> list[dict[str, str]]:
    lines = (PUBLISHED / "agent_profiles.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _sixes(text: str) -> list[tuple[str, ...]]:
    words = text.lower().split()
    return [tuple(words[at : at + 6]) for at in range(len(words) - 5)]


def test_a_shipped_scenario_is_played_by_its_name_with_people_who_suit_it() -> None:
    env = parallel_env("borrow_money")
    observations, infos = env.reset(seed=0)
    people = [CHARACTERS[a] for a in library.pairings_for("borrow_money")[0].agent_ids]
    assert list(env.transcript.names.values()) == [person.name for person in people]
    assert people[0].secret in observations["agent_0"]["text"]
    assert people[1].secret not in observations["agent_0"]["text"]
    assert people[1].public_info in observations["agent_0"]["text"]  # they are friends
    again, _ = parallel_env("borrow_money").reset(seed=5)
    assert [o["text"] for o in again.values()] == [o["text"] for o in observations.values()]
    assert all(infos[seat]["goal"] for seat in infos)


def test_the_people_of_different_scenarios_differ() -> None:
    first = [library.pairings_for(name)[0].agent_ids for name in SCENARIOS]
    assert len({person for ids in first for person in ids}) >= 30
    assert sum(one == other for one, other in pairwise(first)) <= 2
