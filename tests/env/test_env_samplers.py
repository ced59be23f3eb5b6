"""Samplers: constraints honoured, with and without replacement, seeded; who cannot be served."""

import asyncio
from typing import Any

import numpy as np
import pytest

from sotopia_env import (
    AgentProfile,
    BenchmarkSampler,
    ConstraintSampler,
    EnvironmentProfile,
    RelationshipType,
    UniformSampler,
    parallel_env,
    run_episodes,
)
from sotopia_env.agents import agent_factory
from sotopia_env.errors import ConfigurationError, SamplingError, ScenarioError
from sotopia_env.formats.benchmark_lines import results_of
from sotopia_env.profiles import Pairing, RelationshipProfile, ScenarioList
from sotopia_env.runner import Cast, sampled_tasks
from sotopia_env.scenarios import library
from sotopia_env.scenarios.fitting import fits, fitting_groups
from sotopia_env.scenarios.samplers import Sampler, Setting


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def person(name: str, **fields: Any) -> AgentProfile:
    usual: dict[str, Any] = {
        "agent_id": name.lower(),
        "first_name": name,
        "last_name": "X",
        "age": 30,
    }
    return AgentProfile.model_validate(usual | fields)


def scenario(seats: int = 2, **fields: Any) -> EnvironmentProfile:
    usual: dict[str, Any] = {
        "scenario": "They meet.",
        "agent_goals": ("Talk.",) * seats,
        "relationship": 2,
        "codename": "meeting",
    }
    return EnvironmentProfile.model_validate(usual | fields)


def tie(one: str, other: str, relationship: int = 2) -> RelationshipProfile:
    return RelationshipProfile(agent_1_id=one, agent_2_id=other, relationship=relationship)


ADA, BRAM, CLEO, DARIO = map(person, ("Ada", "Bram", "Cleo", "Dario"))
PEOPLE = (ADA, BRAM, CLEO, DARIO)
TIES = (tie("ada", "bram"), tie("cleo", "dario"), tie("ada", "cleo", 3))


def ids(setting: Setting) -> tuple[str, ...]:
    return tuple(character.agent_id for character in setting.characters)


# -- uniform -------------------------------------------------------------------------------------


def test_b15_uniform_over_a_hundred_scenarios_and_characters_can_be_played() -> None:
    scenarios = [scenario(codename=f"s{n}", scenario=f"Place {n}.") for n in range(100)]
    people = [person(f"P{n}") for n in range(100)]
    for setting in UniformSampler(scenarios, people).sample(20, rng()):
        env = parallel_env(setting.scenario, agents=setting.characters)
        observations, _ = env.reset(seed=0)
        assert setting.scenario.scenario in observations["agent_0"]["text"]


def test_uniform_draws_every_scenario_and_pair_alike() -> None:
    sampler = UniformSampler([scenario(codename="a"), scenario(codename="b")], PEOPLE[:3])
    drawn = [(s.scenario.codename, ids(s)) for s in sampler.sample(2400, rng())]
    counts = {key: drawn.count(key) for key in set(drawn)}
    assert len(counts) == 2 * 6
    assert all(140 < count < 260 for count in counts.values())  # 200 each, 5 deviations around it


def test_without_replacement_no_setting_comes_twice_and_all_come_at_last() -> None:
    sampler = UniformSampler([scenario(), scenario(3)], PEOPLE)
    every = [(len(s.characters), ids(s)) for s in sampler.sample(12 + 24, rng(), replacement=False)]
    assert len(set(every)) == 36
    with pytest.raises(SamplingError, match="37 different settings asked for, there are 36"):
        next(iter(sampler.sample(37, rng(), replacement=False)))


@pytest.mark.parametrize(
    "sampler", [UniformSampler(), ConstraintSampler(), BenchmarkSampler("hard")], ids=type
)
def test_equal_seeds_draw_equal_settings(sampler: Sampler) -> None:
    for replacement in (True, False):
        first = list(sampler.sample(8, rng(3), replacement=replacement))
        assert first == list(sampler.sample(8, rng(3), replacement=replacement))


@pytest.mark.parametrize("size", [0, -1])
def test_nothing_cannot_be_drawn(size: int) -> None:
    for sampler in (UniformSampler(), ConstraintSampler(), BenchmarkSampler()):
        with pytest.raises(ConfigurationError, match="size must be at least 1"):
            next(iter(sampler.sample(size, rng())))


