"""The record of what happened: turns, decisions with their exact prompts, evaluations, episodes.

`Turn`, `Transcript` and `Evaluation` live in the step loop; everything below is stored, and frozen.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict, model_validator

from .actions import ActionType, AgentAction
from .profiles import AgentProfile, EnvironmentProfile

SCHEMA_VERSION: Final = 1
"""Of the stored episode; raised whenever a field changes its meaning."""

Status: TypeAlias = Literal["ok", "failed"]
Outcome: TypeAlias = Literal["agreement", "no agreement", "over", "left", "stale", "turn limit"]
"""`over`: by the rules of a game that is not about agreeing, or by a termination rule."""


def storable(text: str) -> str:
    """A text as it can be written anywhere; half a character becomes a question mark."""
    return text.encode(errors="replace").decode()


class Turn(NamedTuple):
    """One action of one seat as it entered the record."""

    number: int
    """Counted from 0; the actions of one turn of a simultaneous order share it."""
    seat: str
    action: AgentAction
    move: str | None = None
    """The formal move it made, as canonical text."""
    invalid: str | None = None
    """Why what it attempted does not count."""
    audience: tuple[str, ...] | None = None
    """Seats that perceive it beside its own; `None` is everybody."""
    waited: bool = False
    """It had raised its hand, and another seat was given the floor."""
    masked: bool = False
    """It attempted something though it was not on turn, which became `none`."""


class Announcement(NamedTuple):
    """What the environment itself says after a turn, as the phases of a game demand."""

    number: int
    """Of the turn it follows; -1 before the first."""
    text: str
    audience: tuple[str, ...] | None = None
    """Seats that perceive it; `None` is everybody."""


@dataclass(slots=True)
class Transcript:
    """All that evaluators may look at: the scenario, who took part, what was said and done."""

    profile: EnvironmentProfile
    names: dict[str, str]
    """Display name of each seat."""
    turns: list[Turn] = field(default_factory=list)
    announcements: list[Announcement] = field(default_factory=list)
    turn: int = 0
    """Turns played so far; the last of them is number `turn - 1`."""
    silent_turns: int = 0
    """How many turns in a row, up to now, nobody who was on turn did anything."""
    outcome: Outcome | None = None
    """How it ended; `None` while it goes on."""
    ending: str = ""
    """Why it ended, in words."""
    left: tuple[str, ...] = ()
    """Seats that left, in order."""
    characters: tuple[AgentProfile, ...] | None = None
    """Who sits in the seats, where characters take part."""
    game: Any = None
    game_state: Any = None
    """Rules and present position, where a verifiable game is played."""


class _Record(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Scores by seat and dimension, or the reason why there are none.

    `scores["agent_0"]["share"]` is a number; a dimension that means nothing here is absent. An
    unscored evaluation has no scores at all, and is not a score of 0.

    Raises:
        ValueError: for scores together with a reason for none.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    source: str
    """Which evaluator spoke; with the dimension it names a reward component."""
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    """Explanation for a person, by seat."""
    details: dict[str, dict[str, str]] = field(default_factory=dict)
    """The explanation by seat and dimension, where there is one."""
    unscored: str | None = None
    terminated: str | None = None
    """Why the episode ends here, of an evaluator that is a termination rule; `""` is no reason."""

    def __post_init__(self) -> None:
        if self.unscored is not None and self.scores:
            raise ValueError("an evaluation has scores or a reason for none, not both")

    def storable(self) -> "Evaluation":
        """The same as it can be written; what is no finite number is no score."""
        ended, missing = self.terminated, self.unscored
        return Evaluation(
            source=self.source,
            scores={
                seat: {name: score for name, score in own.items() if math.isfinite(score)}
                for seat, own in self.scores.items()
            },
            reasons={seat: storable(why) for seat, why in self.reasons.items()},
            details={
                seat: {name: storable(why) for name, why in own.items()}
                for seat, own in self.details.items()
            },
            unscored=None if missing is None else storable(missing),
            terminated=None if ended is None else storable(ended),
        )


class Message(_Record):
    """One chat message of a seat's context."""

    role: Literal["system", "user", "assistant"]
    content: str


