"""The sampler of a benchmark: the settings of a list, and in which seat the tested agent sits."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..errors import SamplingError, one_of
from ..profiles import AgentProfile, EnvironmentProfile, Pairing, ScenarioList
from . import library
from .samplers import Setting, check_size, of_size


class BenchmarkSampler:
    """The settings of a list in their order, again from the start when they run out.

    As in the published benchmark the agent under test sits where the list says; one that does not
    say is gone through once with it in the first seat, then with it in the next.

    Args:
        name: of a shipped list: `all`, `hard`, `cooperative`, `competitive`.
        scenarios: instead, the scenarios of a list of one's own, `characters` and `pairings` with
            them.
        scenario_list: which of them, and which seat is tested.
        seats: how many a scenario must have; by default any number.

    Raises:
        SamplingError: for a list that is unknown, or names what is not there.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        scenarios: Mapping[str, EnvironmentProfile] | None = None,
        characters: Mapping[str, AgentProfile] | None = None,
        pairings: Iterable[Pairing] | None = None,
        scenario_list: ScenarioList | None = None,
        seats: int | None = None,
    ) -> None:
        scenarios = library.scenarios() if scenarios is None else scenarios
        characters = library.characters() if characters is None else characters
        if scenario_list is None:
            lists = library.lists()
            scenario_list = lists[one_of(lists, name or "all", "list of scenarios", SamplingError)]
        if pairings is None:
            pairings = [p for s in scenario_list.scenario_ids for p in library.pairings_for(s)]
        listed = tuple(_listed(scenario_list, scenarios, characters, list(pairings)))
        self.settings = of_size(_tested(listed), seats, _parties)
        """All of them, in order."""

    def sample(
        self,
        size: int,
        rng: np.random.Generator,
        *,
        replacement: bool = True,
        seats: int | None = None,
    ) -> Iterator[Setting]:
        """`size` settings; see `Sampler`.

        Raises:
            SamplingError: if there are not so many different ones.
        """
        check_size(size)
        settings = of_size(self.settings, seats, _parties)
        if not settings:
            raise SamplingError("the list of scenarios is empty")
        if not replacement and size > len(settings):
            raise SamplingError(
                f"{size} different settings asked for, the list has {len(settings)}"
            )
        for number in range(size):
            yield settings[number % len(settings)]


def _tested(listed: Sequence[Setting]) -> tuple[Setting, ...]:
    """The settings, and again with the next seat under test where the list leaves that open."""
    fixed = tuple(setting for setting in listed if setting.tested_seat is not None)
    return fixed or tuple(
        replace(setting, tested_seat=seat)
        for seat in range(max(map(_parties, listed), default=0))
        for setting in listed
        if seat < _parties(setting)
    )


def _listed(
    scenario_list: ScenarioList,
    scenarios: Mapping[str, EnvironmentProfile],
    characters: Mapping[str, AgentProfile],
    pairings: Sequence[Pairing],
) -> Iterator[Setting]:
    for number, scenario_id in enumerate(scenario_list.scenario_ids):
        if scenario_id not in scenarios:
            raise SamplingError(f"list {scenario_list.name!r}: no scenario {scenario_id!r}")
        own = [p for p in pairings if p.scenario_id == scenario_id]
        if not own:
            raise SamplingError(f"list {scenario_list.name!r}: no pairing of {scenario_id!r}")
        seat = None if scenario_list.seats is None else scenario_list.seats[number]
        for pairing in own:
            missing = [a for a in pairing.agent_ids if a not in characters]
            if missing:
                raise SamplingError(f"pairing {pairing.pairing_id!r}: no character {missing[0]!r}")
            if seat is not None and seat not in map(str, range(len(pairing.agent_ids))):
                raise SamplingError(
                    f"list {scenario_list.name!r}: {scenario_id!r} has no seat {seat!r} to be "
                    "tested; they are counted from 0"
                )
            yield Setting(
                scenario=scenarios[scenario_id],
                characters=tuple(characters[agent_id] for agent_id in pairing.agent_ids),
                tested_seat=None if seat is None else int(seat),
            )


def _parties(setting: Setting) -> int:
    return len(setting.characters)