def test_no_candidates_and_too_few_characters_are_named() -> None:
    with pytest.raises(SamplingError, match="there is no scenario to choose from"):
        UniformSampler([], PEOPLE)
    with pytest.raises(SamplingError, match="meeting has 5 seats, and there are 4 characters"):
        next(iter(UniformSampler([scenario(5)], PEOPLE).sample(1, rng())))


# -- constraints ---------------------------------------------------------------------------------


@pytest.mark.parametrize("replacement", [True, False])
def test_b15_relationship_two_with_two_matching_pairs(replacement: bool) -> None:
    sampler = ConstraintSampler([scenario()], PEOPLE, TIES)
    drawn = {ids(s) for s in sampler.sample(4, rng(1), replacement=replacement)}
    every = {("ada", "bram"), ("bram", "ada"), ("cleo", "dario"), ("dario", "cleo")}
    assert drawn <= every
    if not replacement:
        assert drawn == every
        with pytest.raises(SamplingError, match="5 different settings asked for, 4 fit"):
            next(iter(sampler.sample(5, rng(), replacement=False)))


def test_every_shipped_setting_that_is_drawn_meets_every_constraint() -> None:
    ties = {
        frozenset((t.agent_1_id, t.agent_2_id)): t.relationship for t in library.relationships()
    }
    for setting in ConstraintSampler().sample(300, rng()):
        assert fits(setting.scenario, setting.characters)
        one, other = ids(setting)[:2]
        assert ties.get(frozenset((one, other)), setting.scenario.relationship) == (
            setting.scenario.relationship
        )
        assert len(setting.characters) == len(setting.scenario.agent_goals)


def test_ages_are_met_by_seat() -> None:
    old, young = person("Old", age=60), person("Young", age=20)
    sampler = ConstraintSampler(
        [scenario(age_constraint="[(50, 70), (18, 30)]")], [old, young], [tie("young", "old")]
    )
    assert {ids(s) for s in sampler.sample(10, rng())} == {("old", "young")}


def test_occupations_are_met_by_seat_whatever_their_case() -> None:
    chef, pilot = person("Cher", occupation="Chef"), person("Pia", occupation="Ferry Pilot")
    sampler = ConstraintSampler(
        [scenario(occupation_constraint="[[], ['chef', 'baker']]")],
        [chef, pilot],
        [tie("cher", "pia")],
    )
    assert {ids(s) for s in sampler.sample(10, rng())} == {("pia", "cher")}


@pytest.mark.parametrize("text", ["[['actor'], ['actor']]", "['Actor', 'ACTOR']"])
def test_occupations_are_read_as_they_are_written_here_and_there(text: str) -> None:
    assert scenario(occupation_constraint=text).occupations == (frozenset(["actor"]),) * 2


