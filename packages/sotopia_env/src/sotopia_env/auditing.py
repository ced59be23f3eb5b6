"""The leak audit: does anything a seat is not to know reach it?

Every private fact of a scenario is given a word that occurs nowhere else, a canary, and so is
everything the seats say; then whole episodes are played, and what each seat is given is searched
for the canaries of others. The rules of who may know what are written down here a second time, so
that the audit does not believe what it examines.
"""

import io
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from .errors import ConfigurationError
from .make import ScenarioLike, characters_for, parallel_env, scenario_source
from .markup import Passage, passages, rewrite
from .profiles import AgentProfile, EnvironmentProfile, RelationshipType
from .prompts import Conversation, PromptStyle
from .turns import ACTION_ORDERS, ActionOrder

_STYLES: Final[tuple[PromptStyle, ...]] = ("chat", "brief", "sotopia")
_FACES: Final = ("occupation", "gender_pronoun", "public_info")
_NEVER_TOLD: Final = ("big_five", "decision_making_style", "mbti")
_TOLD_TO_OTHERS: Final[Mapping[RelationshipType, tuple[str, ...]]] = {
    RelationshipType.stranger: (),
    RelationshipType.know_by_name: (),
    RelationshipType.acquaintance: _FACES,
    RelationshipType.friend: (*_FACES, "personality_and_values"),
    RelationshipType.romantic_relationship: (*_FACES, "personality_and_values"),
    RelationshipType.family_member: (*_FACES, "personality_and_values"),
}
"""Fields of a character that others may know, beside the name (which a stranger's biography hides
too, but everybody reads among the participants)."""


@dataclass(slots=True)
class Canaries:
    """Words that mark a fact, and the seats that may know it; `None` is everybody."""

    owners: dict[str, frozenset[int] | None] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    """What each stands for, for the message."""

    def mark(self, owners: frozenset[int] | None, fact: str) -> str:
        """A new canary."""
        word = f"canary{len(self.owners):04d}q"
        self.owners[word], self.facts[word] = owners, fact
        return word

    def search(
        self, observations: Mapping[str, Any], infos: Mapping[str, Any], seats: Sequence[str]
    ) -> None:
        """Look through what the environment has given the seats.

        Raises:
            AssertionError: names the fact, the seat and the place.
        """
        for number, seat in enumerate(seats):
            if seat in observations:
                _search(observations[seat]["text"], "the observation", self, number)
                _search(_told(infos[seat]), "the infos", self, number)


def check_leaks(
    scenario: ScenarioLike,
    *,
    agents: Sequence[AgentProfile] | None = None,
    relationships: Sequence[RelationshipType] = tuple(RelationshipType),
    orders: Sequence[ActionOrder] = ACTION_ORDERS,
    turns: int = 12,
    seed: int = 0,
    **settings: Any,
) -> int:
    """Play a scenario under every relationship and order, and search for what leaks.

    Looked at are observations, infos, `env.history`, prompts of every style and log records. Facts
    that a seat may know must reach it, or the audit would prove nothing.

    Args:
        scenario: what `parallel_env` takes; of a family, the instance of `seed`.
        agents: characters; by default those that suit the scenario, or made-up ones.
        relationships: to be tried.
        orders: to be tried; a game in phases has its own.
        turns: at most, of each episode.
        seed: of what is said.
        settings: further arguments of `parallel_env`.

    Returns:
        How many canaries were planted in all.

    Raises:
        AssertionError: names the fact, the seat and the place.
    """
    profile = scenario_source(scenario)(seed)
    planted = 0
    for relationship in relationships:
        for order in orders:
            canaries = Canaries()
            scene = marked_scene(profile, relationship, canaries, agents)
            if scene.is_phased and order == "agent-chosen":
                continue
            env = parallel_env(
                scene.profile,
                agents=scene.characters,
                action_order=order,
                max_turns=turns,
                **settings,
            )
            with _logged() as log:
                _play(env, canaries, np.random.default_rng([seed, int(relationship)]))
            _search(log.getvalue(), "the log", canaries, seat=None)
            planted += len(canaries.owners)
    return planted


@dataclass(frozen=True, slots=True)
class MarkedScene:
    """A scenario and its characters with a canary in every fact."""

    profile: EnvironmentProfile
    characters: tuple[AgentProfile, ...] | None
    """`None` where the scenario brings its own people."""
    is_phased: bool


