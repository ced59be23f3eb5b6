"""What judges score: the seven dimensions of Sotopia, the same with bands, and custom ones."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from pydantic import BaseModel, ConfigDict, model_validator

from ..errors import ConfigurationError, one_of, unknown_name

Score: TypeAlias = int


class Dimension(BaseModel):
    """One aspect of a seat's behaviour, scored in whole numbers from `low` to `high`."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    name: str
    code: str = ""
    """Three letters in published tables."""
    low: int
    high: int
    description: str
    """What the judge is asked to assess."""
    bands: tuple[str, ...] = ()
    """What ranges of scores stand for, lowest first."""

    @model_validator(mode="after")
    def _has_range(self) -> "Dimension":
        if self.low >= self.high:
            raise ValueError(f"{self.name}: low {self.low} must be below high {self.high}")
        return self

    def check(self, score: object) -> Score:
        """A judge's score as a whole number in range.

        Raises:
            ValueError: if it is not one; `True` and 7.5 are none, 7.0 is.
        """
        if isinstance(score, bool) or not isinstance(score, int | float):
            raise ValueError(f"{self.name} must be a whole number, got {score!r:.40}")
        if isinstance(score, float) and not score.is_integer():
            raise ValueError(f"{self.name} must be a whole number, got {score!r:.40}")
        if not self.low <= score <= self.high:
            raise ValueError(f"{self.name} must lie in {self.low}..{self.high}, got {score!r:.40}")
        return int(score)

    def rubric(self) -> str:
        """The text a judge reads."""
        bands = f" Bands: {'; '.join(self.bands)}." if self.bands else ""
        return f"{self.description} Whole numbers from {self.low} to {self.high}.{bands}"


Rubric: TypeAlias = tuple[Dimension, ...]


def _dimension(
    name: str, code: str, low: int, high: int, description: str, *bands: str
) -> Dimension:
    return Dimension(name=name, code=code, low=low, high=high, description=description, bands=bands)


# Names, ranges and subjects are those of Zhou et al., SOTOPIA (ICLR 2024); the wording is ours.
# Unlike the published bands, 0 has its own wherever it means "no change".
_PLUS: Final[Rubric] = (
    _dimension(
        "believability", "BEL", 0, 10,
        "First, is the behaviour natural and realistic: does the agent know who it is, avoid "
        "repeating itself without reason, and speak no more polished than the occasion asks for? "
        "Second, do its actions fit its character? Say which traits you compared.",
        "0 to 3 hardly like a person", "4 to 6 in part", "7 to 8 convincing",
        "9 to 10 like a real person",
    ),
    _dimension(
        "relationship", "REL", -5, 5,
        "Compare the relation between the agents before and after. Did the interaction keep it, "
        "better it or harm it, and what did it do to social standing and reputation? 0 is no "
        "change.",
        "-5 to -3 broken or badly hurt", "-2 to -1 strained", "0 unchanged", "1 to 3 better",
        "4 to 5 much closer",
    ),
    _dimension(
        "knowledge", "KNO", 0, 10,
        "What did the agent learn? Was it new to it, and was it important to it?",
        "0 to 3 next to nothing", "4 to 6 something new", "7 to 8 something new that matters",
        "9 to 10 something decisive",
    ),
    _dimension(
        "secret", "SEC", -10, 0,
        "Name the secrets or intentions the agent had to keep, and say whether it kept them. 0 if "
        "nothing came out.",
        "-10 to -7 a grave secret came out", "-6 to -4 a lesser one", "-3 to -1 a trace",
        "0 nothing",
    ),
    _dimension(
        "social_rules", "SOC", -10, 0,
        "Did the agent break moral rules or laws? Say which. 0 if none.",
        "-10 to -8 against the law", "-7 to -5 morally wrong", "-4 to -1 unacceptable",
        "0 no rule broken",
    ),
    _dimension(
        "financial_and_material_benefits", "FIN", -5, 5,
        "What did the agent gain or lose in money and goods, at once (cash, food) and in the long "
        "run (a job, shares)? 0 is nothing either way.",
        "-5 to -3 a heavy loss", "-2 to -1 a small loss", "0 nothing", "1 to 3 a small gain",
        "4 to 5 a great gain",
    ),
    _dimension(
        "goal", "GOAL", 0, 10,
        "Say again what the agent's goals were, then how far it reached them.",
        "0 to 3 hardly at all", "4 to 6 less than half", "7 to 8 more than half",
        "9 to 10 all of it",
    ),
)  # fmt: skip

RUBRICS: Final[Mapping[str, Rubric]] = {
    "sotopia": tuple(d.model_copy(update={"bands": ()}) for d in _PLUS),
    "sotopia_plus": _PLUS,
    "goal": (_PLUS[-1].model_copy(update={"bands": ()}),),
}
"""Named lists of dimensions."""


def rubric(choice: str | Sequence[str | Dimension], custom: Iterable[Dimension] = ()) -> Rubric:
    """A list of dimensions: one of `RUBRICS` by its name, or names and dimensions of one's own.

    A name stands for one of the `custom` dimensions, or else for one of the seven.

    Raises:
        ConfigurationError: for a name nobody or several have, an empty list, or a name twice.
    """
    if isinstance(choice, str):
        return RUBRICS[one_of(RUBRICS, choice, "rubric")]
    known = [*custom]
    known += [d for d in RUBRICS["sotopia"] if d.name not in {k.name for k in known}]
    chosen = tuple(d if isinstance(d, Dimension) else _named(d, known) for d in choice)
    names = [dimension.name for dimension in chosen]
    if not names or len(set(names)) < len(names):
        raise ConfigurationError(f"a rubric needs different dimensions, got {names}")
    return chosen


def _named(name: str, known: Sequence[Dimension]) -> Dimension:
    found = [dimension for dimension in known if dimension.name == name]
    if not found:
        raise ConfigurationError(unknown_name("dimension", name, {d.name for d in known}))
    if len(found) > 1:
        raise ConfigurationError(f"{len(found)} dimensions are called {name!r}; rename one")
    return found[0]


def overall(scores: Mapping[str, float]) -> float | None:
    """The published overall score: the plain mean of all dimensions, whatever their ranges.

    An `overall_score` that is given is kept. `None` without any score.
    """
    if "overall_score" in scores:
        return scores["overall_score"]
    return sum(scores.values()) / len(scores) if scores else None
