"""Checks for users' own scenarios, environments and games.

What is called `check_` raises `AssertionError`. Beyond PettingZoo's tests, which stop at the first
departure and look at one step only, these play whole episodes.
"""

import contextlib
import copy
import io
import math
import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from pettingzoo import AECEnv, test
from pettingzoo.utils.conversions import parallel_to_aec

from .auditing import check_leaks, unread_passages
from .comparison import is_same
from .moves import Invalid
from .scenarios.similarity import near_duplicates

__all__ = [
    "ALLOWED_WARNINGS",
    "check_env",
    "check_game",
    "check_leaks",
    "is_same",
    "near_duplicates",
    "unread_passages",
]

ALLOWED_WARNINGS: Final = (
    "Observation is not a NumPy array",
    "Observation space for each agent probably should be gymnasium.spaces.box",
    "Action space for each agent probably should be gymnasium.spaces.box",
)
"""What PettingZoo's tests say of every text environment; anything else fails a check."""

_ZOO: Final[Any] = test
_CYCLES: Final = 100
_MOST_TURNS: Final = 2_000
_MOVES_A_TURN: Final = 20
_PROSE: Final = ("", "Good morning.", "\x00", "12", "(", '"', "\u200b", "I would take nothing.")


def check_env(env_factory: Callable[[], Any], *, seed: int = 0) -> None:
    """Whether an environment keeps the contract of PettingZoo and the promises of this project.

    Runs PettingZoo's api and seed tests (of a parallel environment, also through its AEC
    conversion), and plays whole episodes: equal seeds and actions give equal episodes, nothing
    global is drawn from, and no step returns an object that another step returned.

    Args:
        env_factory: makes a new environment of the same kind at every call, parallel or AEC.
        seed: of the episodes and of the actions.

    Raises:
        AssertionError: says what does not hold.
    """
    with _only_allowed_warnings():
        env = env_factory()
        if isinstance(env, AECEnv):
            _ZOO.api_test(env, num_cycles=_CYCLES)
            _ZOO.seed_test(env_factory, num_cycles=_CYCLES)
            return
        _ZOO.parallel_api_test(env, num_cycles=_CYCLES)
        _ZOO.parallel_seed_test(env_factory, num_cycles=_CYCLES)
        _ZOO.api_test(parallel_to_aec(env_factory()), num_cycles=_CYCLES)
        _ZOO.seed_test(lambda: parallel_to_aec(env_factory()), num_cycles=_CYCLES)
    for actions in (_sampled, _moving):
        before = _global_generators()
        first, second = (
            _episode(env_factory(), seed, actions),
            _episode(env_factory(), seed, actions),
        )
        after = _global_generators()
        assert is_same(before, after), "the environment draws from a global random generator"
        for turn, (one, other) in enumerate(zip(first, second, strict=True)):
            assert is_same(one, other), f"two episodes of seed {seed} differ after {turn} turns"


def check_game(game: Any, params: Any, *, plays: int = 20, seed: int = 0) -> None:
    """Whether rules keep the laws of the `Game` protocol, in random plays of one instance.

    Moves read back from their own text, sampled moves are legal, `apply` leaves its argument as it
    was, plays end by themselves, a seat sees at the start what it would see in an instance that
    `resample` gives, and outcomes agree with `solution`: no agreement that every seat
    would take beats the ideal, the utilitarian or the Nash point. A game in phases ends with a
    verdict and utilities from -1 to 1.

    Raises:
        AssertionError: says what does not hold.
    """
    rng = np.random.default_rng(seed)
    solution, stakes = game.solution(params), game.stakes(params)
    same = (solution.disagreement, solution.ideal) == (stakes.disagreement, stakes.ideal)
    assert same, f"solution() and stakes() differ: {solution}, {stakes}"
    if not getattr(game, "is_phased", False):
        _check_solution(solution)
    for play in range(plays):
        first, second = (
            np.random.default_rng([seed, play]) if game.has_chance else None for _ in range(2)
        )
        state, again = _begun(game, params, first), _begun(game, params, second)
        assert state == again, "start() is no function of params and its generator"
        turn = 0
        while not game.is_over(state):
            assert turn < _MOST_TURNS, f"a play goes on after {turn} turns"
            may_pause = getattr(game, "is_phased", False)
            assert may_pause or game.acting(state), f"nobody may act in {state}"
            acting = [seat for seat in game.acting(state) if rng.random() < 0.5]
            moves = {seat: _checked_move(game, state, seat, rng) for seat in acting}
            before = copy.deepcopy(state)
            state_after = game.apply(state, {s: m for s, m in moves.items() if m is not None})
            assert state == before, f"apply() changed the state it was given: {moves}"
            state, turn = state_after, turn + 1
        _check_outcome(game, state, solution)
        _check_resampling(game, params, rng)


def _check_resampling(game: Any, params: Any, rng: np.random.Generator) -> None:
    for seat in range(game.seats or params.seats):
        other = game.resample(params, seat, rng)
        one, double = (
            _begun(game, p, np.random.default_rng(0) if game.has_chance else None)
            for p in (params, other)
        )
        view, same = game.observe(one, seat), game.observe(double, seat)
        assert is_same(view, same), (
            f"seat {seat} can tell the instance that resample() gives from its own: "
            f"{view!r:.200}, {same!r:.200}"
        )


def _begun(game: Any, params: Any, rng: np.random.Generator | None) -> Any:
    if getattr(game, "is_phased", False):
        return game.begin(params, rng, "round-robin")
    return game.start(params, rng)


