"""What one move costs: ours with exact rewards and space checks, beside bare PettingZoo games.

    python benchmarks/games.py

Every episode plays another generated instance. `bare_games` has the same rules written by hand with
nothing around them; before anything is timed, random plays make sure that both give the same
refusals, endings and rewards. Every contender plays the same utterances; the row with checks steps
with the very action it has checked. A move is what lies between two resets, the rewards at the end
included; what a reset costs stands beside it, and what it takes to generate an instance beneath.
Runs alternate, and the best of each is compared, because machines are shared. TextArena's own
negotiation is measured too where `textarena` is installed.
"""

import importlib.util
import itertools
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from bare_games import BareAllocation, BareGame, BareNegotiation

from sotopia_env import EnvironmentProfile, SotopiaEnv, VerifiableReward
from sotopia_env.games.price_negotiation import PriceParams
from sotopia_env.games.resource_allocation import AllocationParams
from sotopia_env.scenarios.families import load_family

REPEATS = 9
MOVES_PER_REPEAT = 10_000
LENGTHS = (10, 100, 400)
CHECKED, UNCHECKED, BARE = "ours, rewards and space checks", "ours, rewards", "bare PettingZoo game"
TEXTARENA = "TextArena SimpleNegotiation"
WORDS = "I have given this some thought ({}), and I believe that it is fair to both of us."

INSTANCES = 64

