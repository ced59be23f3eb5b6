"""Episodes into training rows, without rebuilding any prompt."""

from collections.abc import Iterable
from dataclasses import dataclass

from sotopia_env.episode import Episode

from .chat_tokens import ChatTokens

IGNORED = -100
"""Label of a token that is not learned."""


@dataclass(frozen=True, slots=True)
class ClonedRow:
    """One seat's conversation; `labels` equal `input_ids` on the seat's own turns."""

    input_ids: list[int]
    labels: list[int]


def cloned_row(episode: Episode, seat: str, chat: ChatTokens) -> ClonedRow | None:
    """The row that teaches a model to speak as `seat` did; `None` if it never spoke.

    The context's messages become tokens piece by piece, exactly as a policy would have seen and
    produced them.
    """
    context = episode.seats[seat].context
    if context is None or not any(m.role == "assistant" for m in context.messages):
        return None
    ids: list[int] = []
    labels: list[int] = []
    heard = []
    for message in context.messages:
        if message.role != "assistant":
            heard.append(message)
            continue
        prompt = chat.between(heard) if ids else chat.open(heard)
        completion = chat.completion(message.content)
        ids += prompt + completion
        labels += [IGNORED] * len(prompt) + completion
        heard = []
    return ClonedRow(ids, labels)


def cloned_rows(
    episodes: Iterable[Episode], chat: ChatTokens, seats_of: Iterable[str] | None = None
) -> list[ClonedRow]:
    """Rows of every seat whose agent is in `seats_of` (all seats without it)."""
    wanted = None if seats_of is None else set(seats_of)
    rows = []
    for episode in episodes:
        for seat, record in episode.seats.items():
            if wanted is None or record.agent in wanted:
                row = cloned_row(episode, seat, chat)
                rows += [] if row is None else [row]
    return rows
