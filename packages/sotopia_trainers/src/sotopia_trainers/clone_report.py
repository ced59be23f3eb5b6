"""What cloning alone reached: `summary.json` and the table, the clone beside its demonstrators."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

from sotopia_env.intervals import Estimate
from sotopia_env.run_folder import Run

from . import evaluate
from .evaluate import Result
from .findings import PRIVILEGED, Findings, text

Figure: TypeAlias = Callable[[Sequence[Result]], Estimate]


def write_clone_report(findings: Findings, run: Run) -> None:
    """Finish the run with its summary and table."""
    summary = summarise_clone(findings)
    run.finish(summary, clone_table(findings, summary))


def summarise_clone(findings: Findings) -> dict[str, Any]:
    """The final figures as nested objects, each with `value`, `low`, `high`, `n`."""
    pool, held_out = findings.pool, findings.held_out
    clone, models = findings.before, findings.demonstrators
    scripted, scripted_results = findings.best(constant=False)
    constant, constant_results = findings.best(constant=True)
    share = evaluate.mean_share

    def both(figure: Figure, part: Callable[[Sequence[Result]], list[Result]]) -> dict[str, Any]:
        return {"clone": _json(figure(part(clone))), "demonstrators": _json(figure(part(models)))}

    return {
        "share": {
            **both(share, pool),
            "best_scripted": {"agent": scripted, **_json(share(scripted_results))},
            "best_constant": {"agent": constant, **_json(share(constant_results))},
            "solver": _json(share(pool(findings.references[PRIVILEGED]))),
            "by_partner": {
                name: both(share, partial(_against, name))
                for name in dict.fromkeys(r.match.partner for r in pool(clone))
            },
        },
        "held_out": {
            "partner": findings.settings.held_out_partner,
            "share": both(share, held_out),
            "win_rate": both(evaluate.win_rate, held_out),
        },
        "agreement": both(evaluate.agreement_rate, pool),
        "invalid_moves": both(evaluate.invalid_rate, list),
        "words": both(evaluate.words_per_utterance, list),
        "known_sentences": both(findings.known_sentences, list),
        "distinct_2": both(findings.distinct_2, list),
    }


def clone_table(findings: Findings, summary: Mapping[str, Any]) -> str:
    """The final table as plain text."""
    share, held = summary["share"], summary["held_out"]
    scenarios = len({r.match.scenario for r in findings.before})
    games = f"{scenarios} held-out scenarios, both seats, {len(findings.before)} games of the clone"
    rows = [
        ("share of surplus, pool partners", share),
        *((f"  {partner}", pair) for partner, pair in share["by_partner"].items()),
        (f"  {held['partner']} (held out)", held["share"]),
        ("win rate, held-out partner", held["win_rate"]),
        ("agreement rate", summary["agreement"]),
        ("invalid-move rate", summary["invalid_moves"]),
        ("words per utterance", summary["words"]),
        ("sentences of demonstrators", summary["known_sentences"]),
        ("distinct-2", summary["distinct_2"]),
    ]
    others = [
        (f"  {share['best_scripted']['agent']} (best)", share["best_scripted"]),
        (f"  {share['best_constant']['agent']}", share["best_constant"]),
        ("  solver (sees both sides)", share["solver"]),
    ]
    lines = [
        f"{games}; 95 % intervals clustered by scenario (invalid moves: Wilson)",
        "",
        f"{'':42}{'clone':>24}{'demonstrators':>24}",
        *(
            f"{label:42}{text(pair['clone']):>24}{text(pair['demonstrators']):>24}"
            for label, pair in rows
        ),
        "",
        "share of surplus of others, pool partners",
        *(f"{label:42}{text(figure):>24}" for label, figure in others),
        "",
        f"policy: {findings.folder / 'clone'}",
    ]
    return "\n".join(lines) + "\n"


def _against(partner: str, results: Sequence[Result]) -> list[Result]:
    return [r for r in results if r.match.partner == partner]


def _json(estimate: Estimate) -> dict[str, Any]:
    return estimate.model_dump()
