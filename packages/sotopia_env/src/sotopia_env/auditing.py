"""The leak audit: does anything a seat is not to know reach it?

Every private fact of a scenario is given a word that occurs nowhere else, a canary, and so is
everything the seats say; then whole episodes are played, and what each seat is given is searched
for the canaries of others. What a word cannot mark, roles, places and private values of a game, is
examined by `noninterference.py`.
"""

import io
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

from .canaries import NOBODY, Canaries, MarkedScene, Owners, is_phased, marked_scene
from .make import ScenarioLike, parallel_env, scenario_source
from .markup import passages
from .noninterference import check_noninterference
from .profiles import AgentProfile, EnvironmentProfile, RelationshipType
from .prompts import Conversation, PromptStyle
from .turns import ACTION_ORDERS, ActionOrder
from .views.aec import AECView
from .views.gymnasium import SingleAgentView

_STYLES: Final[tuple[PromptStyle, ...]] = ("chat", "brief", "sotopia")
_WORLDS: Final = 2
"""Other instances with which a game is compared, for each seat and order."""


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

    Looked at are observations, infos, `env.history`, prompts of every style and log records, and
    what the AEC and the single-agent view give. Facts that a seat may know must reach it, or the
    audit would prove nothing. A game is also played in other instances that a seat cannot tell from
    this one, and the seat must be given the same.

    Args:
        scenario: what `parallel_env` takes; of a family, the instance of `seed`.
        agents: characters; by default those that suit the scenario, or made-up ones.
        relationships: to be tried.
        orders: to be tried; a game in phases has its own.
        turns: at most, of each episode with canaries; `max_turns` is the same.
        seed: of what is said.
        settings: further arguments of `parallel_env`.

    Returns:
        How many canaries were planted in all.

    Raises:
        AssertionError: names the fact, the seat and the place.
    """
    profile = scenario_source(scenario)(seed)
    turns = settings.pop("max_turns", turns)
    planted = 0
    for order in orders:
        if order == "agent-chosen" and is_phased(profile):
            continue
        for relationship in relationships:
            canaries = Canaries()
            scene = marked_scene(profile, relationship, canaries, agents)
            chance = np.random.default_rng([seed, int(relationship)])
            with _logged() as log:
                for play in (_play, _play_in_turn, _play_one_seat):
                    env = _env(scene, action_order=order, max_turns=turns, **settings)
                    play(env, canaries, chance)
            canaries.search(log.getvalue(), "the log", seat=None)
            planted += len(canaries.owners)
        _compare_worlds(profile, agents, seed, action_order=order, **settings)
    return planted


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


def who_may_hear(env: Any, seat: str, to: Sequence[str]) -> Owners:
    """Seats that may hear what `seat` says now to `to` (keys of seats; empty is all).

    Read from the rules of the scenario and from nothing that the environment has worked out.
    """
    keys: list[str] = env.possible_agents
    speaker = keys.index(seat)
    heard = {keys.index(key) for key in to} if to else set(range(len(keys)))
    config = getattr(env.transcript.profile.game, "config", None)
    if config is not None:
        phase = config.state_properties.get(env.transcript.game_state.phase)
        visibility = "public" if phase is None else phase.visibility
        if visibility != "public":
            team = config.agents[speaker].team
            is_team = visibility == "team"
            heard &= {n for n, p in enumerate(config.agents) if is_team and p.team == team}
    return frozenset({speaker, *heard})


def _env(scene: MarkedScene, **settings: Any) -> Any:
    return parallel_env(scene.profile, agents=scene.characters, **settings)


def _compare_worlds(
    profile: EnvironmentProfile, agents: Sequence[AgentProfile] | None, seed: int, **settings: Any
) -> None:
    """Play a game in pairs of instances that one of its seats cannot tell apart."""
    if profile.game is None:
        return
    env = parallel_env(profile, agents=agents, **settings)
    env.reset(seed=seed)
    game, params = env.scene.game, env.scene.params
    assert hasattr(game, "resample"), (
        f"{profile.game.family} has no resample(), so nobody can say what its seats may not know; "
        "see sotopia_env.games.protocol"
    )
    for number, seat in enumerate(env.possible_agents):
        for world in range(_WORLDS):
            rng = np.random.default_rng([seed, number, world])
            other = profile.model_copy(update={"game": game.resample(params, number, rng)})
            double = parallel_env(other, agents=agents, **settings)
            check_noninterference(env, double, seat, rng)


def _play(env: Any, canaries: Canaries, rng: np.random.Generator) -> None:
    observations, infos = env.reset(seed=int(rng.integers(2**31)))
    seats: list[str] = env.possible_agents
    minds = {seat: [Conversation(seat, style) for style in _STYLES] for seat in seats}
    _look(env, minds, observations, infos, canaries)
    for number, seat in enumerate(seats):
        if env.visibility == "private":  # else less or more is told
            canaries.expect(env.history(seat), number)
    while env.agents:
        if rng.random() < 0.2:
            env.restore(env.snapshot())
        words: dict[str, str] = {}
        actions = {seat: _said(env, seat, canaries, words, rng) for seat in env.turn_order}
        observations, _, _, _, infos = env.step(actions)
        for seat, word in words.items():
            if infos.get(seat, {}).get("waiting"):  # a hand raised in vain: nobody has heard it
                canaries.owners[word] = NOBODY
        _look(env, minds, observations, infos, canaries)


def _play_in_turn(env: Any, canaries: Canaries, rng: np.random.Generator) -> None:
    """The same, one seat at a time."""
    view = AECView(env)
    view.reset(seed=int(rng.integers(2**31)))
    words: dict[str, str] = {}
    for seat in view.agent_iter():
        number = env.possible_agents.index(seat)
        observation, _, terminated, truncated, info = view.last()
        if info.get("waiting") and seat in words:
            canaries.owners[words[seat]] = NOBODY
        canaries.search(observation, "the observation in the AEC view", number)
        canaries.search(info, "the infos in the AEC view", number)
        has_ended = terminated or truncated
        view.step(None if has_ended else _said(env, seat, canaries, words, rng))


def _play_one_seat(env: Any, canaries: Canaries, rng: np.random.Generator) -> None:
    """The same as a single-agent environment, for each seat as the learner."""
    for number, seat in enumerate(env.possible_agents):
        words: dict[str, str] = {}

        def partner(name: str, seed: int, words: dict[str, str] = words) -> Any:
            return _Teller(name, lambda name: _said(env, name, canaries, words, rng))

        view = SingleAgentView(env, partner=partner, seat=number)
        observation, info = view.reset(seed=int(rng.integers(2**31)))
        is_over = False
        while not is_over:
            canaries.search(observation, "the observation in the single-agent view", number)
            canaries.search(info, "the infos in the single-agent view", number)
            action = _said(env, seat, canaries, words, rng) if env.agents else "Nothing."
            observation, _, terminated, truncated, info = view.step(action)
            is_over = terminated or truncated
        canaries.search(observation, "the last observation in the single-agent view", number)
        canaries.search(info, "the last infos in the single-agent view", number)


class _Teller:
    """A partner that says what it is told to."""

    is_privileged = False
    never_waits = True

    def __init__(self, seat: str, tell: Callable[[str], Any]) -> None:
        self.conversation = Conversation(seat)
        self._tell = tell

    async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> Any:
        return self._tell(self.conversation.seat)


def _said(
    env: Any, seat: str, canaries: Canaries, words: dict[str, str], rng: np.random.Generator
) -> dict[str, Any]:
    """Words with a canary, to everybody or to some; now and then a move, or a departure."""
    draw = rng.random()
    if draw < 0.2:
        text = env.sample_move(seat, rng)
        return {"action_type": "action" if rng.random() < 0.5 else "speak", "argument": text}
    others = [name for name in env.possible_agents if name != seat and rng.random() < 0.5]
    to = others if rng.random() < 0.5 else []
    fact = f"what {seat} said in turn {env.turn} to {to or 'all'}"
    word = words[seat] = canaries.mark(who_may_hear(env, seat, to), fact)
    if draw > 0.97:
        return {"action_type": "leave", "argument": word, "to": to}
    kind = ("speak", "non-verbal communication", "action")[int(rng.integers(3))]
    said = f"I say {word}."
    if draw < 0.4:  # nearly a move, so that the reason why it is none repeats it
        said = " ".join([*env.sample_move(seat, rng).split()[:1], word])
    return {"action_type": kind, "argument": said, "to": to}


def _look(
    env: Any,
    minds: Mapping[str, Sequence[Conversation]],
    observations: Mapping[str, Any],
    infos: Mapping[str, Any],
    canaries: Canaries,
) -> None:
    """Search all that the seats are given, and the prompts made of it."""
    canaries.search_all(observations, infos, env.possible_agents)
    for number, seat in enumerate(env.possible_agents):
        if seat not in observations:
            continue
        canaries.search(env.history(seat), "the history", number)
        for mind in minds[seat]:
            mind.observe(observations[seat], infos[seat])
            prompt = "\n".join(message.content for message in mind.prompt())
            canaries.search(prompt, f"the {mind.style} prompt", number)


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