@pytest.mark.parametrize("text", ["[actor, actor]", "[Film maker,ACTOR]"])
def test_words_without_quotes_constrain_nobody_and_are_warned_of(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    sampler = ConstraintSampler([scenario(occupation_constraint=text)], PEOPLE, TIES)
    assert len({ids(s) for s in sampler.sample(4, rng(), replacement=False)}) == 4
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"occupation_constraint {text!r} of 'meeting'" in caplog.text
    assert "[['chef'], []]" in caplog.text


@pytest.mark.parametrize("text", ["chef", "[1, 2]", "[['chef'", "{'chef': 1}"])
def test_occupations_that_cannot_be_read_are_named(text: str) -> None:
    with pytest.raises(ScenarioError, match="occupation_constraint of 'meeting' must be a list"):
        _ = scenario(occupation_constraint=text).occupations


def test_explicit_groups_are_the_only_ones() -> None:
    sampler = ConstraintSampler([scenario(agent_constraint=[["bram", "ada"]])], PEOPLE, TIES)
    assert {ids(s) for s in sampler.sample(10, rng())} == {("bram", "ada")}


def test_candidates_outside_the_relationships_are_never_drawn() -> None:
    sampler = ConstraintSampler([scenario()], [ADA, BRAM], TIES)
    assert {frozenset(ids(s)) for s in sampler.sample(10, rng())} == {frozenset(("ada", "bram"))}


def test_a_pair_with_two_records_fits_scenarios_of_either_relationship() -> None:
    ties = [tie("ada", "bram", 0), tie("bram", "ada", 4), tie("cleo", "dario", 0)]
    both = {("ada", "bram"), ("bram", "ada")}
    for relationship, fitting in (
        (0, both | {("cleo", "dario"), ("dario", "cleo")}),
        (4, both),
    ):
        sampler = ConstraintSampler([scenario(relationship=relationship)], PEOPLE, ties)
        drawn = [ids(s) for s in sampler.sample(len(fitting), rng(), replacement=False)]
        assert set(drawn) == fitting
        assert len(drawn) == len(fitting)


def test_a_pair_with_two_records_may_be_part_of_a_circle_by_either() -> None:
    ties = [tie("ada", "bram"), tie("bram", "cleo"), tie("ada", "cleo", 2), tie("ada", "cleo", 0)]
    people = {p.agent_id: p for p in PEOPLE}
    assert [set(g) for g in fitting_groups(scenario(3), people, ties)] == [{"ada", "bram", "cleo"}]


def test_several_parties_are_tied_to_each_other_and_to_nobody_otherwise() -> None:
    ties = [tie("ada", "bram"), tie("bram", "cleo"), tie("cleo", "dario"), tie("ada", "cleo", 0)]
    groups = {
        frozenset(g) for g in fitting_groups(scenario(3), {p.agent_id: p for p in PEOPLE}, ties)
    }
    assert groups == {frozenset(("bram", "cleo", "dario"))}  # Ada and Cleo are strangers


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"relationship": 5}, "of 3 relationships 0 are family_member"),
        (
            {"age_constraint": "[(60, 70), (60, 70)]"},
            r"none of these pairs meets age_constraint='\[\(60",
        ),
        ({"occupation_constraint": "[['chef'], []]"}, "meets occupation_constraint="),
        ({"agent_constraint": [["ada", "dario"]]}, "meets agent_constraint="),
        (
            {"age_constraint": "[(1, 2), (1, 2)]", "occupation_constraint": "[['chef'], []]"},
            "no group of 2 of them meets all constraints",
        ),
    ],
)
def test_a_constraint_nobody_satisfies_is_named(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SamplingError, match=f"nobody fits meeting: .*{complaint}"):
        ConstraintSampler([scenario(**fields)], PEOPLE, TIES)


@pytest.mark.parametrize(
    "text", ["[18, 70]", "[(18,)]", "18 to 70", "{}", "__import__('os')", "[("]
)
def test_a_constraint_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(ScenarioError, match="age_constraint of 'meeting' must be a list such as"):
        ConstraintSampler([scenario(age_constraint=text)], PEOPLE, TIES)


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [
        ("age_constraint", "[(18, 70), (18, 70)]", 2),
        ("age_constraint", "[(18, 70), (18, 70), (18, 70), (18, 70)]", 4),
        ("occupation_constraint", "[[], []]", 2),
    ],
)
def test_a_constraint_for_another_number_of_seats_is_refused(
    name: str, text: str, count: int
) -> None:
    ties = [tie("ada", "bram"), tie("bram", "cleo")]
    with pytest.raises(
        ConfigurationError, match=f"{name} of 'meeting' is for {count} seats, and there are 3"
    ):
        ConstraintSampler([scenario(3, **{name: text})], PEOPLE, ties)


@pytest.mark.parametrize("text", ["nan", "", "none", None])
def test_no_constraint_is_written_in_several_ways(text: str | None) -> None:
    free = scenario(age_constraint=text, occupation_constraint=text)
    assert (free.age_ranges, free.occupations) == (None, None)


def test_characters_without_ids_of_their_own_cannot_be_matched() -> None:
    nameless = [person("Ada", agent_id=""), person("Bram", agent_id="")]
    with pytest.raises(ConfigurationError, match="need unique ids"):
        ConstraintSampler([scenario()], nameless, TIES)