Episode = tuple[Callable[[], Any], Callable[[], int]]
"""Resets, and plays the moves; returns how many there were."""
Play = Callable[[int], Episode]
"""For a number of moves: an episode of them."""


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One instance in both forms, and what is said in it."""

    profile: EnvironmentProfile
    bare: BareGame
    moves: Sequence[str]
    """Proposals, all legal and none accepted before the end."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """One game: an instance of it by number and length, and other things to say."""

    name: str
    instance: Callable[[EnvironmentProfile, int], Instance]
    traps: Sequence[str]

    def instances(self, length: int) -> list[Instance]:
        draw = load_family(self.name).draw
        return [self.instance(draw("train", n, {}), length) for n in range(INSTANCES)]


def sale(drawn: EnvironmentProfile, length: int) -> Instance:
    """The bare game has the seller in seat 0."""
    game: Any = drawn.game
    order = 1 if game.roles[0] == "seller" else -1
    params = PriceParams(
        item=game.item,
        currency=game.currency,
        roles=("seller", "buyer"),
        reservations=game.reservations[::order],
        targets=game.targets[::order],
        low=game.low,
        high=game.high,
        deadline=length,
    )
    return Instance(
        profile=_profile(drawn, params),
        bare=BareNegotiation(*params.reservations, params.low, params.high, length),
        moves=[f"OFFER {price}" for price in range(params.low, params.high + 1)],
    )


def division(drawn: EnvironmentProfile, length: int) -> Instance:
    """The bare game knows of nothing outside."""
    game: Any = drawn.game
    params = AllocationParams(issues=game.issues, weights=game.weights, deadline=length)
    quantities = [issue.quantity for issue in params.issues]
    kept = itertools.product(*(range(quantity + 1) for quantity in quantities))
    return Instance(
        profile=_profile(drawn, params),
        bare=BareAllocation(quantities, params.weights, length),
        moves=[f"PROPOSE {' '.join(map(str, keep))}" for keep in kept],
    )


FAMILIES = (
    Family(
        name="price_negotiation",
        instance=sale,
        traps=["Hm.", "ACCEPT", "REJECT", "OFFER 5000", "FINAL_BID: 60", "FINAL_BID: 55"],
    ),
    Family(
        name="resource_allocation",
        instance=division,
        traps=["Hm.", "ACCEPT", "REJECT", "PROPOSE 9 0 0", "I_CLAIM: 1 1 1", "I_CLAIM: 0 1 0"],
    ),
)


def _profile(drawn: EnvironmentProfile, params: PriceParams | AllocationParams) -> Any:
    return drawn.model_copy(update={"game": params, "agent_names": ("agent_0", "agent_1")})


def environment(instances: Sequence[Instance], length: int) -> Any:
    """Ours; `reset(seed=n)` plays instance n."""
    profiles = [instance.profile for instance in instances]
    return VerifiableReward(SotopiaEnv(lambda seed: profiles[seed], max_turns=length + 1))


def script(instance: Instance, length: int) -> list[str]:
    """What is said in an episode of `length` moves; the last accepts."""
    proposals = [
        f"{instance.moves[turn % len(instance.moves)]}\n{WORDS.format(turn)}"
        for turn in range(length - 1)
    ]
    return [*proposals, "ACCEPT"]


def check_same_rules(family: Family, plays: int = 300) -> None:
    """Random plays give the same refusals, texts, endings and rewards in both forms."""
    rng = random.Random(0)
    instances = family.instances(12)
    ours = environment(instances, 12)
    for play_number in range(plays):
        instance = instances[play_number % INSTANCES]
        bare = instance.bare
        ours.reset(seed=play_number % INSTANCES)
        bare.reset(seed=0)
        while bare.agents:
            said = rng.choice(instance.moves if rng.random() < 0.5 else family.traps)
            action = {ours.turn_order[0]: said}
            texts, rewards, ended, _, infos = ours.step(action)
            bare_texts, bare_rewards, bare_ended, _, _ = bare.step(action)
            assert ended == bare_ended, said
            assert rewards == bare_rewards, said
            for agent, text in bare_texts.items():
                assert ("note" in infos[agent]) == ("does not count" in text), said
                assert "note" in infos[agent] or texts[agent]["text"] == text
        assert not ours.agents


def play_checked(env: Any, texts: Sequence[str]) -> int:
    """The moves of one episode, every action and observation checked against its space."""
    actions = {agent: env.action_space(agent) for agent in env.possible_agents}
    views = {agent: env.observation_space(agent) for agent in env.possible_agents}
    for text in texts:
        seat = env.turn_order[0]
        action = {"action_type": 1, "argument": text, "to": _NOBODY}
        assert actions[seat].contains(action)
        observations, *_ = env.step({seat: action})
        for agent, observation in observations.items():
            assert views[agent].contains(observation)
    assert not env.agents
    return len(texts)


def play(env: Any, texts: Sequence[str]) -> int:
    """The moves of one episode of ours, without checks."""
    for text in texts:
        env.step({env.turn_order[0]: text})
    assert not env.agents
    return len(texts)


def play_bare(env: BareGame, texts: Sequence[str]) -> int:
    """The moves of one episode of a bare game."""
    for text in texts:
        env.step({env.agents[env.turn % 2]: text})
    assert not env.agents
    return len(texts)


class TextArena:
    """TextArena's SimpleNegotiation, every offer denied.

    A new environment for each episode: what one has logged stays over `reset` and slows it down.
    """

    def __init__(self, make: Callable[..., Any], length: int) -> None:
        self._make, self._length = make, length

    def reset(self) -> None:
        self._env = self._make("SimpleNegotiation-v0", max_turns=self._length)
        self._env.reset(num_players=2, seed=0)

    def play(self) -> int:
        for move in range(self._length):
            self._env.get_observation()
            said = _OFFER if move % 2 == 0 else "I believe that it is not fair. [Deny]"
            self._env.step(said)
        return self._length


def microseconds(episode: Episode) -> tuple[float, float]:
    """CPU time of one move and of one reset over one repeat."""
    reset, play_moves = episode
    moves = episodes = 0
    in_resets = in_moves = 0.0
    while moves < MOVES_PER_REPEAT:
        start = time.process_time()
        reset()
        ready = time.process_time()
        moves += play_moves()
        in_moves += time.process_time() - ready
        in_resets += ready - start
        episodes += 1
    return in_moves / moves * 1e6, in_resets / episodes * 1e6


def measure(title: str, contenders: dict[str, Play]) -> dict[tuple[str, int], float]:
    """Print one table; the best time by contender and number of moves."""
    print(f"\n{title}")
    print(f"{'':34}" + "".join(f"{f'{n} moves':>16}" for n in LENGTHS) + f"{'a reset':>16}")
    best: dict[tuple[str, int], float] = {}
    cells = dict.fromkeys(contenders, "")
    resets = dict.fromkeys(contenders, float("inf"))
    for n in LENGTHS:
        episodes = {name: make(n) for name, make in contenders.items()}
        times: dict[str, list[float]] = {name: [] for name in episodes}
        for _ in range(REPEATS):
            for name, episode in episodes.items():
                move, reset = microseconds(episode)
                times[name].append(move)
                resets[name] = min(resets[name], reset)
        for name, values in times.items():
            best[name, n] = min(values)
            cells[name] += f"{f'{min(values):.1f} ({statistics.median(values):.1f})':>16}"
    for name, row in cells.items():
        print(f"{name:34}{row}{resets[name]:16.1f}")
    return best


def main() -> None:
    """Print a table for each family and the ratios that matter."""
    print(f"CPU microseconds a move, best (median) of {REPEATS} interleaved repeats")
    for family in FAMILIES:
        check_same_rules(family)
        best = measure(family.name, _contenders(family))
        ratios = ", ".join(f"{best[CHECKED, n] / best[BARE, n]:.2f}" for n in LENGTHS)
        print(f"ours with checks / bare: {ratios}")
        print(f"ours at 400 moves / at 10: {best[CHECKED, 400] / best[CHECKED, 10]:.2f}")
        print(f"generating an instance: {_generation(family.name):.0f} microseconds")


def _generation(name: str) -> float:
    draw = load_family(name).draw
    times = []
    for repeat in range(REPEATS):
        start = time.process_time()
        for number in range(INSTANCES):
            draw("train", repeat * INSTANCES + number, {})
        times.append(time.process_time() - start)
    return min(times) / INSTANCES * 1e6


def _contenders(family: Family) -> dict[str, Play]:
    def ours(player: Callable[[Any, list[str]], int]) -> Play:
        def bound(length: int) -> Episode:
            instances = family.instances(length)
            env = environment(instances, length)
            texts = itertools.cycle(_scripts(instances, length))
            numbers = itertools.cycle(range(INSTANCES))
            return lambda: env.reset(seed=next(numbers)), lambda: player(env, next(texts))

        return bound

    def bare(length: int) -> Episode:
        instances = family.instances(length)
        games = itertools.cycle(
            zip([i.bare for i in instances], _scripts(instances, length), strict=True)
        )
        game: list[Any] = []

        def reset() -> None:
            game[:] = next(games)
            game[0].reset(seed=0)

        return reset, lambda: play_bare(*game)

    contenders = {CHECKED: ours(play_checked), UNCHECKED: ours(play), BARE: bare}
    if importlib.util.find_spec("textarena"):
        import textarena

        def textarena_game(length: int) -> Episode:
            game = TextArena(textarena.make, length)
            return game.reset, game.play

        contenders[TEXTARENA] = textarena_game
    return contenders


def _scripts(instances: Sequence[Instance], length: int) -> list[list[str]]:
    return [script(instance, length) for instance in instances]


_OFFER = "I have given this some thought. [Offer: 1 Wheat -> 1 Wood]"
_NOBODY = np.zeros(2, dtype=np.int8)

if __name__ == "__main__":
    main()