def marked_scene(
    profile: EnvironmentProfile,
    relationship: RelationshipType,
    canaries: Canaries,
    agents: Sequence[AgentProfile] | None = None,
) -> MarkedScene:
    """Mark every fact of a scenario and its people, who know each other like this."""
    known = profile.model_copy(update={"relationship": relationship})
    marked = _marked_profile(known, canaries)
    people = agents or characters_for(profile)
    cast = None
    if agents is not None or not profile.agent_names:
        cast = _marked_people(people or _made_up(_seats(known)), relationship, canaries)
    return MarkedScene(marked, cast, _is_phased(profile))


def unread_passages(profile: EnvironmentProfile) -> list[str]:
    """Parts of a scenario and its goals that no seat is ever shown.

    They stand in an element that is not rendered, are limited to a seat that does not exist, or to
    one that may not read the goal they stand in. What is marked as for judges does not count.
    """
    seats = set(range(max(2, len(profile.agent_goals))))
    texts = [(profile.scenario, seats)]
    texts += [(goal, {seat}) for seat, goal in enumerate(profile.agent_goals)]
    return [
        piece.text
        for text, readers in texts
        for piece in passages(text)
        if piece.text.strip()
        and piece.owners is not None
        and not (piece.owners & readers or piece.is_for_judges)
    ]


def _is_phased(profile: EnvironmentProfile) -> bool:
    from .scenarios.families import load_family

    if profile.game is None:
        return False
    return getattr(load_family(profile.game.family).game, "is_phased", False)


def _seats(profile: EnvironmentProfile) -> int:
    return max(2, len(profile.agent_goals), len(profile.agent_names))


def _made_up(seats: int) -> tuple[AgentProfile, ...]:
    if seats > len(_NAMES):
        raise ConfigurationError(f"the audit has no names for {seats} seats: give agents=")
    return tuple(
        AgentProfile(first_name=name, last_name="Quist", age=40) for name in _NAMES[:seats]
    )


_CANARY: Final = re.compile(r"canary\d{4,}q")

_NAMES: Final = (
    "Ilse", "Joao", "Kemi", "Lars", "Mona", "Noor", "Oleg", "Pia", "Qiu", "Rhys",
    "Suri", "Timo", "Uma", "Vito", "Wren", "Xenia", "Yuki", "Zoe", "Alba", "Bodil",
)  # fmt: skip


def _marked_profile(profile: EnvironmentProfile, canaries: Canaries) -> EnvironmentProfile:
    everybody = frozenset(range(_seats(profile)))

    def in_scenario(words: str, piece: Passage) -> str:
        owners = everybody if piece.owners is None else piece.owners
        return f"{words} {canaries.mark(owners, f'scenario: {words:.60}')}"

    def goal_of(seat: int) -> Any:
        def in_goal(words: str, piece: Passage) -> str:
            own = frozenset([seat])
            owners = own if piece.owners is None else own & piece.owners
            return f"{words} {canaries.mark(owners, f'goal of agent_{seat}: {words:.60}')}"

        return in_goal

    goals = tuple(rewrite(goal, goal_of(n)) for n, goal in enumerate(profile.agent_goals))
    return profile.model_copy(
        update={"scenario": rewrite(profile.scenario, in_scenario), "agent_goals": goals}
    )


def _marked_people(
    people: Sequence[AgentProfile], relationship: RelationshipType, canaries: Canaries
) -> tuple[AgentProfile, ...]:
    marked = []
    for seat, person in enumerate(people):
        own, everybody = frozenset([seat]), frozenset(range(len(people)))
        others = _TOLD_TO_OTHERS[relationship]
        update: dict[str, Any] = {}
        for name in (*_FACES, "personality_and_values", "secret", *_NEVER_TOLD):
            owners = everybody if name in others else own
            if name in _NEVER_TOLD:
                owners = frozenset()
            word = canaries.mark(owners, f"{name} of agent_{seat}")
            update[name] = f"{getattr(person, name)} {word}".strip()
        for name in ("moral_values", "schwartz_personal_values"):
            word = canaries.mark(frozenset(), f"{name} of agent_{seat}")
            update[name] = (*getattr(person, name), word)
        marked.append(person.model_copy(update=update))
    return tuple(marked)


