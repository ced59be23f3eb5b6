"""How well agents play: the same matches for everybody, so that differences are paired."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sotopia_env.episode import Episode
from sotopia_env.intervals import (
    Z95,
    Estimate,
    mean_interval,
    paired_difference,
    rate_interval,
    wilson,
)
from sotopia_env.runner import Cast, Task, run_episodes
from sotopia_env.scenarios.families import load_family
from sotopia_env.store import EpisodeStore

from .errors import TrainingError

WAVE = 256
"""Games started together; a policy samples them as one batch."""
SAMPLE_UTTERANCES = 400
"""Distinct-2 depends on how much text is counted, so everybody is counted on as many utterances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One game to be played by whoever is evaluated."""

    scenario: str
    """An instance id."""
    seat: int
    """Of the evaluated agent."""
    partner: str
    seed: int

    @property
    def family(self) -> str:
        return self.scenario.partition("/")[0]

    def task(self, agent: str, tag: str) -> Task:
        agents = (agent, self.partner) if self.seat == 0 else (self.partner, agent)
        return Task(scenario=self.scenario, agents=agents, seed=self.seed, tag=tag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one agent made of one match."""

    match: Match
    share: float
    """Of the achievable surplus; 0 without an agreement."""
    is_agreed: bool
    turns: int
    invalid_moves: int
    utterances: tuple[str, ...]


def matches(
    families: Sequence[str], partners: Sequence[str], *, split: str, count: int
) -> list[Match]:
    """`count` instances a family of a split, each against every partner from both seats."""
    games = [
        (f"{family}/{split}/{number}", partner, seat)
        for family in families
        for number in range(count)
        for partner in partners
        for seat in range(2)
    ]
    return [
        Match(scenario=scenario, seat=seat, partner=partner, seed=index)
        for index, (scenario, partner, seat) in enumerate(games)
    ]


def play(
    agent: str,
    games: Sequence[Match],
    cast: Cast,
    *,
    tag: str = "",
    store: EpisodeStore | None = None,
    on_episode: Callable[[Episode], None] | None = None,
) -> list[Result]:
    """Let `agent` (a spec, or a name in the cast) play all matches; results in their order.

    Raises:
        TrainingError: for a failed or unscored game; leaving it out would bias a paired comparison.
    """
    results: list[Result] = []
    for start in range(0, len(games), WAVE):
        wave = games[start : start + WAVE]
        episodes = asyncio.run(
            run_episodes(
                [match.task(agent, tag) for match in wave],
                cast=cast,
                store=store,
                concurrency=WAVE,
                on_episode=on_episode,
            )
        )
        results += [result_of(m, e) for m, e in zip(wave, episodes, strict=True)]
    return results


def result_of(match: Match, episode: Episode) -> Result:
    """Read one match off its episode.

    Raises:
        TrainingError: if the episode failed or has no share.
    """
    seat = f"agent_{match.seat}"
    share = episode.scores(seat).get("outcome/share")
    if episode.status != "ok" or share is None:
        raise TrainingError(
            f"{episode.seats[seat].agent} in {match.scenario} against {match.partner} (episode "
            f"{episode.key}) is not scored: {episode.error or 'it has no share'}"
        )
    own = [turn for turn in episode.turns if turn.seat == seat]
    return Result(
        match=match,
        share=share,
        is_agreed=episode.outcome == "agreement",
        turns=len(own),
        invalid_moves=episode.seats[seat].invalid_moves,
        utterances=tuple(turn.argument for turn in own),
    )


def mean_share(results: Sequence[Result]) -> Estimate:
    """Mean share, clustered by scenario."""
    return mean_interval([r.share for r in results], [r.match.scenario for r in results])


def gain(after: Sequence[Result], before: Sequence[Result]) -> Estimate:
    """Mean paired difference in share, clustered by scenario."""
    _check_pairs(after, before)
    return paired_difference(
        [r.share for r in after], [r.share for r in before], [r.match.scenario for r in after]
    )


