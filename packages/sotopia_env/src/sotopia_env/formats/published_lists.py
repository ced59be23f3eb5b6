"""The named parts of the published set of scenarios."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from ..errors import FormatError, one_of
from ..profiles import EnvironmentProfile, ScenarioList
from .reading import refusal

HARD_LIST_ID: Final = "01HAK34YPB1H1RWXQDASDKHSNS"
"""Under which the hard list is published."""

HARD_IDS: Final = (
    "01H7VFHNV13MHN97GAH73E3KM8",
    "01H7VFHN5WVC5HKKVBHZBA553R",
    "01H7VFHN9W0WAFZCBT09PKJJNK",
    "01H7VFHPDZVVCDZR3AARA547CY",
    "01H7VFHPQQQY6H4DNC6NBQ8XTG",
    "01H7VFHN7WJK7VWVRZZTQ6DX9T",
    "01H7VFHPS5WJW2694R1MNC8JFY",
    "01H7VFHNN7XTR99319DS8KZCQM",
    "01H7VFHQ11NAMZS4A2RDGDB01V",
    "01H7VFHPSWGDGEYRP63H2DJKV0",
    "01H7VFHNF4G18PC9JHGRC8A1R6",
    "01H7VFHNNYH3W0VRWVY178K2TK",
    "01H7VFHP8AN5643B0NR0NP00VE",
    "01H7VFHN7A1ZX5KSMT2YN9RXC4",
)
"""SOTOPIA-hard: the 14 scenarios of Zhou et al. (ICLR 2024) that models find hardest."""

_RULES: Final[Mapping[str, Callable[[EnvironmentProfile], bool]]] = {
    "all": lambda _: True,
    "cooperative": lambda profile: "mutual" in profile.codename,
    "competitive": lambda profile: "craigslist" in profile.codename,
}
"""Of the benchmark's task names; the codename says from which collection a scenario comes."""

LISTS: Final = ("hard", *_RULES)


def published_list(name: str, environments: Iterable[EnvironmentProfile]) -> ScenarioList:
    """One of `LISTS`, drawn from scenarios of the published set.

    Raises:
        FormatError: for another name, or if one of the hard scenarios is not among them.
    """
    one_of(LISTS, name, "published list", FormatError)
    present = {profile.scenario_id: profile for profile in environments}
    if name != "hard":
        chosen = tuple(key for key, profile in present.items() if _RULES[name](profile))
        return ScenarioList(list_id=f"sotopia/{name}", name=name, scenario_ids=chosen)
    missing = [key for key in HARD_IDS if key not in present]
    if missing:
        raise refusal(
            "list hard",
            f"{len(missing)} of {len(HARD_IDS)} scenarios are not there, the first {missing[0]}",
            "import the published environment_profiles.jsonl first",
        )
    return ScenarioList(list_id=HARD_LIST_ID, name=name, scenario_ids=HARD_IDS)


def lists_within(environments: Iterable[EnvironmentProfile]) -> tuple[ScenarioList, ...]:
    """All of `LISTS` where the published set is there, none otherwise."""
    profiles = [*environments]
    if not {profile.scenario_id for profile in profiles}.issuperset(HARD_IDS):
        return ()
    return tuple(published_list(name, profiles) for name in LISTS)