def _play(env: Any, canaries: Canaries, rng: np.random.Generator) -> None:
    observations, infos = env.reset(seed=int(rng.integers(2**31)))
    seats: list[str] = env.possible_agents
    minds = {seat: [Conversation(seat, style) for style in _STYLES] for seat in seats}
    _look(env, minds, observations, infos, canaries)
    for number, seat in enumerate(seats):
        _expect(env.history(seat), number, canaries)
    while env.agents:
        actions = {seat: _said(env, seat, canaries, rng) for seat in env.turn_order}
        before = len(env.transcript.turns)
        observations, _, _, _, infos = env.step(actions)
        _settle(env, env.transcript.turns[before:], canaries)
        _look(env, minds, observations, infos, canaries)


def _said(env: Any, seat: str, canaries: Canaries, rng: np.random.Generator) -> dict[str, Any]:
    """Words with a canary, to everybody or to some; now and then a move, or a departure."""
    word = canaries.mark(frozenset(), f"what {seat} said in turn {env.turn}")
    draw = rng.random()
    if draw < 0.3:
        text = env.sample_move(seat, rng)
        return {"action_type": "action" if rng.random() < 0.5 else "speak", "argument": text}
    if draw > 0.97:
        return {"action_type": "leave", "argument": word}
    kind = ("speak", "non-verbal communication", "action")[int(rng.integers(3))]
    others = [name for name in env.possible_agents if name != seat and rng.random() < 0.5]
    to = others if rng.random() < 0.5 else []
    return {"action_type": kind, "argument": f"I say {word}.", "to": to}


def _settle(env: Any, turns: Sequence[Any], canaries: Canaries) -> None:
    """Who may know what was said: the speaker, and whom it reached."""
    seats = env.possible_agents
    for turn in turns:
        for word in _CANARY.findall(turn.action.argument):
            heard = seats if turn.audience is None else (*turn.audience, turn.seat)
            _check_audience(turn, heard, env)
            canaries.owners[word] = frozenset(seats.index(name) for name in heard)


def _check_audience(turn: Any, heard: Sequence[str], env: Any) -> None:
    """Nobody hears what was said to others."""
    names = env.transcript.names
    for seat in heard:
        is_named = not turn.action.to or names[seat] in turn.action.to or seat in turn.action.to
        assert is_named or seat == turn.seat, f"{seat} hears what {turn.seat} told {turn.action.to}"


def _look(
    env: Any,
    minds: Mapping[str, Sequence[Conversation]],
    observations: Mapping[str, Any],
    infos: Mapping[str, Any],
    canaries: Canaries,
) -> None:
    for number, seat in enumerate(env.possible_agents):
        if seat not in observations:
            continue
        _search(observations[seat]["text"], "the observation", canaries, number)
        _search(_told(infos[seat]), "the infos", canaries, number)
        _search(env.history(seat), "the history", canaries, number)
        for mind in minds[seat]:
            mind.observe(observations[seat], infos[seat])
            prompt = "\n".join(message.content for message in mind.prompt())
            _search(prompt, f"the {mind.style} prompt", canaries, number)


def _search(text: str, place: str, canaries: Canaries, seat: int | None) -> None:
    for word in dict.fromkeys(_CANARY.findall(text)):
        owners = canaries.owners[word]
        who = "a log" if seat is None else f"agent_{seat}"
        is_allowed = owners is None or seat in owners
        assert is_allowed, f"{place} of {who} tells it of the {canaries.facts[word]}"


def _told(value: object) -> str:
    """All words in what an environment gives; numbers in arrays tell nothing."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "\n".join(map(_told, (*value.keys(), *value.values())))
    if isinstance(value, tuple | list | set | frozenset):
        return "\n".join(map(_told, value))
    return "" if isinstance(value, np.ndarray) else repr(value)


def _expect(text: str, seat: int, canaries: Canaries) -> None:
    for word, owners in canaries.owners.items():
        if owners is None or seat in owners:
            assert word in text, f"agent_{seat} is not told of the {canaries.facts[word]}"


@contextmanager
def _logged() -> Iterator[io.StringIO]:
    """What the package logs meanwhile, at every level."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger(__package__)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