def _checked_move(game: Any, state: Any, seat: int, rng: np.random.Generator) -> Any:
    legal = list(game.legal_moves(state, seat))
    drawn = game.sample_move(state, seat, rng)
    assert (drawn in legal) if legal else drawn is None, f"sample_move() gave {drawn}, not legal"
    chosen = rng.permutation(len(legal))[:_MOVES_A_TURN]
    for move in [legal[int(index)] for index in chosen]:
        text = game.render(move)
        read = game.parse(text, state, seat)
        assert read == move, f"{text!r} is the text of {move}, but reads as {read}"
    for text in _PROSE:
        read = game.parse(text, state, seat)
        is_none = read is None or (getattr(game, "is_phased", False) and isinstance(read, Invalid))
        assert is_none, f"{text!r} is no move, but reads as {read}"
    return drawn


def _check_solution(solution: Any) -> None:
    for one in solution.frontier:
        assert all(map(math.isfinite, one)), f"frontier point {one} is not finite"
        for other in solution.frontier:
            assert not _beats(other, one), f"frontier point {other} beats {one}"
        for own, base in zip(one, solution.disagreement, strict=True):
            assert own >= base, f"frontier point {one} is worse than {solution.disagreement}"
    if solution.frontier:
        best = tuple(map(max, zip(*solution.frontier, strict=True)))
        assert best == solution.ideal, f"ideal {solution.ideal} is not the best of each: {best}"


def _check_outcome(game: Any, state: Any, solution: Any) -> None:
    utilities = game.utilities(state)
    base = solution.disagreement
    seats = game.seats or state.params.seats
    assert len(utilities) == seats, f"{len(utilities)} utilities for {seats} seats"
    assert all(map(math.isfinite, utilities)), f"utilities {utilities} are not finite"
    if getattr(game, "is_phased", False):
        assert game.verdict(state), "the game is over without a verdict"
        assert all(-1 <= own <= 1 for own in utilities), f"{utilities} do not lie in -1..1"
        return
    if not game.is_agreed(state):
        assert tuple(utilities) == tuple(base), f"no agreement gives {utilities}, not {base}"
        return
    if any(own < least for own, least in zip(utilities, base, strict=True)):
        return
    gains = [own - least for own, least in zip(utilities, base, strict=True)]
    assert solution.has_agreement_zone, f"agreement at {utilities}, but the frontier is empty"
    assert not any(_beats(utilities, point) for point in solution.frontier), (
        f"agreement at {utilities} beats the frontier"
    )
    assert all(own <= most for own, most in zip(utilities, solution.ideal, strict=True)), (
        f"agreement at {utilities} beats the ideal {solution.ideal}"
    )
    assert sum(utilities) <= sum(solution.utilitarian) + 1e-9, (
        f"agreement at {utilities} beats the utilitarian point {solution.utilitarian}"
    )
    nash = [own - least for own, least in zip(solution.nash, base, strict=True)]
    assert math.prod(gains) <= math.prod(nash) + 1e-9, (
        f"agreement at {utilities} beats the Nash point {solution.nash}"
    )


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Pareto: nowhere worse and somewhere better."""
    pairs = list(zip(one, other, strict=True))
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)


def _sampled(env: Any, infos: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    return {a: env.action_space(a).sample(infos[a].get("action_mask")) for a in env.agents}


def _moving(env: Any, infos: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Random legal moves, which play to the end where sampled actions leave early."""
    if not hasattr(env, "sample_move"):
        return _sampled(env, infos, rng)
    return {seat: env.sample_move(seat, rng) for seat in env.turn_order}


def _episode(
    env: Any, seed: int, actions: Callable[[Any, Mapping[str, Any], np.random.Generator], Any]
) -> list[Any]:
    """All an environment returned in an episode; checks that nothing is shared or changed."""
    returned: list[Any] = [env.reset(seed=seed)]
    copies = copy.deepcopy(returned)
    for index, agent in enumerate(env.agents):
        env.action_space(agent).seed(seed + index)
    rng = np.random.default_rng(seed)
    while env.agents and len(returned) <= _MOST_TURNS:
        result = env.step(actions(env, returned[-1][-1], rng))
        for agent, observation in result[0].items():
            assert env.observation_space(agent).contains(observation), (
                f"{agent} observes what is not in its space: {observation!r:.200}"
            )
        returned.append(result)
        copies.append(copy.deepcopy(result))
    seen: set[int] = set()
    for turn, (result, copied) in enumerate(zip(returned, copies, strict=True)):
        assert is_same(result, copied), f"what turn {turn} returned was changed later"
        own = set(_mutable(result))
        assert not own & seen, f"turn {turn} returns an object that an earlier turn returned"
        seen |= own
    return returned


def _mutable(value: object) -> Iterator[int]:
    """Identities of the containers in a value that somebody could write to."""
    if isinstance(value, dict | list | set | np.ndarray):
        yield id(value)
    if isinstance(value, dict):
        for item in value.values():
            yield from _mutable(item)
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from _mutable(item)


def _global_generators() -> Any:
    """The state of Python's and NumPy's generators, which an environment must leave alone."""
    return random.getstate(), np.random.get_state()  # noqa: NPY002  # to see it untouched


@contextlib.contextmanager
def _only_allowed_warnings() -> Iterator[None]:
    """Quiet; fails for any warning but those of `ALLOWED_WARNINGS`."""
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("always")
        yield
    others = [str(w.message) for w in caught if not str(w.message).startswith(ALLOWED_WARNINGS)]
    assert not others, f"warnings of PettingZoo's tests: {others}"
