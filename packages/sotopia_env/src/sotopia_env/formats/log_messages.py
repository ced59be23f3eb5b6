"""Messages of a log <-> turns of an episode; who sent what to whom decides, never what it says.

A log has, for each turn, an observation for every seat and then an action of every seat, `did
nothing` for those not on turn; at its end are observations alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from ..actions import AgentAction
from ..episode import Announcement, Episode, EpisodeTurn
from ..errors import one_of
from ..perception import announced, reaches
from ..visibility import VISIBILITIES, background, introduction
from .actions import Wording, action_in_words, action_of_words, recipients_in
from .reading import refusal

Said: TypeAlias = Sequence[str]
"""Sender, receiver and text."""

ENVIRONMENT: Final = "Environment"
_RESERVED: Final = (ENVIRONMENT, "Evaluation")
"""Senders that are no participants."""
_NOTHING: Final = AgentAction()


def names_told(messages: Sequence[Sequence[Said]]) -> list[str]:
    """Display names of those who get a first observation, in the order of the seats."""
    first = messages[0] if messages else ()
    return [to for sender, to, _ in first if sender == ENVIRONMENT != to]


def names_heard(messages: Sequence[Sequence[Said]]) -> list[str]:
    """Display names of those who act, in the order of their first action."""
    names = dict.fromkeys(sender for turn in messages for sender, _ in _acts(turn))
    return [*names]


def turns_in(
    messages: Sequence[Sequence[Said]], seats: Mapping[str, str], where: str = ""
) -> tuple[EpisodeTurn, ...]:
    """What every seat did in every turn, `none` included; `seats` are keys by display name.

    Raises:
        FormatError: for an action in none of the published forms, or of somebody without a seat.
    """
    turns: list[EpisodeTurn] = []
    number = 0
    for index, turn in enumerate(messages):
        acts = _acts(turn)
        for sender, text in acts:
            place = f"{where}: turn {index}, message of {sender}"
            if sender not in seats:
                raise refusal(place, f"only {', '.join(seats)} take part", "correct the sender")
            action = action_of_words(text, place)
            told = recipients_in(text)
            turns.append(
                EpisodeTurn(
                    number=number,
                    seat=seats[sender],
                    action_type=action.action_type,
                    argument=action.argument,
                    to=action.to,
                    audience=None if told is None else _keys_of(told, seats),
                )
            )
        number += bool(acts)
    return tuple(turns)


def _acts(turn: Sequence[Said]) -> list[tuple[str, str]]:
    return [(who, text) for who, to, text in turn if to == ENVIRONMENT and who not in _RESERVED]


def _keys_of(names: Sequence[str], seats: Mapping[str, str]) -> tuple[str, ...]:
    """Keys of recipients, who may be given by name or key."""
    return tuple(seat for name, seat in seats.items() if name in names or seat in names)


def messages_of(episode: Episode, wording: Wording = "paper") -> list[list[list[str]]]:
    """The messages of an episode.

    Raises:
        FormatError: for display names that messages cannot tell apart.
    """
    names = {seat: record.name for seat, record in episode.seats.items()}
    if len(set(names.values())) < len(names) or set(names.values()) & set(_RESERVED):
        raise refusal(
            f"episode {episode.key}",
            f"messages cannot tell apart {[*names.values()]}",
            "rename them",
        )
    account = _Account(episode=episode, names=names, wording=wording, turns={})
    for turn in episode.turns:
        account.turns.setdefault(turn.number, []).append(turn)
    last = max(account.turns, default=-1)
    messages = [[*account.introductions(), *account.acts(0)]] if last >= 0 else []
    for number in range(1, last + 1):
        messages.append([*account.observations(number), *account.acts(number)])
    final = account.observations(last + 1) if last >= 0 else account.introductions()
    return [*messages, final]


@dataclass(slots=True, kw_only=True)
class _Account:
    """What is told of an episode, turn by turn."""

    episode: Episode
    names: dict[str, str]
    wording: Wording
    turns: dict[int, list[EpisodeTurn]]
    """By number."""

    def introductions(self) -> list[list[str]]:
        """What each seat is told before the first turn."""
        episode, names = self.episode, [*self.names.values()]
        people = [r.profile for r in episode.seats.values() if r.profile is not None]
        goals = episode.scenario.agent_goals[: len(names)]
        scenario = episode.scenario.model_copy(update={"agent_goals": goals})
        facts = background(scenario, names, people if len(people) == len(names) else None)
        visibility = one_of(VISIBILITIES, episode.visibility, "visibility")
        told = []
        for number, (seat, name) in enumerate(self.names.items()):
            lines = [introduction(facts, names, number, visibility), *self.news(-1, seat)]
            told.append([ENVIRONMENT, name, "\n".join(["", *lines, "Conversation Starts:", ""])])
        return told

    def observations(self, number: int) -> list[list[str]]:
        """What each seat is told in turn `number`, of the turn before."""
        told = []
        for seat, name in self.names.items():
            acts = [
                f"{self.names[turn.seat]} {action_in_words(_as_seen(turn, seat), self.wording)}"
                for turn in self.turns.get(number - 1, ())
                if turn.action_type != "none" and reaches(turn.turn(), seat)
            ]
            lines = [*filter(None, [";".join(acts)]), *self.news(number - 1, seat)]
            text = "\n".join(lines)
            told.append([ENVIRONMENT, name, f"Turn #{number - 1}: {text}\n"])
        return told

    def news(self, number: int, seat: str) -> list[str]:
        """What was announced to a seat after turn `number`."""
        return [
            announced(Announcement(item.number, item.text, item.audience), self.names)
            for item in self.episode.announcements
            if item.number == number and (item.audience is None or seat in item.audience)
        ]

    def acts(self, number: int) -> list[list[str]]:
        """What every seat does in turn `number`."""
        done = {turn.seat: self._addressed(turn) for turn in self.turns.get(number, ())}
        return [
            [name, ENVIRONMENT, done.get(seat) or action_in_words(_NOTHING, self.wording)]
            for seat, name in self.names.items()
        ]

    def _addressed(self, turn: EpisodeTurn) -> str:
        """An action with those who hear it, who in a phase of a game may be others than meant."""
        action = turn.turn().action
        heard = turn.audience
        if heard is not None and action.action_type != "none":
            meant = _keys_of(action.to, {name: seat for seat, name in self.names.items()})
            if not action.to or set(meant) != set(heard):
                names = [self.names[seat] for seat in heard]
                words = action_in_words(action._replace(to=()), self.wording)
                return f"[private to {names}] {words}"
        return action_in_words(action, self.wording)


def _as_seen(turn: EpisodeTurn, seat: str) -> AgentAction:
    """An action as `seat` perceives it; of a farewell to others only that somebody left."""
    is_told = turn.audience is None or seat == turn.seat or seat in turn.audience
    return turn.turn().action if is_told else AgentAction("leave")
