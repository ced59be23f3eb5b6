"""What one move costs: ours with exact rewards and space checks, beside bare PettingZoo games.

    python benchmarks/env_step.py

`bare_games` has the same rules written by hand with nothing around them; before anything is timed,
random plays make sure that both give the same refusals, endings and rewards. Every contender plays
the same utterances; the row with checks steps with the very action it has checked. A move is what
lies between two resets, the rewards at the end included; what a reset costs stands beside it. Runs
alternate, and the best of each is compared, because machines are shared. TextArena's own
negotiation is measured too where `textarena` is installed.
"""

import importlib.util
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from bare_games import BareAllocation, BareGame, BareNegotiation

from sotopia_env import EnvironmentProfile, parallel_env
from sotopia_env.games.price_negotiation import PriceParams
from sotopia_env.games.resource_allocation import AllocationParams, Issue

REPEATS = 9
MOVES_PER_REPEAT = 10_000
LENGTHS = (10, 100, 400)
CHECKED, UNCHECKED, BARE = "ours, rewards and space checks", "ours, rewards", "bare PettingZoo game"
TEXTARENA = "TextArena SimpleNegotiation"
WORDS = "I have given this some thought ({}), and I believe that it is fair to both of us."

Episode = tuple[Callable[[], Any], Callable[[], int]]
"""Resets, and plays the moves; returns how many there were."""
Play = Callable[[int], Episode]
"""For a number of moves: an episode of them."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """One game in both forms, and what is said in it."""

    ours: Callable[[int], Any]
    bare: Callable[[int], BareGame]
    moves: Sequence[str]
    """Proposals, all legal and none accepted before the end."""
    traps: Sequence[str]
    """Other things to say, for the comparison of the rules."""


def price_negotiation() -> Family:
    def ours(length: int) -> Any:
        params = PriceParams(
            item="lamp",
            currency="euros",
            roles=("seller", "buyer"),
            reservations=(40, 70),
            targets=(90, 20),
            low=1,
            high=120,
            deadline=length,
        )
        return _env("A and B talk about the price of a lamp.", params, length)

    return Family(
        ours=ours,
        bare=lambda length: BareNegotiation(40, 70, 1, 120, length),
        moves=[f"OFFER {price}" for price in range(1, 121)],
        traps=["Hm.", "ACCEPT", "REJECT", "OFFER 500", "FINAL_BID: 60", "FINAL_BID: 55"],
    )


def resource_allocation() -> Family:
    weights = ((4, 1, 2), (1, 3, 2))

    def ours(length: int) -> Any:
        issues = tuple(Issue(name=name, quantity=3) for name in ("books", "hats", "balls"))
        params = AllocationParams(issues=issues, weights=weights, deadline=length)
        return _env("A and B divide what they have found.", params, length)

    amounts = [f"{a} {b} {c}" for a in range(4) for b in range(4) for c in range(4)]
    return Family(
        ours=ours,
        bare=lambda length: BareAllocation((3, 3, 3), weights, length),
        moves=[f"PROPOSE {keep}" for keep in amounts],
        traps=["Hm.", "ACCEPT", "REJECT", "PROPOSE 9 0 0", "I_CLAIM: 1 2 1", "I_CLAIM: 2 1 2"],
    )


def _env(scenario: str, params: PriceParams | AllocationParams, length: int) -> Any:
    profile = EnvironmentProfile(
        scenario=scenario,
        agent_goals=("Get much.", "Get much."),
        agent_names=("agent_0", "agent_1"),
        game=params,
    )
    return parallel_env(profile, max_turns=length + 1)


def script(family: Family, length: int) -> list[str]:
    """What is said in an episode of `length` moves; the last accepts."""
    proposals = [
        f"{family.moves[turn % len(family.moves)]}\n{WORDS.format(turn)}"
        for turn in range(length - 1)
    ]
    return [*proposals, "ACCEPT"]


def check_same_rules(family: Family, plays: int = 300) -> None:
    """Random plays give the same refusals, texts, endings and rewards in both forms."""
    rng = random.Random(0)
    ours, bare = family.ours(12), family.bare(12)
    for _ in range(plays):
        ours.reset(seed=0)
        bare.reset(seed=0)
        while bare.agents:
            said = rng.choice(family.moves if rng.random() < 0.5 else family.traps)
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
    for make in (price_negotiation, resource_allocation):
        family = make()
        check_same_rules(family)
        best = measure(make.__name__, _contenders(family))
        ratios = ", ".join(f"{best[CHECKED, n] / best[BARE, n]:.2f}" for n in LENGTHS)
        print(f"ours with checks / bare: {ratios}")
        print(f"ours at 400 moves / at 10: {best[CHECKED, 400] / best[CHECKED, 10]:.2f}")


def _contenders(family: Family) -> dict[str, Play]:
    def of(player: Callable[[Any, list[str]], int], env: Callable[[int], Any]) -> Play:
        def bound(length: int) -> Episode:
            played, texts = env(length), script(family, length)
            return lambda: played.reset(seed=0), lambda: player(played, texts)

        return bound

    contenders = {
        CHECKED: of(play_checked, family.ours),
        UNCHECKED: of(play, family.ours),
        BARE: of(play_bare, family.bare),
    }
    if importlib.util.find_spec("textarena"):
        import textarena

        def textarena_game(length: int) -> Episode:
            game = TextArena(textarena.make, length)
            return game.reset, game.play

        contenders[TEXTARENA] = textarena_game
    return contenders


_OFFER = "I have given this some thought. [Offer: 1 Wheat -> 1 Wood]"
_NOBODY = np.zeros(2, dtype=np.int8)

if __name__ == "__main__":
    main()
