"""A person at a terminal in a seat."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from functools import cache
from typing import Any, Final, TypeAlias

from ..actions import ACTION_TYPES, ActionLike, ActionType, AgentAction
from ..errors import AgentError
from ..prompts import Conversation, PromptStyle
from .protocol import AgentFactory

HELP: Final = """\
Type what you say, or one of these:
  /action <what you do>      do something, or make a formal move
  /gesture <what you show>   non-verbal communication
  /to <name>, <name>: <words>  say it to them alone
  /none                      do nothing this turn
  /leave                     leave the conversation
  /history                   show everything again
  /help                      show this"""

_TYPES: Final[Mapping[str, ActionType]] = {
    "action": "action",
    "gesture": "non-verbal communication",
}


Read: TypeAlias = Callable[[str], Awaitable[str]]
"""Shows a prompt and gives a line; raises `EOFError` at the end of input."""


class Terminal:
    """Reads lines from standard input within the event loop, so that an interrupt gets through.

    A thread that waits for input could not be stopped, and would hold the lock that Python needs at
    its end. What has been read and nobody has asked for yet is kept, whoever asks next.
    """

    def __init__(self) -> None:
        self._pending = b""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._floor = asyncio.Lock()

    def floor(self) -> asyncio.Lock:
        """Who holds it is shown things and asked; the others wait for it."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # to which a lock belongs
            self._loop, self._floor = loop, asyncio.Lock()
        return self._floor

    async def __call__(self, prompt: str) -> str:
        sys.stdout.write(prompt)
        sys.stdout.flush()
        descriptor = sys.stdin.fileno()
        while b"\n" not in self._pending:
            await _readable(descriptor)
            chunk = os.read(descriptor, 65_536)
            if not chunk and not self._pending:
                raise EOFError
            self._pending += chunk or b"\n"
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode(errors="replace")


@cache
def terminal() -> Terminal:
    """The one of this process, as there is one standard input."""
    return Terminal()


async def _readable(descriptor: int) -> None:
    """Wait until there is something to read; what lies in a file always is."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(descriptor, ready.set)
    except PermissionError:  # a regular file
        return
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)


class HumanAgent:
    """Shows a person what is new and reads one line: words to say, or a command such as `/leave`.

    Other seats may think meanwhile; people at one terminal take turns at it. At the end of input
    the person leaves.

    Args:
        seat: whose mind it is.
        read: gives a line; by default the terminal's.
        write: shows a text.
    """

    is_privileged = False

    def __init__(
        self,
        seat: str,
        seed: int = 0,
        style: PromptStyle = "chat",
        *,
        read: Read | None = None,
        write: Callable[[str], None] = print,
    ) -> None:
        self.conversation = Conversation(seat, style)
        self._read, self._write = read or terminal(), write
        self._floor = terminal().floor if read is None else nullcontext
        self._name = seat
        self._shown: list[str] = []

    async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> ActionLike:
        async with self._floor():
            return await self._turn(observation, info)

    async def _turn(self, observation: dict[str, Any], info: dict[str, Any]) -> ActionLike:
        self.conversation.observe(observation, info)
        self._name = info.get("name", self._name)
        first = not self._shown
        self._shown.append(observation["text"])
        if observation["text"]:
            self._write(f"\n{observation['text']}\n")
        possible = [k for k, may in zip(ACTION_TYPES, observation["actions"], strict=True) if may]
        told = getattr(info.get("game"), "instructions", "")
        if first:
            self._write(HELP)
        if told:
            self._write(told)
        line, action = await self._asked(possible)
        self.conversation.reply(observation["turn"], line)
        self._shown.append(f"You: {line}")
        return action

    async def _asked(self, possible: list[Any]) -> tuple[str, ActionLike]:
        while True:
            try:
                line = (await self._read(f"{self._name}> ")).strip()
            except EOFError:
                return "/leave", AgentAction("leave")
            if line == "/history":
                self._write("\n".join(filter(None, self._shown)))
                continue
            action = _action_of(line)
            if isinstance(action, str):
                self._write(action)
            elif action.action_type in possible or (
                action.action_type == "speak" and "action" in possible
            ):
                return line, action
            else:
                self._write(f"You cannot do that now. Possible: {', '.join(possible)}.")


def _action_of(line: str) -> AgentAction | str:
    """What a line means, or what to answer when it means nothing."""
    if not line.startswith("/"):
        return AgentAction("speak", line) if line else HELP
    command, _, rest = line[1:].partition(" ")
    match command:
        case "none" | "leave":
            return AgentAction(command)
        case "action" | "gesture" if rest:
            return AgentAction(_TYPES[command], rest)
        case "to" if ":" in rest:
            names, _, words = rest.partition(":")
            to = tuple(name.strip() for name in names.split(",") if name.strip())
            return AgentAction("speak", words.strip(), to)
    return HELP


def build(style: PromptStyle) -> AgentFactory:
    """Factory of people at this terminal.

    Raises:
        AgentError: if nothing can be typed there.
    """
    if sys.stdin is None or sys.stdin.closed:
        raise AgentError(
            "'human' plays at the terminal, and standard input is closed; leave it open"
        )
    return lambda seat, seed: HumanAgent(seat, seed, style)
