"""What a run found: the figures of `summary.json` and the table on the terminal."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from sotopia_env.intervals import Estimate

from . import evaluate
from .evaluate import Result
from .settings import CloningSettings

CONSTANT: Final = "scripted:hard_headed"
"""The strategies that never concede, one a level."""
PRIVILEGED: Final = "scripted:solver"
"""Sees both sides, and is no baseline."""


@dataclass(slots=True, kw_only=True)
class Findings:
    """Results of everybody on the same matches."""

    settings: CloningSettings
    folder: Path
    before: list[Result]
    after: list[Result]
    """Empty where nothing was trained beyond the clone."""
    references: dict[str, list[Result]]
    demonstrators: list[Result]

    def pool(self, results: Sequence[Result]) -> list[Result]:
        """Matches against partners of the training pool."""
        return [r for r in results if r.match.partner != self.settings.held_out_partner]

    def held_out(self, results: Sequence[Result]) -> list[Result]:
        """Matches against the partner never met in training."""
        return [r for r in results if r.match.partner == self.settings.held_out_partner]

    def distinct_2(self, results: Sequence[Result]) -> Estimate:
        """Counted on as many utterances as everybody has who is compared."""
        compared = filter(None, (self.before, self.after, self.demonstrators))
        fewest = min(sum(len(r.utterances) for r in games) for games in compared)
        return evaluate.distinct_2(results, min(fewest, evaluate.SAMPLE_UTTERANCES))

    def known_sentences(self, results: Sequence[Result]) -> Estimate:
        """How much of what is said beside moves the demonstrators say too."""
        return evaluate.known_sentences(results, self.demonstrators)

    def families(self) -> list[str]:
        """In the order of the settings."""
        return list(dict.fromkeys(r.match.family for r in self.before))

    def of(self, family: str) -> "Findings":
        """What of all this belongs to one family."""

        def within(results: Sequence[Result]) -> list[Result]:
            return [r for r in results if r.match.family == family]

        return replace(
            self,
            before=within(self.before),
            after=within(self.after),
            references={spec: within(results) for spec, results in self.references.items()},
            demonstrators=within(self.demonstrators),
        )

    def best(self, *, constant: bool) -> tuple[str, list[Result]]:
        """The reference with the highest mean share against the pool, of one kind."""
        named = {
            spec: self.pool(results)
            for spec, results in self.references.items()
            if spec != PRIVILEGED and spec.startswith(CONSTANT) == constant
        }
        best = max(named, key=lambda spec: evaluate.mean_share(named[spec]).value)
        return best, named[best]


def summarise(findings: Findings) -> dict[str, Any]:
    """The final figures as nested objects, each with `value`, `low`, `high`, `n`.

    With several families, `families` holds the same for each of them.
    """
    summary = _figures(findings)
    families = findings.families()
    if len(families) > 1:
        summary["families"] = {family: _figures(findings.of(family)) for family in families}
    return summary


def _figures(findings: Findings) -> dict[str, Any]:
    pool, held_out = findings.pool, findings.held_out
    before, after = findings.before, findings.after
    scripted, scripted_results = findings.best(constant=False)
    constant, constant_results = findings.best(constant=True)
    return {
        "share": {
            "clone": _json(evaluate.mean_share(pool(before))),
            "grpo": _json(evaluate.mean_share(pool(after))),
            "gain": _json(evaluate.gain(pool(after), pool(before))),
            "demonstrators": _json(evaluate.mean_share(pool(findings.demonstrators))),
            "best_scripted": {
                "agent": scripted,
                **_json(evaluate.mean_share(scripted_results)),
            },
            "best_constant": {
                "agent": constant,
                **_json(evaluate.mean_share(constant_results)),
            },
            "over_best_constant": _json(evaluate.gain(pool(after), constant_results)),
            "solver": _json(evaluate.mean_share(pool(findings.references[PRIVILEGED]))),
            "by_partner": _by(findings, lambda r: r.match.partner),
            "by_seat": _by(findings, lambda r: f"agent_{r.match.seat}"),
        },
        "held_out": {
            "partner": findings.settings.held_out_partner,
            "share": _compare(
                evaluate.mean_share, evaluate.gain, held_out(before), held_out(after)
            ),
            "win_rate": _compare(
                evaluate.win_rate, evaluate.win_gain, held_out(before), held_out(after)
            ),
        },
        "agreement": _pair(evaluate.agreement_rate, pool(before), pool(after)),
        "invalid_moves": _pair(evaluate.invalid_rate, before, after),
        "words": _pair(evaluate.words_per_utterance, before, after),
        "known_sentences": _pair(findings.known_sentences, before, after),
        "distinct_2": {
            **_pair(findings.distinct_2, before, after),
            "demonstrators": _json(findings.distinct_2(findings.demonstrators)),
        },
    }


def table(findings: Findings, summary: Mapping[str, Any]) -> str:
    """The final table as plain text; one a family, where there are several."""
    families = summary.get("families")
    if families is None:
        return _table(findings, summary)
    return "\n".join(
        f"{family}: {_table(findings.of(family), figures)}" for family, figures in families.items()
    )


def _table(findings: Findings, figures: Mapping[str, Any]) -> str:
    share, held = figures["share"], figures["held_out"]
    scenarios = len({r.match.scenario for r in findings.before})
    games = f"{scenarios} held-out scenarios, both seats, {len(findings.before)} games each"
    lines = [
        f"{games}; 95 % intervals clustered by scenario (invalid moves: Wilson)",
        "",
        f"{'':42}{'before (clone)':>24}{'after (GRPO)':>24}",
    ]

    def row(label: str, pair: Mapping[str, Any]) -> None:
        lines.append(f"{label:42}{text(pair['clone']):>24}{text(pair['grpo']):>24}")

    def alone(label: str, figure: Mapping[str, Any]) -> None:
        lines.append(f"{label:42}{text(figure):>24}")

    row("share of surplus, pool partners", share)
    for partner, pair in share["by_partner"].items():
        row(f"  {partner}", pair)
    row(f"  {held['partner']} (held out)", held["share"])
    row("win rate, held-out partner", held["win_rate"])
    row("agreement rate", figures["agreement"])
    row("invalid-move rate", figures["invalid_moves"])
    row("words per utterance", figures["words"])
    row("sentences of demonstrators", figures["known_sentences"])
    row("distinct-2", figures["distinct_2"])
    lines.append("")
    alone("gain in share (paired)", share["gain"])
    alone("gain in win rate, held-out partner", held["win_rate"]["gain"])
    alone("over the best constant strategy", share["over_best_constant"])
    lines += ["", "share of surplus of others, pool partners"]
    alone("  demonstrators", share["demonstrators"])
    alone(f"  {share['best_scripted']['agent']} (best)", share["best_scripted"])
    alone(f"  {share['best_constant']['agent']}", share["best_constant"])
    alone("  solver (sees both sides)", share["solver"])
    alone("distinct-2 of demonstrators", figures["distinct_2"]["demonstrators"])
    return "\n".join(lines) + "\n"


def _compare(
    mean: Callable[[Sequence[Result]], Estimate],
    gain: Callable[[Sequence[Result], Sequence[Result]], Estimate],
    before: Sequence[Result],
    after: Sequence[Result],
) -> dict[str, Any]:
    return {**_pair(mean, before, after), "gain": _json(gain(after, before))}


def _pair(
    mean: Callable[[Sequence[Result]], Estimate],
    before: Sequence[Result],
    after: Sequence[Result],
) -> dict[str, Any]:
    return {"clone": _json(mean(before)), "grpo": _json(mean(after))}


def _by(findings: Findings, key: Callable[[Result], str]) -> dict[str, Any]:
    """Before, after and gain for each value of `key`, against the pool."""
    before, after = findings.pool(findings.before), findings.pool(findings.after)
    return {
        name: _compare(
            evaluate.mean_share,
            evaluate.gain,
            [r for r in before if key(r) == name],
            [r for r in after if key(r) == name],
        )
        for name in dict.fromkeys(map(key, before))
    }


def _json(estimate: Estimate) -> dict[str, Any]:
    return estimate.model_dump()


def text(figure: Mapping[str, Any]) -> str:
    """A figure with its interval."""
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"
