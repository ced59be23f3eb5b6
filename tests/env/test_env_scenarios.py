"""Generated scenarios: the same every time, many, apart by split, silent about the other side."""

import re
from collections.abc import Mapping

import pytest

from sotopia_env.errors import ScenarioError
from sotopia_env.games.price_negotiation import PriceParams
from sotopia_env.games.resource_allocation import AllocationParams
from sotopia_env.profiles import EnvironmentProfile
from sotopia_env.scenarios.families import SPLITS, Split, family_names, load_family
from sotopia_env.testing import check_game

PRICE = load_family("price_negotiation")
DIVISION = load_family("resource_allocation")
FAMILIES = ("price_negotiation", "resource_allocation")
NOTHING: Mapping[str, str] = {}


def price_params(profile: EnvironmentProfile) -> PriceParams:
    assert isinstance(profile.game, PriceParams)
    return profile.game


def allocation_params(profile: EnvironmentProfile) -> AllocationParams:
    assert isinstance(profile.game, AllocationParams)
    return profile.game


def private_prices(profile: EnvironmentProfile) -> tuple[object, ...]:
    params = price_params(profile)
    return tuple(sorted(zip(params.roles, params.reservations, strict=True)))


def text_of(profile: EnvironmentProfile) -> str:
    return "\n".join([profile.scenario, *profile.agent_goals, *profile.agent_names])


def numbers_in(text: str) -> set[int]:
    return {int(number) for number in re.findall(r"\d+", text)}


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("split", SPLITS)
def test_an_instance_is_the_same_every_time(name: str, split: Split) -> None:
    family = load_family(name)
    for number in (0, 1, 17, 2**31 - 1):
        assert family.draw(split, number, NOTHING) == family.draw(split, number, NOTHING)


@pytest.mark.parametrize("name", FAMILIES)
def test_two_thousand_instances_are_hardly_ever_alike(name: str) -> None:
    family = load_family(name)
    texts = {text_of(family.draw("train", number, NOTHING)) for number in range(2000)}
    assert len(texts) >= 1900


@pytest.mark.parametrize("name", FAMILIES)
def test_equal_numbers_of_two_splits_are_different_instances(name: str) -> None:
    family = load_family(name)
    for number in range(50):
        texts = {text_of(family.draw(split, number, NOTHING)) for split in SPLITS}
        assert len(texts) == 3


def test_no_pair_of_reservation_prices_occurs_in_two_splits() -> None:
    seen: dict[Split, set[tuple[object, ...]]] = {split: set() for split in SPLITS}
    for split in SPLITS:
        for number in range(3000):
            seen[split].add(private_prices(PRICE.draw(split, number, NOTHING)))
    assert all(len(values) > 30 for values in seen.values())
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["validation"]
    assert not seen["validation"] & seen["test"]


def _both(weights: tuple[tuple[int, ...], ...]) -> list[tuple[tuple[int, ...], ...]]:
    return [weights, weights[::-1]]


def test_no_combination_of_weights_occurs_in_two_splits() -> None:
    """Not even with the seats or the goods in another order."""
    seen: dict[Split, set[tuple[object, ...]]] = {split: set() for split in SPLITS}
    for split in SPLITS:
        for number in range(3000):
            params = allocation_params(DIVISION.draw(split, number, NOTHING))
            quantities = tuple(issue.quantity for issue in params.issues)
            goods = [sorted(zip(quantities, *pair, strict=True)) for pair in _both(params.weights)]
            seen[split].add(tuple(min(goods)))
    assert all(len(values) > 50 for values in seen.values())
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["validation"]
    assert not seen["validation"] & seen["test"]


@pytest.mark.parametrize("difficulty", ["standard", "easy", "hard", "impossible"])
def test_splits_stay_apart_across_difficulties(difficulty: str) -> None:
    options = {"difficulty": difficulty}
    standard = {private_prices(PRICE.draw("train", number, NOTHING)) for number in range(1000)}
    other = {private_prices(PRICE.draw("test", number, options)) for number in range(300)}
    assert not standard & other


@pytest.mark.parametrize(
    ("difficulty", "least", "most"),
    [("standard", 16, 32), ("easy", 26, 36), ("hard", 3, 9), ("impossible", -18, -3)],
)
def test_difficulty_sets_the_surplus_of_a_sale(difficulty: str, least: int, most: int) -> None:
    surpluses = set()
    for number in range(1000):
        params = price_params(PRICE.draw("train", number, {"difficulty": difficulty}))
        seller = params.roles.index("seller")
        surpluses.add(params.reservations[1 - seller] - params.reservations[seller])
    assert min(surpluses) == least
    assert max(surpluses) == most


@pytest.mark.parametrize(
    ("difficulty", "least", "most", "outside"),
    [("standard", 4, 20, (2, 4)), ("easy", 10, 20, (0, 2)), ("hard", 2, 8, (3, 5))],
)
def test_difficulty_sets_how_far_the_weights_differ_and_what_there_is_outside(
    difficulty: str, least: int, most: int, outside: tuple[int, int]
) -> None:
    seen = set()
    for number in range(500):
        params = allocation_params(DIVISION.draw("train", number, {"difficulty": difficulty}))
        quantities = [issue.quantity for issue in params.issues]
        first, second = params.weights
        gap = sum(abs(a - b) * q for a, b, q in zip(first, second, quantities, strict=True))
        assert least <= gap <= most
        for row in params.weights:
            assert sum(w * q for w, q in zip(row, quantities, strict=True)) == 10
        seen.update(params.disagreement)
        solution = DIVISION.game.solution(params)
        assert (
            min(
                best - base
                for best, base in zip(solution.ideal, solution.disagreement, strict=True)
            )
            > 0
        )
    assert (min(seen), max(seen)) == outside