# -- benchmark lists -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["hard", "all", "cooperative", "competitive"])
def test_a_list_gives_its_settings_in_order_and_begins_again(name: str) -> None:
    sampler = BenchmarkSampler(name)
    settings = sampler.settings
    scenarios = library.lists()[name].scenario_ids
    assert [s.scenario.scenario_id for s in settings[::5]][:3] == list(scenarios[:3])
    drawn = list(sampler.sample(len(settings) + 2, rng()))
    assert drawn == [*settings, *settings[:2]]
    with pytest.raises(SamplingError, match="the list has"):
        next(iter(sampler.sample(len(settings) + 1, rng(), replacement=False)))


def listed(*seats: str) -> BenchmarkSampler:
    """Of two scenarios, each with one pair; `seats` are the tested ones, none leaves them open."""
    return BenchmarkSampler(
        scenarios={name: scenario(scenario_id=name) for name in ("s", "t")},
        characters={p.agent_id: p for p in PEOPLE},
        pairings=[
            Pairing(scenario_id="s", agent_ids=("ada", "bram")),
            Pairing(scenario_id="t", agent_ids=("cleo", "dario")),
        ],
        scenario_list=ScenarioList(name="mine", scenario_ids=("s", "t"), seats=seats or None),
    )


def test_a_list_of_one_s_own_fixes_the_tested_seat() -> None:
    settings = listed("1", "0").settings
    assert [(s.tested_seat, ids(s)) for s in settings] == [
        (1, ("ada", "bram")),
        (0, ("cleo", "dario")),
    ]


def test_a_list_that_fixes_no_seat_tests_first_one_and_then_the_other() -> None:
    assert [(s.tested_seat, ids(s)) for s in listed().settings] == [
        (0, ("ada", "bram")),
        (0, ("cleo", "dario")),
        (1, ("ada", "bram")),
        (1, ("cleo", "dario")),
    ]


def test_of_three_parties_each_seat_is_tested() -> None:
    sampler = BenchmarkSampler(
        scenarios={"s": scenario(3), "t": scenario()},
        characters={p.agent_id: p for p in PEOPLE},
        pairings=[
            Pairing(scenario_id="s", agent_ids=("ada", "bram", "cleo")),
            Pairing(scenario_id="t", agent_ids=("cleo", "dario")),
        ],
        scenario_list=ScenarioList(name="mine", scenario_ids=("s", "t")),
    )
    tested = [(len(s.characters), s.tested_seat) for s in sampler.settings]
    assert tested == [(3, 0), (2, 0), (3, 1), (2, 1), (3, 2)]


@pytest.mark.parametrize("seat", ["2", "-1", "second"])
def test_a_tested_seat_that_is_not_there_is_named(seat: str) -> None:
    with pytest.raises(SamplingError, match=f"list 'mine': 't' has no seat '{seat}' to be tested"):
        listed("0", seat)


def test_what_a_list_names_and_is_not_there_is_named() -> None:
    with pytest.raises(SamplingError, match="unknown list of scenarios 'easy'"):
        BenchmarkSampler("easy")
    mine = ScenarioList(name="mine", scenario_ids=("s",))
    people = {p.agent_id: p for p in PEOPLE}
    pairing = Pairing(pairing_id="p", scenario_id="s", agent_ids=("ada", "zoe"))
    for scenarios, pairings, complaint in (
        ({}, [pairing], "list 'mine': no scenario 's'"),
        ({"s": scenario()}, [], "list 'mine': no pairing of 's'"),
        ({"s": scenario()}, [pairing], "pairing 'p': no character 'zoe'"),
    ):
        with pytest.raises(SamplingError, match=complaint):
            BenchmarkSampler(
                scenarios=scenarios, characters=people, pairings=pairings, scenario_list=mine
            )


def test_b25_a_list_with_another_number_of_seats_is_refused() -> None:
    with pytest.raises(ValueError, match="Number of environments 2 and agent_index 1 do not match"):
        ScenarioList(name="mine", scenario_ids=("a", "b"), seats=("0",))


# -- into the runner -----------------------------------------------------------------------------


def test_three_lines_start_sampled_episodes() -> None:
    sampler = ConstraintSampler(library.scenarios().values())
    episodes = asyncio.run(
        run_episodes(sampler=sampler, agents=["scripted:talker"], size=5, seed=1)
    )
    assert len({episode.key for episode in episodes}) == 5
    for episode in episodes:
        assert episode.status == "ok"
        assert all(record.profile is not None for record in episode.seats.values())
        assert episode.scenario.scenario_id in library.scenarios()
    again = asyncio.run(run_episodes(sampler=sampler, agents=["scripted:talker"], size=5, seed=1))
    assert [e.model_dump_json() for e in again] == [e.model_dump_json() for e in episodes]


