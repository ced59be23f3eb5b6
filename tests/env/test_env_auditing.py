"""The leak audit: it passes what we ship, and finds every leak that is planted."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sotopia_env import (
    AgentAction,
    EnvironmentProfile,
    RelationshipType,
    environment,
    markup,
    parallel_env,
    perception,
)
from sotopia_env import course as course_module
from sotopia_env.auditing import check_leaks
from sotopia_env.canaries import Canaries
from sotopia_env.episode import Turn
from sotopia_env.games.deduction.phases import PhaseMachine
from sotopia_env.games.deduction.spyfall import Spyfall
from sotopia_env.games.deduction.undercover import Undercover
from sotopia_env.games.deduction.werewolf import Werewolf
from sotopia_env.games.price_negotiation import PriceNegotiation
from sotopia_env.games.resource_allocation import ResourceAllocation
from sotopia_env.noninterference import check_noninterference
from sotopia_env.scenarios import deduction, library, price_negotiation, resource_allocation
from sotopia_env.scenarios.families import draws_for, family_names, load_family
from sotopia_env.views.aec import AECView
from sotopia_env.views.gymnasium import SingleAgentView
from sotopia_env.visibility import introductions

FAMILIES = family_names()
NAMES = [*FAMILIES, *library.scenarios()]
GAMES = [
    *((name, {}) for name in FAMILIES),
    ("resource_allocation", {"goods": "divisible"}),
    ("werewolf", {"players": "12"}),
    ("spyfall", {"players": "7", "places": "4"}),
    ("undercover", {"players": "7", "undercovers": "2"}),
]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_leaks_in_any_relationship_and_order(name: str) -> None:
    assert check_leaks(name, turns=6) > 100


@pytest.mark.parametrize(("name", "options"), GAMES, ids=str)
def test_no_seat_is_given_anything_that_depends_on_what_it_may_not_know(
    name: str, options: dict[str, str]
) -> None:
    family = load_family(name)
    turns, differ = 0, 0
    for number in range(10):
        profile = family.draw("train", number, options)
        for seat in range(len(profile.agent_goals)):
            rng = np.random.default_rng([number, seat])
            params = family.game.resample(profile.game, seat, rng)
            other = profile.model_copy(update={"game": params})
            differ += params != profile.game
            one, double = parallel_env(profile), parallel_env(other)
            turns += check_noninterference(one, double, f"agent_{seat}", rng)
    assert turns > 50
    assert differ > 10 * len(profile.agent_goals) * 0.6


def test_the_audit_finds_a_planted_leak() -> None:
    leaky = EnvironmentProfile(
        scenario="They meet.", agent_goals=("Sell.", "Buy."), relationship=RelationshipType.stranger
    )
    complaint = "the observation of agent_0 tells it of the age of agent_1"
    with pytest.raises(AssertionError, match=complaint):
        check_leaks(leaky, visibility="omniscient")


def _told(name: str, params: Any) -> EnvironmentProfile:
    """A scenario with these parameters, in the words of instance 0 of its family."""
    if name == "price_negotiation":
        return price_negotiation._profile(draws_for(name, "train", 0, 16), params, "")
    if name == "resource_allocation":
        return resource_allocation._profile(draws_for(name, "train", 0, 24), params, "")
    return deduction._scenario(params.config, params, "")


@pytest.mark.parametrize("name", FAMILIES)
def test_the_texts_of_a_game_do_not_depend_on_what_others_alone_may_know(name: str) -> None:
    family = load_family(name)
    for number in range(20):
        params = family.draw("train", number, {}).game
        told = _told(name, params)
        for seat in range(len(told.agent_goals)):
            other = _told(name, family.game.resample(params, seat, np.random.default_rng(number)))
            assert other.scenario == told.scenario
            assert other.agent_goals[seat] == told.agent_goals[seat]


@pytest.mark.parametrize("place", ["text", "info", "turn"])
def test_the_audit_looks_everywhere(place: str) -> None:
    canaries = Canaries()
    secret = canaries.mark(frozenset([1]), "secret of agent_1")
    public = canaries.mark(None, "scenario")
    heard = Turn(0, "agent_1", AgentAction("speak", secret if place == "turn" else public))
    observations = {"agent_0": {"text": secret if place == "text" else public}}
    infos = {"agent_0": {"heard": (heard,), "game": secret if place == "info" else public}}
    with pytest.raises(AssertionError, match="of agent_0 tells it of the secret of agent_1"):
        canaries.search_all(observations, infos, ["agent_0", "agent_1"])
    canaries.search_all({"agent_1": {"text": secret}}, {"agent_1": {}}, ["agent_0", "agent_1"])


# -- what an environment may do wrong; each is planted and must be found ---------------------------


def _all_hear_the_night(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PhaseMachine, "audience", lambda self, state, seat: None)


def _the_team_phase_is_heard_by_the_next_seat(monkeypatch: pytest.MonkeyPatch) -> None:
    right = PhaseMachine.audience

    def wrong(self: Any, state: Any, seat: int) -> Any:
        heard = right(self, state, seat)
        return heard and (*heard, (seat + 1) % state.params.seats)

    monkeypatch.setattr(PhaseMachine, "audience", wrong)


def _recipients_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    right = course_module.deed

    def wrong(action: AgentAction, *rest: Any) -> Any:
        return right(action._replace(to=()), *rest)

    monkeypatch.setattr(course_module, "deed", wrong)


def _turns_reach_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perception, "reaches", lambda turn, seat: True)


def _seen(game: Any, change: Callable[[Any, Any, int], dict[str, Any]]) -> Any:
    """Plant something in what a seat on turn knows."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        right = game.observe

        def wrong(self: Any, state: Any, seat: int) -> Any:
            return replace(right(self, state, seat), **change(self, state, seat))

        monkeypatch.setattr(game, "observe", wrong)

    return plant


