"""Whole conversations in one text, and lists of numbers: what models are asked to write at once."""

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from ..actions import ActionType, AgentAction
from ..errors import FormatError
from .actions import action_in_words
from .reading import refusal

_HEADER: Final = re.compile(r"^Turn #?(\d{1,9}):?[^\S\n]*\n", re.MULTILINE)
_SAID: Final = re.compile(r'(?:\[speak\] )?said: "(.*)"', re.DOTALL)
_DEED: Final = re.compile(r"\[(non-verbal communication|action)\] (.*)", re.DOTALL)
_PLAIN: Final = re.compile(r"\b(did nothing|left the conversation)\.?\s*\Z")
_OPENED: Final = re.compile(r'said: "')
_CLOSED: Final = re.compile(r'said: ".*"\s*\Z')
_KINDS: Final[dict[str, ActionType]] = {
    "non-verbal communication": "non-verbal communication",
    "action": "action",
    "did nothing": "none",
    "left the conversation": "leave",
}
_BEGINNINGS: Final = (
    *('said: "', "[speak] ", "[action] ", "[non-verbal communication] "),
    *("did nothing", "left the conversation"),
)
_SEPARATOR: Final = re.compile(r"[\s,;]+")


class ScriptTurn(NamedTuple):
    """What one turn of a script tells; everybody else does nothing in it."""

    number: int
    """As written; published scripts count from 1."""
    name: str
    action: AgentAction


def read_script(text: str, names: Sequence[str]) -> list[ScriptTurn]:
    r"""The turns of a script; what stands before the first of them is passed over.

    A block is a line `Turn #<n>` and the line of the one who acts. A name that is none of `names`
    stands for the one whose turn it would be; what follows the last action is passed over. Words
    may go over several lines.

    >>> read_script('Turn #1\nAnn said: "Hey"', ["Ann", "Bob"])[0].action.argument
    'Hey'

    Raises:
        FormatError: for a block without an action or with more than one, or no block at all.
    """
    parts = _HEADER.split(text)[1:]
    if not names:
        raise refusal("the script", "nobody takes part", "name the participants")
    if not parts:
        raise refusal("the script", f"no 'Turn #1' in {text!r:.60}", "begin every turn so")
    turns = []
    for index in range(0, len(parts), 2):
        number, body = int(parts[index]), parts[index + 1].lstrip().rstrip("\n")
        where = f"the script, turn {number}"
        is_last = index == len(parts) - 2
        name, rest = _actor(body, names, index // 2)
        turns.append(ScriptTurn(number, name, _action(rest, names, where, is_last=is_last)))
    return turns


def write_script(turns: Iterable[ScriptTurn]) -> str:
    """The script of turns.

    Raises:
        FormatError: for a turn that would be read otherwise, such as words with a line `Turn #1`.
    """
    told = list(turns)
    names = [*dict.fromkeys(t.name for t in told)]
    blocks = [f"Turn #{t.number}\n{t.name} {action_in_words(t.action)}" for t in told]
    for turn, block in zip(told, blocks, strict=True):
        if not _is_read_as(turn, block, names):
            raise refusal(
                "the script", f"{turn!r:.120} has no form in a script", "change its words"
            )
    return "\n".join(blocks)


def _is_read_as(turn: ScriptTurn, block: str, names: Sequence[str]) -> bool:
    """Whether a block is read as the turn it is of, wherever in a script it stands."""
    try:  # the last block of a script is read more kindly than others
        return [*read_script(f"{block}\n{block}", names)[:1], *read_script(block, names)] == [
            turn
        ] * 2
    except FormatError:
        return False


def read_integers(
    text: str, count: int | None = None, bounds: tuple[int, int] | None = None
) -> tuple[int, ...]:
    """Whole numbers between blanks or commas, such as `1 2 3 4 5`.

    Args:
        text: what a model answered.
        count: how many there must be.
        bounds: lowest and highest.

    Raises:
        FormatError: if it is not exactly that.
    """
    words = [word for word in _SEPARATOR.split(text.strip().strip("[]()")) if word]
    try:
        numbers = tuple(int(word) for word in words)
    except ValueError as error:
        raise refusal("", f"{text!r:.80} is no list of whole numbers", "ask again") from error
    if count is not None and len(numbers) != count:
        raise refusal("", f"{text!r:.80} has {len(numbers)} numbers, not {count}", "ask again")
    if bounds is not None and not all(bounds[0] <= number <= bounds[1] for number in numbers):
        raise refusal("", f"{text!r:.80} leaves {bounds[0]}..{bounds[1]}", "ask again")
    return numbers


def _actor(body: str, names: Sequence[str], block: int) -> tuple[str, str]:
    """Who acts in a block, and the text behind the name."""
    for name in sorted(names, key=len, reverse=True):
        if body.startswith(name) and not body[len(name) : len(name) + 1].isalnum():
            return name, body[len(name) :]
    return names[block % len(names)], body


def _action(text: str, names: Sequence[str], where: str, *, is_last: bool) -> AgentAction:
    """The one action of a block: of the forms that occur in it, the one that begins first."""
    first, _, more = text.partition("\n")
    if more:
        goes_on = _OPENED.search(first) is not None and _CLOSED.search(first) is None
        if goes_on and text.rstrip().endswith('"') and not _others_act(more, names):
            first = text.rstrip()
        elif not is_last:
            raise refusal(where, "Only one agent can act per turn.", "give each a block of its own")
    found = [match for form in (_SAID, _DEED, _PLAIN) if (match := form.search(first))]
    if not found:
        raise refusal(where, f"{first!r:.80} is no action", 'write <name> said: "..." or the like')
    match = min(found, key=re.Match.start)
    if match.re is _SAID:
        return AgentAction("speak", match.group(1))
    if match.re is _DEED:
        return AgentAction(_KINDS[match.group(1)], match.group(2))
    return AgentAction(_KINDS[match.group(1)])


def _others_act(lines: str, names: Sequence[str]) -> bool:
    """Whether a further line of a block begins as somebody's action does."""
    acts = tuple(f"{name} {form}" for name in names for form in _BEGINNINGS)
    return any(line.startswith(acts) for line in lines.split("\n"))