class Context(_Record):
    """Everything one seat was shown and said, in order; only ever appended to.

    `token_ids` are those the seat's model saw and produced, where it has tokens.
    """

    messages: tuple[Message, ...]
    token_ids: tuple[int, ...] | None = None


class Decision(_Record):
    """One choice of one seat and exactly what it was based on.

    The prompt is `context.messages[:prompt_end]` and the completion the message after it. With
    tokens, the prompt is `context.token_ids[:start]` and the completion `[start:end]` of
    `token_span`, with one log-probability (natural logarithm, at the sampling temperature) a token.
    """

    turn: int
    seat: str
    prompt_end: int
    prompt: tuple[Message, ...] | None = None
    """The whole prompt, where it is no prefix of the context."""
    token_span: tuple[int, int] | None = None
    logprobs: tuple[float, ...] | None = None

    @model_validator(mode="after")
    def _spans_agree(self) -> "Decision":
        if self.token_span is not None and self.logprobs is not None:
            start, end = self.token_span
            if end - start != len(self.logprobs):
                raise ValueError(f"{end - start} tokens but {len(self.logprobs)} log-probabilities")
        return self


class SeatRecord(_Record):
    """What one seat was, knew, did and got."""

    name: str
    agent: str
    """Spec string of who acted."""
    profile: AgentProfile | None = None
    """The character, where one took part."""
    context: Context | None = None
    decisions: tuple[Decision, ...] = ()
    reward: float | None = None
    """Final reward; `None` where it was not scored."""
    invalid_moves: int = 0


class EpisodeTurn(_Record):
    """A stored turn."""

    number: int
    seat: str
    action_type: ActionType
    argument: str = ""
    to: tuple[str, ...] = ()
    move: str | None = None
    invalid: str | None = None
    audience: tuple[str, ...] | None = None
    waited: bool = False
    masked: bool = False

    @classmethod
    def of(cls, turn: Turn) -> "EpisodeTurn":
        """The stored form of a turn of the step loop."""
        action = turn.action
        return cls(
            number=turn.number,
            seat=turn.seat,
            action_type=action.action_type,
            argument=action.argument,
            to=action.to,
            move=turn.move,
            invalid=turn.invalid,
            audience=turn.audience,
            waited=turn.waited,
            masked=turn.masked,
        )

    def turn(self) -> Turn:
        """The form it has in the step loop."""
        action = AgentAction(self.action_type, self.argument, self.to)
        return Turn(
            self.number,
            self.seat,
            action,
            self.move,
            self.invalid,
            self.audience,
            self.waited,
            self.masked,
        )


class EpisodeAnnouncement(_Record):
    """A stored announcement."""

    number: int
    text: str
    audience: tuple[str, ...] | None = None


class Episode(_Record):
    """A whole play. `key` is the same for the same task, so that a run can be continued."""

    schema_version: Literal[1] = SCHEMA_VERSION
    key: str
    scenario: EnvironmentProfile
    seed: int
    seats: dict[str, SeatRecord]
    turns: tuple[EpisodeTurn, ...]
    announcements: tuple[EpisodeAnnouncement, ...] = ()
    outcome: str | None
    ending: str = ""
    visibility: str = "private"
    """What the seats were told at the start; see `visibility.py`."""
    evaluations: tuple[Evaluation, ...] = ()
    status: Status = "ok"
    error: str | None = None
    tag: str = ""
    metadata: dict[str, str] = {}

    def scores(self, seat: str) -> Mapping[str, float]:
        """All scores of a seat, as `source/dimension`."""
        return {
            f"{evaluation.source}/{dimension}": value
            for evaluation in self.evaluations
            for dimension, value in evaluation.scores.get(seat, {}).items()
        }
