"""What of a published object our models have no place for, kept beside them as a text.

A published object is read, made again from what was read, and compared: every part that comes out
otherwise is kept. A part is put back only while what would be written in its place is the same as
then, so nothing old covers up what has been changed since.
"""

import hashlib
import json
from typing import Any, Final

from .reading import JsonObject

_WHOLE, _GONE, _PARTS, _KEYS, _WAS = "=", "-", "at", "keys", "was"


def differences(original: JsonObject, made: JsonObject) -> str:
    """What has to be kept, as JSON; empty if `made` is `original`, order of keys included."""
    change = _change(original, made)
    return "" if change is None else json.dumps(change)


def restored(made: JsonObject, kept: str) -> JsonObject:
    """`made` with the kept parts in it."""
    if not kept:
        return made
    back: JsonObject = _back(made, json.loads(kept))
    return back


class _Absent:
    """In the place of a key that is not there."""


_ABSENT: Final = _Absent()


def _text(value: object) -> str:
    return "" if value is _ABSENT else json.dumps(value)


def _digest(value: object) -> str:
    return hashlib.sha256(_text(value).encode()).hexdigest()[:12]


def _change(original: Any, made: Any) -> dict[str, Any] | None:
    """The least that leads from `made` to `original`; `None` where they are the same."""
    if _text(original) == _text(made):
        return None
    if original is _ABSENT:
        return {_GONE: _digest(made)}
    if isinstance(original, dict) and isinstance(made, dict):
        keys = dict.fromkeys((*original, *made))
        parts = {k: _change(original.get(k, _ABSENT), made.get(k, _ABSENT)) for k in keys}
        order = {} if [*original] == [*made] else {_KEYS: [*original]}
        return {_PARTS: _some(parts), **order}
    if isinstance(original, list) and isinstance(made, list) and len(original) == len(made):
        pairs = zip(original, made, strict=True)
        return {_PARTS: _some({str(i): _change(old, new) for i, (old, new) in enumerate(pairs)})}
    return {_WHOLE: original, _WAS: _digest(made)}


def _some(parts: dict[str, dict[str, Any] | None]) -> dict[str, Any]:
    return {key: part for key, part in parts.items() if part is not None}


def _back(made: Any, change: dict[str, Any] | None) -> Any:
    if change is None:
        return made
    if _GONE in change:
        return _ABSENT if _digest(made) == change[_GONE] else made
    if _WHOLE in change:
        return change[_WHOLE] if _digest(made) == change[_WAS] else made
    parts = change[_PARTS]
    if isinstance(made, dict):
        keys = dict.fromkeys((*change.get(_KEYS, ()), *made))
        found = {key: _back(made.get(key, _ABSENT), parts.get(key)) for key in keys}
        return {key: value for key, value in found.items() if value is not _ABSENT}
    if isinstance(made, list):
        return [_back(item, parts.get(str(i))) for i, item in enumerate(made)]
    return made
