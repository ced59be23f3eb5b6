"""Reads which of the given choices a reply names, whatever it is wrapped in.

Exactly one choice must remain, otherwise the reply is unparsed: a list of all choices, a longer
word that contains one, or a denied choice is never taken for an answer.
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from .benchmark import Reading

_THINKING = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL)
_THINKING_END = re.compile(r".*</(?:think|thinking|reasoning)>", re.DOTALL)
_TAGGED = re.compile(r"<answer>(.*?)(?:</answer>|<answer>|\Z)", re.DOTALL)
_FENCE = re.compile(r"```\w*\s*(.*?)```", re.DOTALL)
_MARKED = re.compile(r"\banswer\b[\s\"'*_`]*(?::|\bis\b:?)[\s*_`]*([^\n]*)")
_DENIAL = re.compile(
    r"(?:\b(?:not|never|nor|neither|no longer|cannot be|instead of|rather than)|n't)"
    r"(?:\s+(?:be|find|look|looking|search|searching|it|in|inside|into|the|a|an|her|his|their))*"
    r"[\s\"'*_`]*$"
)


def parse_choice(reply: str, choices: Sequence[str]) -> Reading:
    """The one of `choices` that `reply` settles on.

    Reasoning in tags is dropped. What an `<answer>` tag, a JSON field `answer` or the last
    "Answer:" holds goes before the rest of the reply. Case and markup do not matter, nor whether
    space, hyphen or underscore joins the words of a choice. Never raises.
    """
    text = unicodedata.normalize("NFKC", reply).casefold()
    text = _THINKING.sub("", text)
    text = _THINKING_END.sub("", text)  # the opening tag was part of the prompt
    text = _settled_part(text)
    named = _named(text, tuple(choices))
    if len(named) == 1:
        return Reading(choice=named.pop())
    return Reading(choice=None, problem="several choices named" if named else "no choice named")


def _settled_part(text: str) -> str:
    """The part of a reply that holds its answer; of several the last, which replaces the others."""
    if tagged := _TAGGED.findall(text):
        text = tagged[-1]
    if (field := _answer_field(text)) is not None:
        text = "".join(_TAGGED.findall(field)[-1:]) or field
    if marked := [part for part in _MARKED.findall(text) if part.strip()]:
        text = marked[-1]
    return text


def _answer_field(text: str) -> str | None:
    """Field `answer` of a reply that is a JSON object, fenced or bare."""
    fenced = _FENCE.search(text)
    try:
        value = json.loads(fenced[1] if fenced else text)
    except ValueError:
        return None
    if not isinstance(value, dict) or "answer" not in value:
        return None
    return value["answer"] if isinstance(value["answer"], str) else json.dumps(value["answer"])


def _named(text: str, choices: tuple[str, ...]) -> set[str]:
    """Choices that occur as whole words and are not denied."""
    pattern, originals = _choice_pattern(choices)
    return {
        originals[_spaced(match[0])]
        for match in pattern.finditer(text)
        if not _DENIAL.search(text, 0, match.start())
    }


@lru_cache(maxsize=4096)
def _choice_pattern(choices: tuple[str, ...]) -> tuple[re.Pattern[str], dict[str, str]]:
    originals = {_spaced(choice.casefold()): choice for choice in choices}
    # Longest first: "old tin box" must not be read as "tin box".
    longest_first = sorted(originals, key=len, reverse=True)
    words = "|".join(r"[\s_-]+".join(map(re.escape, c.split())) for c in longest_first)
    return re.compile(rf"(?<![^\W_])(?:{words})(?![^\W_])"), originals


def _spaced(text: str) -> str:
    return " ".join(re.split(r"[\s_-]+", text))
