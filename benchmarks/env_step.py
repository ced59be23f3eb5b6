"""What a turn of a conversation costs: ours beside the original Sotopia and TextArena, in one run.

    python -m venv peers && peers/bin/pip install sotopia textarena
    python benchmarks/env_step.py --peers peers/bin/python

Ours is `SotopiaEnv` with characters, relationship and the rules of termination, as `parallel_env`
makes it; the original has its own rule of termination and no judge. All speak the same sentence,
actions are made beforehand. Peers run in an interpreter of their own, which is asked for one
measurement at a time; each is repeated, ours and theirs in turn, and the medians are compared.
Without `--peers` only ours are measured.
"""

import argparse
import json
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peer_steps import WORDS
from pettingzoo.utils.conversions import parallel_to_aec

from sotopia_env import AgentAction, AgentProfile, EnvironmentProfile, JudgeReward, parallel_env
from sotopia_env.views.aec import AECView

REPEATS = 7
STEPS = 2_000
SPOKEN = AgentAction("speak", WORDS)


class Peers:
    """The interpreter that has the peers."""

    def __init__(self, python: str) -> None:
        script = Path(__file__).with_name("peer_steps.py")
        self._process = subprocess.Popen(
            [python, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def ask(self, *question: Any) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(question), file=self._process.stdin, flush=True)
        return float(json.loads(self._process.stdout.readline()))


def environment(agents: int, order: str, **settings: Any) -> Any:
    """A conversation without an end."""
    profile = EnvironmentProfile(
        codename="bench", scenario="Two friends meet.", agent_goals=("Talk.",) * agents
    )
    people = [AgentProfile(first_name=f"Person{n}", last_name="Doe") for n in range(agents)]
    settings = {"max_turns": 10**6, "max_stale_turns": 10**6, "action_order": order, **settings}
    return parallel_env(profile, agents=people, **settings)


def microseconds(work: Callable[[], int]) -> float:
    """CPU time of one of the steps that `work` does and counts."""
    start = time.process_time()
    count = work()
    return (time.process_time() - start) / count * 1e6


def steps(env: Any, count: int) -> int:
    for _ in range(count):
        env.step(dict.fromkeys(env.turn_order, SPOKEN))
    return count


def step_at_turn_1(agents: int, order: str) -> float:
    env = environment(agents, order)
    total = 0.0
    for seed in range(STEPS // 10):
        env.reset(seed=seed)
        total += microseconds(lambda: steps(env, 1))
    return total / (STEPS // 10)


def step_at(agents: int, order: str, turn: int) -> float:
    env = environment(agents, order)
    total = 0.0
    for seed in range(20):
        env.reset(seed=seed)
        steps(env, turn - 1)
        total += microseconds(lambda: steps(env, 20))
    return total / 20


def steps_of(agents: int, order: str) -> float:
    env = environment(agents, order)
    env.reset(seed=0)
    return microseconds(lambda: steps(env, STEPS))


def resets(make: Callable[[], Any]) -> float:
    env = make()

    def work() -> int:
        for seed in range(200):
            env.reset(seed=seed)
        return 200

    return microseconds(work)


def new_scenes() -> float:
    """Making an environment anew and resetting it: every scenario and character is read."""

    def work() -> int:
        for _ in range(100):
            environment(2, "round-robin").reset(seed=0)
        return 100

    return microseconds(work)


def added_by_views() -> dict[str, list[float]]:
    """What stepping one seat at a time adds to a turn of the parallel environment, rewards on."""
    added: dict[str, list[float]] = {"the AEC view": [], "parallel_to_aec": []}

    def parallel() -> Any:
        return JudgeReward(environment(2, "round-robin"), judge=Never(), weights={"goal": 1.0})

    bare, ours, theirs = parallel(), AECView(parallel()), parallel_to_aec(parallel())
    for env in (bare, ours, theirs):
        env.reset(seed=0)

    def in_parallel() -> int:
        for _ in range(STEPS):
            bare.step({bare.turn_order[0]: SPOKEN})
        return STEPS

    def in_turn(view: Any) -> Callable[[], int]:
        def work() -> int:
            for _ in range(STEPS):
                view.step(SPOKEN)
            return STEPS

        return work

    # The conversion knows of no turns: it asks every seat, and steps when all have been asked.
    for _ in range(REPEATS):
        turn = microseconds(in_parallel)
        added["the AEC view"].append(microseconds(in_turn(ours)) - turn)
        added["parallel_to_aec"].append(microseconds(in_turn(theirs)) - turn / 2)
    return added


class Never:
    """A judge that is never asked, because the episode does not end."""

    name = "never"

    def evaluate(self, transcript: Any) -> Any:
        raise AssertionError


Cell = tuple[str, Callable[[], float], tuple[Any, ...] | None]
"""What is measured, ours, and the question to the peers."""

CELLS: tuple[Cell, ...] = (
    (
        "step of 2 agents at turn 1, simultaneous",
        lambda: step_at_turn_1(2, "simultaneous"),
        ("sotopia", 2, "simultaneous", "step_at_turn_1", 200),
    ),
    (
        "step of 2 agents at turn 1, round-robin",
        lambda: step_at_turn_1(2, "round-robin"),
        ("sotopia", 2, "round-robin", "step_at_turn_1", 200),
    ),
    *(
        (
            f"step (theirs: astep) of 2 agents at turn {turn}, simultaneous",
            lambda turn=turn: step_at(2, "simultaneous", turn),
            ("sotopia", 2, "simultaneous", "astep_at", turn, 20),
        )
        for turn in (10, 100, 300)
    ),
    *(
        (
            f"step (theirs: astep) of {agents} agents, {order}",
            lambda agents=agents, order=order: steps_of(agents, order),
            ("sotopia", agents, order, "astep_at", 2, 18),
        )
        for order in ("round-robin", "simultaneous")
        for agents in (2, 5, 10, 20)
    ),
    (
        "reset of 2 agents, the same scenario again",
        lambda: resets(lambda: environment(2, "round-robin")),
        ("sotopia", 2, "round-robin", "resets", 100),
    ),
    *(
        (f"reset to another {name}", lambda name=name: resets(lambda: parallel_env(name)), None)
        for name in (
            "price_negotiation",
            "resource_allocation",
            "spyfall?players=4",
            "undercover?players=4",
            "werewolf?players=6",
            "werewolf?players=12",
        )
    ),
    ("making an environment and resetting it", new_scenes, None),
    (
        "step at turn 10 (theirs: a move of SimpleNegotiation, 10 an episode)",
        lambda: step_at(2, "round-robin", 10),
        ("textarena", 10, 400),
    ),
    (
        "step at turn 100 (theirs: the same, 100 an episode)",
        lambda: step_at(2, "round-robin", 100),
        ("textarena", 100, 400),
    ),
)


def main() -> None:
    """Print a line for each measurement: medians with least and greatest, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--peers", help="a Python that has sotopia and textarena installed")
    peers = parser.parse_args().peers
    other = Peers(peers) if peers else None
    print(f"CPU microseconds: median (least-greatest) of {REPEATS}, ours and theirs in turn")
    print(f"{'':70}{'ours':>22}{'theirs':>24}{'ratio':>8}")
    medians = {}
    for name, ours, question in CELLS:
        mine, theirs = [], []
        for _ in range(REPEATS):
            mine.append(ours())
            if other is not None and question is not None:
                theirs.append(other.ask(*question))
        medians[name] = statistics.median(mine)
        ratio = f"{statistics.median(theirs) / medians[name]:8.1f}" if theirs else ""
        print(f"{name:70}{_cell(mine):>22}{_cell(theirs):>24}{ratio}")
    late, early = (medians[CELLS[n][0]] for n in (4, 2))
    print(f"ours at turn 300 / at turn 10: {late / early:.2f}")
    for view, added in added_by_views().items():
        print(f"one seat at a time: {view} adds {_cell(added)} a move")
    several = {n: medians[f"step (theirs: astep) of {n} agents, simultaneous"] for n in (2, 20)}
    print(f"ours with 20 agents / with 2, all speaking: {several[20] / several[2]:.1f}")


def _cell(values: list[float]) -> str:
    if not values:
        return ""
    return f"{statistics.median(values):.1f} ({min(values):.1f}-{max(values):.1f})"


if __name__ == "__main__":
    main()
