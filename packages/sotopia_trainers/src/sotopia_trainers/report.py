"""`report.html`: what a run found, with curves, tables and dialogues.

The HTML is one file that needs nothing else: pictures are PNG inside it.
"""

import base64
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any, Final

from sotopia_env.episode import Episode
from sotopia_env.run_folder import Run, write_atomically
from sotopia_env.store import SqliteStore

from . import evaluate
from .findings import Findings, summarise, table, text

_SMOOTHING: Final = 10
"""Steps over which the reward curve is averaged."""
_GREY, _BLUE, _ORANGE, _GREEN = "#8a8f98", "#3b6fb6", "#d97706", "#2f855a"


def write_report(findings: Findings, run: Run) -> None:
    """Write `report.html`, then finish the run with its summary and table."""
    summary = summarise(findings)
    page = _page(findings, summary)
    write_atomically(run.folder / "report.html", page)
    run.finish(summary, table(findings, summary) + f"report: {run.folder / 'report.html'}\n")


# -- the page -----------------------------------------------------------------------------------


def _page(findings: Findings, summary: Mapping[str, Any]) -> str:
    settings = findings.settings
    families = summary.get("families", {settings.scenarios[0]: summary})
    return _HTML.format(
        title=escape(f"GRPO in {', '.join(settings.scenarios)}"),
        style=_STYLE,
        curves=_image(
            _curves(findings.folder / "metrics.jsonl", summary["share"]),
            "Reward and entropy by step",
        ),
        families="".join(
            (f"<h2>{escape(family)}</h2>" if len(families) > 1 else "")
            + _family(findings.of(family), figures)
            for family, figures in families.items()
        ),
        dialogues=_dialogues(findings),
        settings=escape(json.dumps(asdict(settings), indent=2, default=str)),
    )


def _family(findings: Findings, figures: Mapping[str, Any]) -> str:
    """What was reached in one family: in a sentence, four figures, a picture and a table."""
    share, held_out = figures["share"], figures["held_out"]
    tiles = [
        ("share before", share["clone"]),
        ("share after", share["grpo"]),
        ("gain, paired", share["gain"]),
        ("win rate, held-out partner", held_out["win_rate"]["grpo"]),
    ]
    return _FAMILY.format(
        lead=escape(_lead(findings, figures)),
        tiles="".join(
            f'<div class="tile"><b>{figure["value"]:.2f}</b><span>{escape(label)}</span>'
            f"<small>95 %: {figure['low']:.2f} to {figure['high']:.2f}</small></div>"
            for label, figure in tiles
        ),
        bars=_image(_bars(findings), "Share of surplus by agent and partner"),
        rows=_rows(figures),
    )


def _lead(findings: Findings, figures: Mapping[str, Any]) -> str:
    share, scenarios = figures["share"], len({r.match.scenario for r in findings.before})
    return (
        f"On {scenarios} scenarios it had never seen, the policy's share of the surplus went from "
        f"{share['clone']['value']:.2f} (a clone of its demonstrators, who earn "
        f"{share['demonstrators']['value']:.2f}) to {share['grpo']['value']:.2f}. The strongest "
        f"scripted agent without inside knowledge ({share['best_scripted']['agent']}) earns "
        f"{share['best_scripted']['value']:.2f} from the same partners, the best constant strategy "
        f"{share['best_constant']['value']:.2f}."
    )