def test_both_roles_and_both_deadlines_occur() -> None:
    drawn = [price_params(PRICE.draw("train", number, NOTHING)) for number in range(200)]
    assert {params.roles[0] for params in drawn} == {"seller", "buyer"}
    assert {params.deadline for params in drawn} == {6, 7, 8}


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("turns", [2, 9, 20])
def test_a_deadline_can_be_chosen(name: str, turns: int) -> None:
    profile = load_family(name).draw("train", 3, {"deadline": str(turns)})
    assert profile.game is not None
    assert profile.game.model_dump()["deadline"] == turns
    assert f"They have {turns} turns in all" in profile.scenario


def test_a_divisible_good_comes_in_tenths_and_points_count_tenfold() -> None:
    for number in range(200):
        profile = DIVISION.draw("train", number, {"goods": "divisible"})
        params = allocation_params(profile)
        first, *others = params.issues
        assert first.quantity == 10 * first.step
        assert all(issue.step == 1 for issue in others)
        for row in params.weights:
            assert sum(w * i.quantity for w, i in zip(row, params.issues, strict=True)) == 100
        if first.step > 1:
            assert f"(in steps of {first.step})" in profile.scenario


def test_a_seat_reads_its_own_prices_and_not_the_partners() -> None:
    for number in range(500):
        profile = PRICE.draw("train", number, NOTHING)
        params = price_params(profile)
        public = numbers_in(profile.scenario)
        assert public == {params.low, params.high, params.deadline}
        for seat in (0, 1):
            own = {params.reservations[seat], params.targets[seat]}
            assert numbers_in(profile.agent_goals[seat]) == own


def test_a_seat_reads_its_own_weights_and_not_the_partners() -> None:
    for number in range(500):
        profile = DIVISION.draw("train", number, {"difficulty": "hard"})
        params = allocation_params(profile)
        assert numbers_in(profile.scenario) == {
            *(issue.quantity for issue in params.issues),
            params.deadline,
        }
        for seat in (0, 1):
            worth = ", ".join(
                f"{issue.name} {weight}"
                for issue, weight in zip(params.issues, params.weights[seat], strict=True)
            )
            goal = profile.agent_goals[seat]
            assert f"one unit is worth: {worth}." in goal
            assert f"you have {params.disagreement[seat]} points" in goal


@pytest.mark.parametrize("name", FAMILIES)
def test_a_profile_says_who_it_is_and_survives_json(name: str) -> None:
    family = load_family(name)
    profile = family.draw("test", 12, {"difficulty": "hard", "deadline": "4"})
    assert profile.scenario_id == f"{name}?deadline=4&difficulty=hard/test/12"
    assert len(set(profile.agent_names)) == 2
    read = EnvironmentProfile.model_validate_json(profile.model_dump_json())
    assert read.game is not None
    params = family.params_type.model_validate(read.game.model_dump())
    assert params == profile.game
    assert read.agent_goals == profile.agent_goals


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"dificulty": "hard"}, "'dificulty'. Did you mean 'difficulty'?"),
        ({"difficulty": "brutal"}, "Known: easy, hard"),
        ({"deadline": "1"}, "unknown deadline"),
        ({"deadline": ""}, "unknown deadline"),
    ],
)
@pytest.mark.parametrize("name", FAMILIES)
def test_a_wrong_option_is_answered_with_those_that_exist(
    name: str, options: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ScenarioError, match=re.escape(complaint)):
        load_family(name).draw("train", 0, options)


@pytest.mark.parametrize("name", FAMILIES)
def test_instances_are_numbered_from_zero(name: str) -> None:
    with pytest.raises(ScenarioError, match="start at 0, got -1"):
        load_family(name).draw("train", -1, NOTHING)


def test_an_unknown_family_is_answered_with_those_that_exist() -> None:
    with pytest.raises(ScenarioError, match="Did you mean 'price_negotiation'") as caught:
        load_family("price_negotiations")
    assert "resource_allocation" in str(caught.value)
    assert family_names()[:2] == list(FAMILIES)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *((name, {"difficulty": level}) for name in FAMILIES for level in ("easy", "hard")),
        *((name, {}) for name in FAMILIES),
        ("price_negotiation", {"difficulty": "impossible"}),
        ("resource_allocation", {"goods": "divisible"}),
    ],
)
def test_every_kind_of_instance_keeps_the_laws_of_games(name: str, options: dict[str, str]) -> None:
    family = load_family(name)
    for number in range(3):
        profile = family.draw("validation", number, options)
        check_game(family.game, profile.game, plays=2)


@pytest.mark.parametrize("name", family_names())
def test_generated_parameters_are_what_validation_admits(name: str) -> None:
    """Generators do not validate, which would cost more than the rest of a reset."""
    family = load_family(name)
    for number in range(200):
        params = family.draw("train", number, NOTHING).game
        assert params is not None
        assert family.params_type.model_validate(params.model_dump()) == params
        read = EnvironmentProfile.model_validate_json(
            family.draw("train", number, NOTHING).model_dump_json()
        )
        assert read.game is not None
        assert family.params_type.model_validate(read.game.model_dump()) == params
