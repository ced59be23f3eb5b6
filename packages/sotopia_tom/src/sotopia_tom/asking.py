"""Puts the items of a benchmark to an agent, and keeps what it says as it says it."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from pydantic import ValidationError

from sotopia_env.errors import SotopiaError
from sotopia_env.run_folder import write_atomically

from .agent import Agent
from .benchmark import Benchmark, Item, Reading
from .record import Record, Status


async def ask(
    agent: Agent,
    benchmark: Benchmark,
    items: Sequence[Item],
    *,
    file: Path | None = None,
    on_item: Callable[[], None] = lambda: None,
) -> list[Record]:
    """One record an item, in their order.

    With a `file`, replies that it already holds are not asked for again, new records are appended
    as they come, and at the end it holds exactly the records returned.
    """
    saved = _saved_replies(file) if file else {}
    records = []
    with file.open("a", encoding="utf-8") if file else nullcontext() as stream:
        for item in items:
            record = await _ask_one(agent, benchmark, item, saved.get(item.id))
            records.append(record)
            if stream and item.id not in saved:
                stream.write(record.model_dump_json() + "\n")
                stream.flush()
            on_item()
    if file:
        write_atomically(file, "".join(record.model_dump_json() + "\n" for record in records))
    return records


async def _ask_one(agent: Agent, benchmark: Benchmark, item: Item, saved: str | None) -> Record:
    try:
        reply = await agent.answer(item.task) if saved is None else saved
    except SotopiaError as error:
        return _record(item, None, Reading(choice=None, problem=str(error)), None)
    reading = benchmark.parse(reply, item.task)
    return _record(item, reply, reading, benchmark.score(item, reading))


def _record(item: Item, reply: str | None, reading: Reading, is_correct: bool | None) -> Record:
    status: Status = "parsed" if reading.choice is not None else "unparsed"
    return Record(
        id=item.id,
        story_id=item.story_id,
        story_type=item.story_type,
        type=item.type,
        order=item.order,
        is_tom=item.is_tom,
        prompt=item.task.prompt,
        gold=item.gold,
        reply=reply,
        parsed=reading.choice,
        status="failed" if reply is None else status,
        problem=reading.problem,
        is_correct=is_correct,
    )


def _saved_replies(file: Path) -> dict[str, str]:
    """Item id to reply of an interrupted run; without the failed ones, which are asked again."""
    replies = {}
    # A killed run may leave half a line, even half a character; and only "\n" ends a line of JSON.
    text = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
    for line in text.split("\n"):
        try:
            record = Record.model_validate_json(line)
        except ValidationError:
            continue
        if record.reply is not None:
            replies[record.id] = record.reply
    return replies
