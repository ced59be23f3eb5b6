"""Waiting for a coroutine from plain code: one event loop in a thread of its own, made when needed.

It costs about 90 microseconds a call, so only `step` of a wrapper with a judge, and partners that
are models, come here. Inside a running loop (a notebook) it works too.
"""

import asyncio
import inspect
import os
import threading
from collections.abc import Awaitable, Coroutine, Iterable
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="sotopia-env", daemon=True).start()
    return loop


if hasattr(os, "register_at_fork"):  # a forked process has no such thread yet
    os.register_at_fork(after_in_child=_loop.cache_clear)


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine; what it raises is raised here. An interrupt cancels it."""
    future = asyncio.run_coroutine_threadsafe(work, _loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


async def close(holder: Any) -> None:
    """Let what is held open go, where there is something and a `close`, awaited or not."""
    closing = holder.close() if hasattr(holder, "close") else None
    if inspect.isawaitable(closing):
        await closing


def close_now(holder: Any) -> None:
    """The same from plain code; what waits is waited for."""
    closing = holder.close() if hasattr(holder, "close") else None
    if inspect.iscoroutine(closing):
        wait_for(closing)


def run_at_once(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits for anything.

    Raises:
        RuntimeError: if it does wait.
    """
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    raise RuntimeError(f"{work!r} waits, but was said never to")


async def all_of(work: Iterable[Awaitable[T]]) -> list[T]:
    """The results of all, awaited together and in their order.

    What one of them raises is raised when the others are done, so that none is left running.
    """
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]
