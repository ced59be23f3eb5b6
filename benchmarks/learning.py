"""What training reaches over several seeds: runs the command, measures it, prints the tables.

    python benchmarks/learning.py verifiable 0 1 2
    python benchmarks/learning.py verifiable_full 0 1 2

Runs lie in `outputs/learning/<exp>-s<seed>`; a finished one is not run again, and one of other
settings is refused. What a run took is known only of runs made at one go. Figures of all seeds
together are pooled over games, their intervals clustered by scenario, because every seed is
evaluated on the same held-out scenarios. The tables are Markdown, as in `docs/results.md`.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sotopia_env.intervals import Estimate
from sotopia_env.runner import Cast
from sotopia_env.store import SqliteStore
from sotopia_trainers import evaluate
from sotopia_trainers.evaluate import Match, Result, result_of

ROOT = Path("outputs/learning")
USAGE = "usage.json"


def main() -> int:
    """Run what is missing, then print one table a family."""
    if len(sys.argv) < 3 or not all(seed.isdecimal() for seed in sys.argv[2:]):
        print(__doc__, file=sys.stderr)
        return 2
    experiment, seeds = sys.argv[1], [int(seed) for seed in sys.argv[2:]]
    folders = {seed: ROOT / f"{experiment}-s{seed}" for seed in seeds}
    for seed, folder in folders.items():
        status = run(experiment, seed, folder)
        if status:
            return status
    summaries = [read(folder / "summary.json") for folder in folders.values()]
    families = list(summaries[0].get("families", {"": None}))
    for family in families:
        parts = [s["families"][family] if family else s for s in summaries]
        played = [results(folder, family) for folder in folders.values()]
        print(table(family, seeds, parts, played))
    print(usage_table(folders))
    return 0


def run(experiment: str, seed: int, folder: Path) -> int:
    """Run one seed as a process of its own and keep what it used; its exit code.

    A finished run only shows itself, or refuses to be one of these settings.
    """
    is_new = not folder.exists()
    command = [sys.executable, "-m", "sotopia_trainers.grpo", f"+exp={experiment}"]
    start = time.monotonic()
    process = subprocess.Popen([*command, f"seed={seed}", f"hydra.run.dir={folder}"])
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode == 0 and is_new:
        usage = {
            "minutes": (time.monotonic() - start) / 60,
            "cpu_minutes": (used.ru_utime + used.ru_stime) / 60,
            "peak_gib": used.ru_maxrss / 2**20,
        }
        (folder / USAGE).write_text(json.dumps(usage), encoding="utf-8")
    return process.returncode


def results(folder: Path, family: str) -> dict[str, list[Result]]:
    """The evaluation games of a run before (`clone`) and after (`grpo`), in one order."""
    found: dict[str, list[Result]] = {"clone": [], "grpo": []}
    store = SqliteStore(folder / "episodes.sqlite")
    try:
        for episode in store.episodes():
            if episode.tag not in found or not episode.scenario.scenario_id.startswith(family):
                continue
            agents = [episode.seats[f"agent_{seat}"].agent for seat in range(2)]
            seat = agents.index("learner")
            match = Match(
                scenario=episode.scenario.scenario_id,
                seat=seat,
                partner=agents[1 - seat],
                seed=episode.seed,
            )
            found[episode.tag].append(result_of(match, episode))
    finally:
        store.close()
    for games in found.values():
        games.sort(key=lambda r: (r.match.scenario, r.match.partner, r.match.seat, r.match.seed))
    return found


def table(
    family: str,
    seeds: Sequence[int],
    parts: Sequence[dict[str, Any]],
    played: Sequence[dict[str, list[Result]]],
) -> str:
    """Markdown: a row a figure, a column a seed, and one for all seeds together."""
    held_out = parts[0]["held_out"]["partner"]

    def games(tag: str, *, held: bool = False) -> list[Result]:
        return [r for p in played for r in p[tag] if (r.match.partner == held_out) == held]

    def pooled(measure: Callable[..., Estimate], *tags: str, held: bool = False) -> str:
        return str(measure(*(games(tag, held=held) for tag in tags)))

    def margin() -> str:
        after, constant = games("grpo"), parts[0]["share"]["best_constant"]["agent"]
        return str(evaluate.gain(after, evaluate.play(constant, [r.match for r in after], Cast())))

    lines = [
        f"\n**{family or 'price_negotiation'}**\n",
        "| | " + " | ".join(f"seed {seed}" for seed in seeds) + " | together |",
        "|---" * (len(seeds) + 2) + "|",
    ]

    def row(label: str, figure: Callable[[dict[str, Any]], str], together: str = "") -> None:
        lines.append(f"| {label} | " + " | ".join(map(figure, parts)) + f" | {together} |")

    row("share, clone", at("share", "clone"), pooled(evaluate.mean_share, "clone"))
    row("share, demonstrators", at("share", "demonstrators"))
    row("clone / demonstrators", ratio("clone", "demonstrators"))
    row("share, GRPO", at("share", "grpo"), pooled(evaluate.mean_share, "grpo"))
    row("gain, paired", at("share", "gain"), pooled(evaluate.gain, "grpo", "clone"))
    row("share, best scripted", lambda s: named(s["share"]["best_scripted"]))
    row("GRPO / best scripted", ratio("grpo", "best_scripted"))
    row("share, best constant", lambda s: named(s["share"]["best_constant"]))
    row("over it, paired", at("share", "over_best_constant"), margin())
    row("share, solver", at("share", "solver"))
    for tag in ("clone", "grpo"):
        row(
            f"win rate, held-out partner, {tag}",
            at("held_out", "win_rate", tag),
            pooled(evaluate.win_rate, tag, held=True),
        )
    row(
        "its gain, paired",
        at("held_out", "win_rate", "gain"),
        pooled(evaluate.win_gain, "grpo", "clone", held=True),
    )
    row("agreement rate, GRPO", at("agreement", "grpo"), pooled(evaluate.agreement_rate, "grpo"))
    row("invalid-move rate, clone", at("invalid_moves", "clone"))
    row("invalid-move rate, GRPO", at("invalid_moves", "grpo"))
    row("words an utterance, GRPO", at("words", "grpo"))
    row("sentences of demonstrators, GRPO", at("known_sentences", "grpo"))
    row("distinct-2, demonstrators", at("distinct_2", "demonstrators"))
    row("distinct-2, GRPO", at("distinct_2", "grpo"))
    return "\n".join(lines)


def at(*path: str) -> Callable[[dict[str, Any]], str]:
    """Reads a figure with its interval."""

    def text(summary: Any) -> str:
        for key in path:
            summary = summary[key]
        return f"{summary['value']:.3f} [{summary['low']:.3f}, {summary['high']:.3f}]"

    return text


def ratio(first: str, second: str) -> Callable[[dict[str, Any]], str]:
    """Reads two mean shares as a percentage."""
    return lambda s: f"{100 * s['share'][first]['value'] / s['share'][second]['value']:.0f} %"


def named(figure: dict[str, Any]) -> str:
    return f"{figure['value']:.3f} ({figure['agent'].partition(':')[2]})"


def usage_table(folders: dict[int, Path]) -> str:
    """Markdown: what each run took, and what it was a run of."""
    lines = ["", "| | minutes | CPU minutes | peak memory | settings | commits |", "|---" * 6 + "|"]
    for seed, folder in folders.items():
        took = "not known | not known | not known"
        if (folder / USAGE).exists():
            used = read(folder / USAGE)
            took = f"{used['minutes']:.1f} | {used['cpu_minutes']:.1f} | {used['peak_gib']:.2f} GiB"
        run_of = read(folder / "manifest.json")
        commits = ", ".join(str(code["git_commit"])[:7] for code in run_of["made_with"])
        lines.append(f"| seed {seed} | {took} | {run_of['config_hash']} | {commits} |")
    return "\n".join(lines)


def read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())