def win_rate(results: Sequence[Result]) -> Estimate:
    """Fraction of games with a share above one half, clustered by scenario."""
    return rate_interval([r.share > 0.5 for r in results], [r.match.scenario for r in results])


def win_gain(after: Sequence[Result], before: Sequence[Result]) -> Estimate:
    """Mean paired difference in wins, clustered by scenario."""
    _check_pairs(after, before)
    return paired_difference(
        [float(r.share > 0.5) for r in after],
        [float(r.share > 0.5) for r in before],
        [r.match.scenario for r in after],
    )


def agreement_rate(results: Sequence[Result]) -> Estimate:
    """Fraction of games that ended in an agreement."""
    return rate_interval([r.is_agreed for r in results], [r.match.scenario for r in results])


def invalid_rate(results: Sequence[Result]) -> Estimate:
    """Invalid moves as a fraction of own turns."""
    return wilson(sum(r.invalid_moves for r in results), sum(r.turns for r in results))


def words_per_utterance(results: Sequence[Result]) -> Estimate:
    """Mean number of whitespace-separated words of an utterance."""
    lengths = [len(text.split()) for r in results for text in r.utterances]
    owners = [r.match.scenario for r in results for _ in r.utterances]
    return mean_interval(lengths, owners)


def distinct_2(results: Sequence[Result], most: int = SAMPLE_UTTERANCES) -> Estimate:
    """Distinct bigrams over all bigrams of words (Li et al. 2016), on `most` utterances at most.

    They are spread evenly over the games. Numbers count as one and the same word: who names many
    prices does not speak more richly. The interval is a jackknife over scenarios (Tukey 1958),
    because text drawn twice by a bootstrap would look repetitive. `n` is the number of bigrams.
    """
    texts = [(r.match.scenario, text) for r in results for text in r.utterances]
    counts: dict[str, Counter[tuple[str, str]]] = {}
    size = min(len(texts), most)
    for scenario, text in (texts[place * len(texts) // size] for place in range(size)):
        counts.setdefault(scenario, Counter()).update(_bigrams(text))
    spoken = sum(counts.values(), Counter[tuple[str, str]]())
    value, n = _distinct(spoken), spoken.total()
    rest = [_distinct(spoken - own) for own in counts.values() if own.total() < n]
    if len(rest) < 2:  # one scenario says nothing about others
        return Estimate(value=value, low=0.0, high=1.0, n=n)
    mean = sum(rest) / len(rest)
    squares = sum((x - mean) ** 2 for x in rest)
    half = Z95 * math.sqrt((len(rest) - 1) / len(rest) * squares)
    return Estimate(value=value, low=max(0.0, value - half), high=min(1.0, value + half), n=n)


def known_sentences(results: Sequence[Result], models: Sequence[Result]) -> Estimate:
    """Fraction of the lines beside moves that `models` say too, word for word.

    Clustered by scenario. Of somebody who says nothing beside moves it is not known: `n` is 0.
    """
    known = {line for result in models for line in _sentences(result)}
    said = [(line in known, r.match.scenario) for r in results for line in _sentences(r)]
    if not said:
        return Estimate(value=0.0, low=0.0, high=1.0, n=0)
    return rate_interval([hit for hit, _ in said], [scenario for _, scenario in said])


def _sentences(result: Result) -> list[str]:
    grammar = load_family(result.match.family.partition("?")[0]).game.grammar
    lines = [line.strip() for text in result.utterances for line in text.split("\n")]
    return [line for line in lines if line and grammar.find(line) is None]


def _distinct(bigrams: Counter[tuple[str, str]]) -> float:
    return len(bigrams) / bigrams.total() if bigrams else 0.0


def _bigrams(text: str) -> list[tuple[str, str]]:
    words = ["#" if word.strip(".,:!?").isdecimal() else word.lower() for word in text.split()]
    return list(pairwise(words))


def _check_pairs(after: Sequence[Result], before: Sequence[Result]) -> None:
    if [r.match for r in after] != [r.match for r in before]:
        raise ValueError("results of different matches cannot be paired")