def test_agents_that_do_not_match_the_seats_are_refused() -> None:
    three = UniformSampler([scenario(3)], PEOPLE)
    assert sampled_tasks(three, ["scripted:talker"])[0].agents == ("scripted:talker",) * 3
    with pytest.raises(SamplingError, match="nothing to choose from has 2 seats, but 3"):
        sampled_tasks(three, ["scripted:talker"] * 2)
    with pytest.raises(ConfigurationError, match="meeting has 3 seats, agents= names 0"):
        sampled_tasks(three, [])


@pytest.mark.parametrize(
    "sampler", [UniformSampler(), ConstraintSampler(), BenchmarkSampler()], ids=type
)
def test_two_agents_are_given_scenarios_for_two(sampler: Sampler) -> None:
    size = 480
    mixed = {len(s.characters) for s in sampler.sample(size, rng(0))}
    assert mixed > {2}  # or it would be no feat
    agents = ["scripted:talker", "scripted:talker"]
    tasks = sampled_tasks(sampler, agents, size=size, seed=0)
    assert {len(task.characters) for task in tasks} == {2}
    (episode,) = asyncio.run(run_episodes(sampler=sampler, agents=agents, seed=3))
    assert episode.status == "ok"


@pytest.mark.parametrize("make", [UniformSampler, ConstraintSampler, BenchmarkSampler])
def test_the_number_of_seats_can_be_fixed_beforehand(make: Any) -> None:
    sampler: Sampler = make(seats=4)
    for replacement in (True, False):
        drawn = sampler.sample(5, rng(), replacement=replacement)
        assert {len(s.characters) for s in drawn} == {4}
    with pytest.raises(SamplingError, match="nothing to choose from has 2 seats, but 4"):
        next(iter(sampler.sample(1, rng(), seats=2)))
    with pytest.raises(SamplingError, match="nothing to choose from has 9 seats, but 2, 3, 4"):
        make(seats=9)


def test_what_fits_without_replacement_is_counted_among_those_with_the_seats() -> None:
    sampler = UniformSampler([scenario(), scenario(3)], PEOPLE)
    drawn = [ids(s) for s in sampler.sample(12, rng(), replacement=False, seats=2)]
    assert len(set(drawn)) == 12
    with pytest.raises(SamplingError, match="13 different settings asked for, there are 12"):
        next(iter(sampler.sample(13, rng(), replacement=False, seats=2)))


def test_the_tested_agent_sits_in_the_tested_seat_and_its_partner_in_the_other() -> None:
    seated = {
        ("1", "0"): [("partner", "model"), ("model", "partner")],
        (): [("model", "partner")] * 2 + [("partner", "model")] * 2,
    }
    for seats, expected in seated.items():
        tasks = sampled_tasks(listed(*seats), ["model", "partner"], size=len(expected))
        assert [task.agents for task in tasks] == expected
        people = [tuple(c.agent_id for c in task.characters) for task in tasks]
        assert people[:2] == [("ada", "bram"), ("cleo", "dario")]
        assert people[2:] == people[:2] * (len(people) // 2 - 1)


def test_the_published_score_counts_the_tested_agent_in_both_seats() -> None:
    talker = agent_factory("scripted:talker")
    cast = Cast(factories={"model": talker, "partner": talker})
    agents = ["model", "partner"]
    episodes = asyncio.run(run_episodes(sampler=listed(), agents=agents, size=4, cast=cast))
    results = results_of(episodes, "model")
    assert [(r.environment, r.seat) for r in results] == [("s", 0), ("t", 0), ("s", 1), ("t", 1)]


def test_the_relationship_types_are_the_six_published_ones() -> None:
    assert [(r.value, r.name) for r in RelationshipType] == [
        (0, "stranger"), (1, "know_by_name"), (2, "acquaintance"), (3, "friend"),
        (4, "romantic_relationship"), (5, "family_member"),
    ]  # fmt: skip