def _told_to(part: str, others: Callable[[Any], tuple[int, ...] | None]) -> Any:
    """Plant another audience for what a game of werewolf tells with these words in it."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        right = Werewolf.told

        def wrong(self: Any, state: Any, *texts: str, audience: Any = None) -> Any:
            if any(part in text for text in texts):
                audience = others(state)
            return right(self, state, *texts, audience=audience)

        monkeypatch.setattr(Werewolf, "told", wrong)

    return plant


def _all(state: Any) -> None:
    """Everybody."""


def _a_villager(state: Any) -> tuple[int, ...]:
    roles = [player.role for player in state.params.config.agents]
    return (roles.index("Villager"),)


def _the_dead_take_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The nights of a village that has voted out a wolf are then shorter than the first one."""
    right = PhaseMachine._enter

    def wrong(self: Any, state: Any, *rest: Any) -> Any:
        entered = right(self, state, *rest)
        return replace(entered, queue=tuple(s for s in entered.queue if entered.alive[s]))

    monkeypatch.setattr(PhaseMachine, "_enter", wrong)


def _roles(game: Any, state: Any, seat: int) -> dict[str, Any]:
    return {"known": tuple(player.role for player in state.params.config.agents)}


MARKED = EnvironmentProfile(
    scenario="They meet. <p viewer='agent_1'>Bob is broke.</p><note>To be cut.</note> "
    "<p viewer='environment'>They are both right.</p>",
    agent_goals=("Sell.", "Buy. <extra_info viewer='agent_1'>Wait.</extra_info>"),
    agent_names=("Ada", "Bob"),
)


def _parsed(change: Callable[[markup.Element], markup.Element]) -> Any:
    """Plant something in how markup is read."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        right = markup.parse

        def changed(node: markup.Node) -> markup.Node:
            if isinstance(node, str):
                return node
            return change(replace(node, children=tuple(map(changed, node.children))))

        monkeypatch.setattr(markup, "parse", lambda text: changed(right(text)))

    return plant


def _told_in_infos(tell: Callable[[Any], Any]) -> Any:
    """Plant something in every info."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        right = environment.perceived

        def wrong(transcript: Any, *rest: Any) -> Any:
            observations, infos = right(transcript, *rest)
            for info in infos.values():
                info["extra"] = tell(transcript)
            return observations, infos

        monkeypatch.setattr(environment, "perceived", wrong)

    return plant


def _reasons_are_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    right = environment.perceived

    def wrong(transcript: Any, live: Any, said: Any, *rest: Any) -> Any:
        observations, infos = right(transcript, live, said, *rest)
        for info in infos.values():
            info["faults"] = [turn.invalid for turn in said]
        return observations, infos

    monkeypatch.setattr(environment, "perceived", wrong)


def _one_observation_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AECView, "observe", lambda self, agent: self._new["agent_0"])


def _goals_in_the_single_agent_view(monkeypatch: pytest.MonkeyPatch) -> None:
    right = SingleAgentView.shown

    def wrong(self: Any) -> Any:
        observation, info = right(self)
        return observation, {**info, "goals": self.env.scene.goals}

    monkeypatch.setattr(SingleAgentView, "shown", wrong)