def _rows(figures: Mapping[str, Any]) -> str:
    share, held, distinct = figures["share"], figures["held_out"], figures["distinct_2"]
    entries: list[tuple[str, Mapping[str, Any]]] = [("Share of surplus, pool partners", share)]
    entries += [(f"… against {name}", pair) for name, pair in share["by_partner"].items()]
    entries += [(f"… as {name}", pair) for name, pair in share["by_seat"].items()]
    entries += [
        (f"Share, held-out partner ({held['partner']})", held["share"]),
        ("Win rate, held-out partner", held["win_rate"]),
        ("Agreement rate", figures["agreement"]),
        ("Invalid-move rate", figures["invalid_moves"]),
        ("Words per utterance", figures["words"]),
        ("Sentences beside moves that demonstrators say too", figures["known_sentences"]),
        (f"Distinct-2 (demonstrators {distinct['demonstrators']['value']:.3f})", distinct),
    ]
    cells = []
    for label, pair in entries:
        difference = text(pair["gain"]) if "gain" in pair else ""
        cells.append(
            f"<tr><th>{escape(label)}</th><td>{text(pair['clone'])}</td>"
            f"<td>{text(pair['grpo'])}</td><td>{difference}</td></tr>"
        )
    return "".join(cells)


def _dialogues(findings: Findings) -> str:
    """The same matches before and after, side by side."""
    store = SqliteStore(findings.folder / "episodes.sqlite")
    try:
        games = _spread([r.match for r in findings.after], findings.settings.evaluation.dialogues)
        blocks = []
        for match in games:
            keys = [match.task("learner", tag).key for tag in ("clone", "grpo")]
            episodes = {episode.key: episode for episode in store.get_many(keys)}
            sides = "".join(
                _dialogue(episodes[key], match.seat, when)
                for key, when in zip(keys, ("before", "after"), strict=True)
            )
            scenario = episodes[keys[0]].scenario
            goal = scenario.agent_goals[match.seat]
            blocks.append(
                f"<section class='match'><h3>{escape(match.scenario)} against "
                f"{escape(match.partner)}</h3><p>{escape(goal)}</p>"
                f"<div class='pair'>{sides}</div></section>"
            )
    finally:
        store.close()
    return "".join(blocks)


def _dialogue(episode: Episode, seat: int, when: str) -> str:
    own = f"agent_{seat}"
    lines = "".join(
        f"<p class='{'own' if turn.seat == own else 'other'}'><b>"
        f"{escape(episode.seats[turn.seat].name)}</b> {escape(turn.argument)}"
        f"{f'<i>not valid: {escape(turn.invalid)}</i>' if turn.invalid else ''}</p>"
        for turn in episode.turns
    )
    share = episode.scores(own)["outcome/share"]
    return (
        f"<div class='talk'><h4>{when}: share {share:.2f} ({escape(episode.outcome or '')})</h4>"
        f"{lines}</div>"
    )


def _spread(games: Sequence[Any], count: int) -> list[Any]:
    step = max(1, len(games) // max(1, count) + 1)
    return list(games[::step])[:count]


# -- pictures -----------------------------------------------------------------------------------


def _curves(metrics: Path, share: Mapping[str, Any]) -> Any:
    from matplotlib.figure import Figure

    lines = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    steps = [line["step"] for line in lines]
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    rewards = [_number(line.get("reward")) for line in lines]
    left.plot(steps, rewards, color=_BLUE, alpha=0.25, linewidth=1)
    left.plot(steps, _smooth(rewards), color=_BLUE, linewidth=2, label="in training")
    left.axhline(share["clone"]["value"], color=_GREY, linestyle=":", label="clone, held out")
    left.axhline(
        share["best_scripted"]["value"],
        color=_GREEN,
        linestyle="--",
        label="best scripted, held out",
    )
    left.set(xlabel="step", ylabel="share of surplus, invalid moves off", title="Reward")
    left.legend(frameon=False, fontsize=8, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.16))
    right.plot(steps, [_number(line.get("entropy")) for line in lines], color=_ORANGE)
    right.set(xlabel="step", ylabel="nats a token", title="Entropy of the policy")
    for axes in (left, right):
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _smooth(values: Sequence[float]) -> list[float]:
    """The mean of the last steps; steps of an unknown value do not count."""
    smoothed = []
    for end in range(1, len(values) + 1):
        window = [x for x in values[max(0, end - _SMOOTHING) : end] if not math.isnan(x)]
        smoothed.append(sum(window) / len(window) if window else math.nan)
    return smoothed


def _number(value: float | None) -> float:
    """A figure for matplotlib, which leaves a gap where it is not known."""
    return math.nan if value is None else value


