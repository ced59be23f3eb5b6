"""Records in their published forms: nothing lost, nothing guessed, every refusal says where."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from sotopia_env import AgentProfile, EnvironmentProfile, RelationshipType
from sotopia_env.errors import FormatError
from sotopia_env.formats import (
    FORMS,
    CustomDimension,
    CustomDimensionList,
    read_jsonl,
    read_local,
    read_settings,
    write_jsonl,
    write_local,
    write_settings,
)
from sotopia_env.formats.record_files import local_path
from sotopia_env.games.price_negotiation import PriceParams
from sotopia_env.profiles import Pairing, RelationshipProfile, ScenarioList

AGENTS, ENVIRONMENTS, RELATIONSHIPS = (
    FORMS[kind] for kind in ("agents", "environments", "relationships")
)
AGENT_LINE = (
    '{"agent_id": "01H5TNE5PBXGRD41HXQC1ZXHVN", "first_name": "Ethan", "last_name": "Johnson", '
    '"age": 34, "occupation": "Chef", "gender": "Man", "gender_pronoun": "He/him", '
    '"public_info": "Cooks.", "big_five": "Openness - High", "moral_values": ["Fairness"], '
    '"schwartz_personal_values": ["Power"], "personality_and_values": "Bold.", '
    '"decision_making_style": "Analytical", "secret": "None.", "mbti": "ENTP"}'
)
ENVIRONMENT_LINE = (
    '{"env_id": "e", "codename": "loan", "source": "hand-craft", "scenario": "A tea party.", '
    '"agent_goals": ["Borrow (<extra_info>$10</extra_info>)", "Do not lend"], '
    '"relationship": "3", "age_constraint": "[(18, 70), (18, 70)]", '
    '"occupation_constraint": "nan", "agent_constraint": "none"}'
)
RELATIONSHIP_LINE = (
    '{"relationship_id": "r", "agent1_id": "a", "agent2_id": "b", "relationship": "4", '
    '"background_story": "They met."}'
)
PAIRING_LINE = '{"combo_id": "c", "env_id": "e", "agent_ids": ["a", "b"]}'
LIST_LINE = '{"pk": "l", "name": "mine", "environments": ["e", "f"], "agent_index": ["0", "1"]}'
DIMENSION_LINE = (
    '{"pk": "d", "name": "transactivity", "description": "Do they build on each other?", '
    '"range_high": 10, "range_low": 0}'
)
DIMENSION_LIST_LINE = '{"pk": "dl", "name": "teamwork", "dimension_pks": ["d"]}'
LINES = [
    ("agents", AGENT_LINE),
    ("agents", AGENT_LINE.replace("}", ', "model_id": ""}')),
    ("agents", AGENT_LINE.replace("}", ', "model_id": "gpt-4", "tag": "t", "hobby": ["tea"]}')),
    ("environments", ENVIRONMENT_LINE),
    ("relationships", RELATIONSHIP_LINE),
    ("pairings", PAIRING_LINE),
    ("lists", LIST_LINE),
    ("lists", LIST_LINE.replace('["0", "1"]', "null")),
    ("dimensions", DIMENSION_LINE),
    ("dimension lists", DIMENSION_LIST_LINE),
]


@pytest.mark.parametrize(("kind", "line"), LINES)
def test_a_published_line_comes_back_as_it_was_key_order_included(kind: str, line: str) -> None:
    form: Any = FORMS[kind]
    assert json.dumps(form.write(form.read(line))) == line
    assert write_jsonl(form, read_jsonl(form, f"{line}\n")) == f"{line}\n"


def test_a_line_means_what_it_says() -> None:
    profile = ENVIRONMENTS.read(ENVIRONMENT_LINE)
    assert profile == EnvironmentProfile(
        scenario_id="e",
        codename="loan",
        source="hand-craft",
        scenario="A tea party.",
        agent_goals=("Borrow (<extra_info>$10</extra_info>)", "Do not lend"),
        relationship=RelationshipType.friend,
        age_constraint="[(18, 70), (18, 70)]",
        occupation_constraint="nan",
    )
    assert RELATIONSHIPS.read(RELATIONSHIP_LINE) == RelationshipProfile(
        relationship_id="r",
        agent_1_id="a",
        agent_2_id="b",
        relationship=RelationshipType.romantic_relationship,
        background_story="They met.",
    )
    assert FORMS["lists"].read(LIST_LINE) == ScenarioList(
        list_id="l", name="mine", scenario_ids=("e", "f"), seats=("0", "1")
    )
    assert FORMS["dimensions"].read(DIMENSION_LINE) == CustomDimension(
        dimension_id="d",
        name="transactivity",
        description="Do they build on each other?",
        low=0,
        high=10,
    )
    assert FORMS["dimension lists"].read(DIMENSION_LIST_LINE) == CustomDimensionList(
        list_id="dl", name="teamwork", dimension_ids=("d",)
    )


def test_b10_the_local_file_of_a_scenario_has_the_published_keys_and_values(tmp_path: Path) -> None:
    ((name, text),) = write_local(ENVIRONMENTS, [ENVIRONMENTS.read(ENVIRONMENT_LINE)]).items()
    assert name == "EnvironmentProfile/e.json"
    assert text.startswith('{\n  "pk": "e",\n  "codename": "loan",')
    assert list(json.loads(text).items()) == [
        ("pk", "e"),
        ("codename", "loan"),
        ("source", "hand-craft"),
        ("scenario", "A tea party."),
        ("agent_goals", ["Borrow (<extra_info>$10</extra_info>)", "Do not lend"]),
        ("relationship", 3),
        ("age_constraint", "[(18, 70), (18, 70)]"),
        ("occupation_constraint", "nan"),
        ("agent_constraint", None),
        ("game_metadata", None),
        ("tag", ""),
    ]


@pytest.mark.parametrize(("kind", "line"), LINES)
def test_b10_a_record_written_to_the_local_layout_is_read_back_equal(
    kind: str, line: str, tmp_path: Path
) -> None:
    form: Any = FORMS[kind]
    record = form.read(line)
    for name, text in write_local(form, [record]).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert name.startswith(f"{form.folder}/")
        assert json.dumps(form.write(form.read(text), "local"), indent=2) == text
    assert read_local(form, tmp_path) == [record]


@pytest.mark.parametrize(
    ("change", "value"),
    [
        (("relationship", 3), RelationshipType.friend),
        (("relationship", "0"), RelationshipType.stranger),
        (("agent_constraint", None), None),
        (("agent_constraint", "nan"), None),
        (("agent_constraint", [["a", "b"], []]), (("a", "b"), ())),
        (("age_constraint", None), None),
        (("age_constraint", "none"), "none"),
        (("age_constraint", [[18, 70], [21, 30]]), "[(18, 70), (21, 30)]"),
        (("occupation_constraint", [["chef"], []]), "[['chef'], []]"),
        (("game_metadata", {"mode": 1}), {"mode": 1}),
        (("tag", "x"), "x"),
    ],
)
def test_variants_of_a_scenario_are_read(change: tuple[str, Any], value: Any) -> None:
    line = {**json.loads(ENVIRONMENT_LINE), change[0]: change[1]}
    assert getattr(ENVIRONMENTS.read(line), change[0]) == value


def test_older_and_newer_spellings_of_keys_and_missing_optional_ones_are_read() -> None:
    bare = EnvironmentProfile(scenario_id="e", scenario="S")
    assert ENVIRONMENTS.read({"pk": "e", "scenario": "S"}) == bare
    assert AGENTS.read({"pk": "a", "first_name": "A"}) == AgentProfile(agent_id="a", first_name="A")
    newer = json.loads(RELATIONSHIP_LINE)
    newer = {"pk": newer.pop("relationship_id"), "tag": "", **newer}
    newer |= {"agent_1_id": newer.pop("agent1_id"), "agent_2_id": newer.pop("agent2_id")}
    assert RELATIONSHIPS.read(newer) == RELATIONSHIPS.read(RELATIONSHIP_LINE)
    assert FORMS["pairings"].read({"env_id": "e", "agent_ids": ["a"]}).pairing_id == ""


def test_what_the_lines_have_no_key_for_follows_only_where_it_holds_something() -> None:
    price = PriceParams(
        item="lamp",
        currency="euros",
        roles=("seller", "buyer"),
        reservations=(40, 60),
        targets=(80, 20),
        low=1,
        high=100,
        deadline=6,
    )
    full = EnvironmentProfile(
        scenario_id="price_negotiation/train/3",
        scenario="A sale.",
        agent_names=("Ada", "Bo"),
        agent_constraint=(("a", "b"),),
        game_metadata={"mode": [1, None]},
        tag="t",
        game=price,
    )
    line = ENVIRONMENTS.write(full)
    assert list(line)[9:] == ["game_metadata", "tag", "agent_names", "game"]
    assert line["agent_constraint"] == [["a", "b"]]
    back = ENVIRONMENTS.read(json.dumps(line))
    assert back.game is not None
    assert PriceParams.model_validate_json(back.game.model_dump_json()) == price
    assert back.model_copy(update={"game": price}) == full
    plain = ENVIRONMENTS.write(EnvironmentProfile(scenario_id="e", scenario="S"))
    assert list(plain) == list(json.loads(ENVIRONMENT_LINE))
    assert plain["age_constraint"] is None


def test_what_the_original_exporter_drops_or_refuses_survives() -> None:
    bond = RelationshipProfile(
        agent_1_id="a", agent_2_id="b", relationship=RelationshipType.stranger, tag="t"
    )
    assert bond.background_story is None
    assert RELATIONSHIPS.read(json.dumps(RELATIONSHIPS.write(bond))) == bond
    own = CustomDimension(
        dimension_id="d", name="n", description="", low=0, high=1, code="NEW", bands=("0 no",)
    )
    assert FORMS["dimensions"].read(json.dumps(FORMS["dimensions"].write(own))) == own


TEXT = st.text(max_size=30)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
PEOPLE = st.builds(
    AgentProfile,
    agent_id=TEXT,
    first_name=TEXT,
    last_name=TEXT,
    age=st.integers(-(2**60), 2**60),
    occupation=TEXT,
    moral_values=TEXTS,
    schwartz_personal_values=TEXTS,
    secret=TEXT,
    model_id=TEXT,
    mbti=TEXT,
    tag=TEXT,
    hobby=st.one_of(st.none(), TEXT, st.lists(st.integers(), max_size=2)),
)
SITUATIONS = st.builds(
    EnvironmentProfile,
    scenario_id=TEXT,
    scenario=TEXT,
    agent_goals=TEXTS,
    agent_names=TEXTS,
    relationship=st.sampled_from(RelationshipType),
    age_constraint=st.one_of(st.none(), st.sampled_from(["none", "nan", "", "[(1, 2)]"]), TEXT),
    occupation_constraint=st.one_of(st.none(), TEXT),
    agent_constraint=st.one_of(st.none(), st.lists(TEXTS, max_size=2).map(tuple)),
    game_metadata=st.one_of(st.none(), st.dictionaries(TEXT, st.none() | TEXT, max_size=2)),
    tag=TEXT,
)


@given(record=st.one_of(PEOPLE, SITUATIONS))
def test_any_object_survives_both_forms(record: BaseModel) -> None:
    form: Any = next(form for form in FORMS.values() if form.model is type(record))
    assert form.read(json.dumps(form.write(record))) == record
    assert form.read(json.dumps(form.write(record, "local"))) == record


@pytest.mark.parametrize(
    ("kind", "line", "reason"),
    [
        ("agents", AGENT_LINE[:-20], "agent.jsonl line 2: is no complete JSON"),
        ("agents", "[1]", "line 2: an object is expected, got list [1]; remove it"),
        ("agents", '{"first_name": "A"}', "line 2: key 'agent_id' is missing; add it or remove"),
        ("agents", '{"agent_id": "a"}', "line 2: key 'first_name' is missing"),
        ("agents", '{"agent_id": "a", "first_name": 3}', "line 2: first_name: Input should be a"),
        ("agents", '{"agent_id": "a", "first_name": "A", "age": "34"}', "age: Input should be"),
        ("agents", '{"agent_id": "a", "pk": "b", "first_name": "A"}', "'pk' is given twice"),
        ("agents", '{"agent_id": "a", "first_name": "A", "age": NaN}', "NaN is no JSON"),
        ("agents", '{"agent_id": "a", "first_name": "A", "x": -1e999}', "-1e999 is too large"),
        (
            "agents",
            '{"agent_id": "a", "first_name": "A", "first_name": "A"}',
            "'first_name' stands",
        ),
        ("agents", '{"agent_id": "a", "first_name": "\\ud800"}', "line 2: "),
        (
            "agents",
            f'{{"agent_id": "a", "x": {"[" * 300}{"]" * 300}}}',
            "line 2: is nested too deep",
        ),
        ("agents", "[" * 100_000, "line 2: is nested too deeply"),
        ("environments", '{"env_id": "e"}', "key 'scenario' is missing"),
        ("environments", '{"env_id": "e", "scenario": "S", "x": 1}', "unknown key 'x'"),
        ("environments", '{"scenario_id": "e", "scenario": "S"}', "unknown key 'scenario_id'"),
        (
            "environments",
            '{"env_id": "e", "scenario": "S", "relationship": "friend"}',
            "line 2: relationship: 'friend' is none; use '0' to '5'",
        ),
        (
            "environments",
            '{"env_id": "e", "scenario": "S", "relationship": 6}',
            "line 2: relationship: Input should be 0, 1, 2, 3, 4 or 5, got 6; correct the value",
        ),
        (
            "environments",
            '{"env_id": "e", "scenario": "S", "agent_constraint": "everybody"}',
            "agent_constraint: Input should be a valid",
        ),
        ("relationships", RELATIONSHIP_LINE.replace("agent1", "x"), "'agent1_id' is missing"),
        ("pairings", '{"combo_id": "c", "agent_ids": []}', "key 'env_id' is missing"),
        ("pairings", '{"env_id": "e", "agent_ids": "a"}', "agent_ids: Input should be a valid"),
        ("dimensions", DIMENSION_LINE.replace("10", "0"), "low 0 must be below high 0"),
    ],
)
def test_what_is_no_such_record_is_refused_with_place_key_and_remedy(
    kind: str, line: str, reason: str
) -> None:
    good = dict(LINES)[kind]
    with pytest.raises(FormatError) as refused:
        read_jsonl(FORMS[kind], f"{good}\n{line}\n", "agent.jsonl")
    assert reason in str(refused.value)
    assert str(refused.value).startswith("agent.jsonl line 2: ")
    assert "; " in str(refused.value)


def test_b25_a_list_with_another_number_of_seats_than_scenarios_is_refused() -> None:
    with pytest.raises(ValueError, match="Number of environments 2 and agent_index 1 do not match"):
        FORMS["lists"].read(LIST_LINE.replace('["0", "1"]', '["0"]'))


def test_an_id_that_stands_twice_is_refused_with_both_places() -> None:
    with pytest.raises(FormatError, match="f line 3: id 'c' stands in f line 1 too; remove one"):
        read_jsonl(FORMS["pairings"], f"{PAIRING_LINE}\n\n{PAIRING_LINE}\n", "f")


def test_a_line_separator_of_unicode_does_not_end_a_line() -> None:
    line = AGENT_LINE.replace("Cooks.", "Cooks.\u2028Eats.\x85")
    (agent,) = read_jsonl(AGENTS, line.replace("\n", "\r\n"))
    assert agent.public_info == "Cooks.\u2028Eats.\x85"


@pytest.mark.parametrize("identity", ["../../../x", "/etc/x", "..", ".hidden", "a/b", "a\\b", "%"])
def test_an_id_leads_to_no_file_outside_its_folder_and_is_read_back(
    identity: str, tmp_path: Path
) -> None:
    agent = AgentProfile(agent_id=identity, first_name="A")
    ((name, text),) = write_local(AGENTS, [agent]).items()
    path = (tmp_path / name).resolve()
    assert path.parent == (tmp_path / "AgentProfile").resolve()
    assert not path.name.startswith(".")
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    assert read_local(AGENTS, tmp_path) == [agent]


def test_an_id_that_makes_no_file_name_and_a_field_with_a_published_name_are_refused() -> None:
    for identity in ("", "x" * 300):
        with pytest.raises(FormatError, match="makes no file name; give it another id"):
            local_path("AgentProfile", identity)
    with pytest.raises(FormatError, match="a further field has a published name"):
        AGENTS.write(AgentProfile.model_validate({"first_name": "A", "pk": "b"}))
    with pytest.raises(FormatError, match="AgentProfile '': has no form in JSON"):
        write_jsonl(AGENTS, [AgentProfile.model_validate({"first_name": "A", "x": float("inf")})])


def test_b14_the_list_of_settings_of_the_benchmark_is_read_and_written() -> None:
    text = '[{"env_id": "e", "agent_ids": ["a", "b"]}, {"env_id": "f", "agent_ids": ["b", "a"]}]'
    rows = read_settings(text)
    assert rows == [
        Pairing(scenario_id="e", agent_ids=("a", "b")),
        Pairing(scenario_id="f", agent_ids=("b", "a")),
    ]
    assert write_settings(rows) == text
    with pytest.raises(FormatError, match="an array is expected, got dict"):
        read_settings("{}")
    with pytest.raises(FormatError, match=r"row 2: key 'agent_ids' is missing"):
        read_settings('[{"env_id": "e", "agent_ids": []}, {"env_id": "f"}]')
