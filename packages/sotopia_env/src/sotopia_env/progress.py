"""Progress of long work: a bar on a terminal, plain lines elsewhere."""

import sys
from time import monotonic
from typing import IO, Any

PLAIN_INTERVAL_SECONDS = 10.0


class Progress:
    """One task's progress with the time left, on standard error.

    `done` of `total` were finished before; the estimate of the time left counts only new work.
    """

    def __init__(
        self, label: str, total: int, *, done: int = 0, stream: IO[str] | None = None
    ) -> None:
        self._label, self._total, self._done = label, total, done
        self._already = done
        self._start = self._printed = monotonic()
        self._stream = stream or sys.stderr
        self._bar: Any = None
        if self._stream.isatty():
            self._bar = _rich_bar(label, total, done)

    def advance(self, count: int = 1, note: str = "") -> None:
        """Count finished work; `note` is a short state such as the current reward."""
        self._done += count
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._done, note=note)
        elif self._done >= self._total or monotonic() - self._printed >= PLAIN_INTERVAL_SECONDS:
            self._printed = monotonic()
            words = [f"{self._label}:", f"{self._done}/{self._total}", note, self._left()]
            print(" ".join(filter(None, words)), file=self._stream, flush=True)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.stop()

    def _left(self) -> str:
        spent, new = monotonic() - self._start, self._done - self._already
        if new <= 0 or self._done >= self._total:
            return f"({spent:.0f} s)"
        return f"({spent:.0f} s, {spent / new * (self._total - self._done):.0f} s left)"


def _rich_bar(label: str, total: int, done: int) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    bar.add_task(label, total=total, completed=done, note="")
    bar.start()
    return bar