def _bars(findings: Findings) -> Any:
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(r.match.partner for r in findings.before))
    scripted, _ = findings.best(constant=False)
    constant, _ = findings.best(constant=True)
    series = [
        ("clone", _GREY, findings.before),
        ("GRPO", _BLUE, findings.after),
        (f"best scripted ({scripted.partition(':')[2]})", _GREEN, findings.references[scripted]),
        (f"best constant ({constant.partition('?')[2] or 'level=1'})", _ORANGE,
         findings.references[constant]),
    ]  # fmt: skip
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(series)
    for place, (label, colour, results) in enumerate(series):
        figures = [
            evaluate.mean_share([r for r in results if r.match.partner == name]) for name in names
        ]
        axes.bar(
            [x + (place - 1.5) * width for x in range(len(names))],
            [f.value for f in figures],
            width * 0.92,
            color=colour,
            label=label,
            yerr=[[f.value - f.low for f in figures], [f.high - f.value for f in figures]],
            error_kw={"elinewidth": 1, "ecolor": "#444"},
        )
    labels = [n.removeprefix("scripted:") for n in names]
    held_out = findings.settings.held_out_partner.removeprefix("scripted:")
    axes.set_xticks(range(len(names)), [f"{n}\n(held out)" if n == held_out else n for n in labels])
    axes.set(ylabel="share of surplus", title="Share by partner, held-out scenarios")
    axes.axhline(0, color="#444", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, ncols=len(series), loc="upper center",
                bbox_to_anchor=(0.5, -0.18))  # fmt: skip
    return figure


def _image(figure: Any, description: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130, metadata={"Software": None})
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{escape(description)}" src="data:image/png;base64,{data}">'


_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5f6670; --line: #d9dde3;
  --card: #f6f7f9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #9aa2ad; --line: #363b43;
  --card: #1d2127; } body { background: #14171b; } img { background: #fff; border-radius: 6px; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
h3 { font-size: 1rem; margin: 0; } h4 { margin: 0 0 .4rem; font-size: .85rem; color: var(--soft); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .8rem; }
.tile { background: var(--card); border-radius: 8px; padding: .8rem 1rem; display: grid; }
.tile b { font-size: 1.7rem; } .tile span, .tile small { color: var(--soft); }
img { max-width: 100%; margin: .5rem 0; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .88rem; }
th, td { text-align: right; padding: .3rem .5rem; border-bottom: 1px solid var(--line);
  white-space: nowrap; font-variant-numeric: tabular-nums; }
th:first-child { text-align: left; font-weight: 500; } .match { margin: 1.2rem 0; }
.match > p { color: var(--soft); margin: .2rem 0 .6rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: .8rem; }
.talk { background: var(--card); border-radius: 8px; padding: .8rem 1rem; font-size: .9rem; }
.talk p { margin: .25rem 0; white-space: pre-wrap; padding-left: .5rem; }
.talk .own { border-left: 3px solid #3b6fb6; } .talk .other { border-left: 3px solid var(--line); }
.talk i { color: #c2410c; display: block; }
details pre { overflow-x: auto; font-size: .8rem; background: var(--card); padding: 1rem;
  border-radius: 8px; }
"""

_FAMILY: Final = """<p>{lead}</p><div class="tiles">{tiles}</div>{bars}
<div class="wide"><table><thead><tr><th></th><th>before (clone)</th><th>after (GRPO)</th>
<th>paired difference</th></tr></thead><tbody>{rows}</tbody></table></div>"""

_HTML: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>{style}</style></head><body>
<h1>{title}</h1>{families}
<p><small>Intervals are 95 %, bootstrapped over scenarios; Wilson's for the invalid-move rate, a
jackknife for distinct-2.</small></p>
<h2>Training</h2>{curves}
<h2>Dialogues</h2>{dialogues}
<h2>Settings</h2>
<details><summary>everything this run was told</summary><pre>{settings}</pre></details>
</body></html>
"""