def _restored_omniscient(monkeypatch: pytest.MonkeyPatch) -> None:
    right = environment.SotopiaEnv.restore

    def wrong(self: Any, snapshot: Any) -> None:
        right(self, snapshot)
        told = introductions(self.scene.facts, self.scene.names, "omniscient")
        self._scene = replace(self.scene, introductions=told)

    monkeypatch.setattr(environment.SotopiaEnv, "restore", wrong)


LEAKS: dict[str, tuple[Any, Any]] = {
    "viewers are not looked at": (MARKED, _parsed(lambda node: replace(node, viewer=None))),
    "what is for judges is shown": (
        MARKED,
        _parsed(lambda n: replace(n, viewer=None) if n.viewer == "environment" else n),
    ),
    "unknown elements are shown": (
        MARKED,
        _parsed(lambda n: replace(n, tag="p") if n.tag == "note" else n),
    ),
    "goals stand in an array": (
        "donkey_at_thursday_market",
        _told_in_infos(lambda transcript: np.array(transcript.profile.agent_goals)),
    ),
    "goals stand in an array of objects": (
        "donkey_at_thursday_market",
        _told_in_infos(lambda transcript: np.array([*transcript.profile.agent_goals, 1], object)),
    ),
    "goals stand in capitals": (
        "donkey_at_thursday_market",
        _told_in_infos(lambda transcript: str(transcript.profile.agent_goals).upper()),
    ),
    "the codename is told": (
        "donkey_at_thursday_market",
        _told_in_infos(lambda transcript: transcript.profile.codename),
    ),
    "reasons of others are told": ("werewolf", _reasons_are_heard),
    "the AEC view shows all the same": ("donkey_at_thursday_market", _one_observation_for_all),
    "the single-agent view has all goals": (
        "price_negotiation",
        _goals_in_the_single_agent_view,
    ),
    "restoring tells everything": ("donkey_at_thursday_market", _restored_omniscient),
    "all hear the night": ("werewolf", _all_hear_the_night),
    "a stranger hears the wolves": ("werewolf", _the_team_phase_is_heard_by_the_next_seat),
    "all roles are seen": ("werewolf", _seen(Werewolf, _roles)),
    "inspections are announced": ("werewolf", _told_to("is on team", _all)),
    "the attacked is announced": ("werewolf", _told_to("was attacked", _all)),
    "the attacked is told to a villager": ("werewolf", _told_to("was attacked", _a_villager)),
    "the dead take no turn": ("werewolf", _the_dead_take_no_turn),
    "the spy knows the place": (
        "spyfall",
        _seen(Spyfall, lambda game, state, seat: {"location": state.params.location}),
    ),
    "all know the spy": ("spyfall", _seen(Spyfall, _roles)),
    "all know the words": (
        "undercover",
        _seen(Undercover, lambda game, state, seat: {"known": state.params.words}),
    ),
    "a role is told with the word": (
        "undercover",
        _seen(Undercover, lambda game, state, seat: {"role": state.params.role(seat)}),
    ),
    "the partner's limit is seen": (
        "price_negotiation",
        _seen(
            PriceNegotiation,
            lambda game, state, seat: {"low": state.params.reservations[1 - seat]},
        ),
    ),
    "the partner's weights are seen": (
        "resource_allocation",
        _seen(
            ResourceAllocation,
            lambda game, state, seat: {"partner_claim": state.params.weights[1 - seat]},
        ),
    ),
    "recipients are forgotten": ("trawler_share_out", _recipients_are_forgotten),
    "turns reach everybody": ("trawler_share_out", _turns_reach_everybody),
}


@pytest.mark.parametrize(
    ("settings", "text"),
    [({"visibility": "lite"}, "They meet."), ({"max_turns": 5}, "It costs 5000001 marks.")],
)
def test_the_audit_takes_the_settings_of_an_environment(
    settings: dict[str, Any], text: str
) -> None:
    profile = EnvironmentProfile(scenario=text, agent_goals=("Sell.",) * 23)
    assert check_leaks(profile, **settings) > 100


@pytest.mark.parametrize("leak", LEAKS)
def test_the_audit_finds_every_planted_leak(leak: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario, plant = LEAKS[leak]
    check_leaks(scenario, turns=12)
    plant(monkeypatch)
    with pytest.raises(AssertionError, match=r"tells it of|depends on what it may not know"):
        check_leaks(scenario, turns=12)
