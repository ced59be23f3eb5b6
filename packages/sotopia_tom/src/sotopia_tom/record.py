"""What a run keeps of each item: one line of `items.jsonl`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Status = Literal["parsed", "unparsed", "failed"]


class Record(BaseModel):
    """An item, what the agent said, and what became of it."""

    model_config = ConfigDict(frozen=True)

    id: str
    story_id: str
    story_type: str
    type: str
    order: int
    is_tom: bool
    prompt: str
    gold: str
    reply: str | None
    """None if the agent failed to reply."""
    parsed: str | None
    status: Status
    problem: str | None
    is_correct: bool | None
    """False for an unparsed reply; None, not false, if the agent failed."""
