"""JSON of published files, strict both ways: every refusal names file, line, key and remedy."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..errors import FormatError

JsonObject: TypeAlias = dict[str, Any]
"""One object of a published file, with the published keys."""

M = TypeVar("M", bound=BaseModel)


def refusal(where: str, problem: str, remedy: str) -> FormatError:
    """The error for what stands at `where` (a file and line, or empty)."""
    return located(where, f"{problem}; {remedy}")


def located(where: str, message: object) -> FormatError:
    """The error with a message, often another error, about what stands at `where`."""
    return FormatError(f"{where}: {message}" if where else str(message))


def read_text(path: Path, where: str) -> str:
    """A whole file.

    Raises:
        FormatError: if it cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise refusal(where, f"cannot be read ({error.strerror})", "check the path") from error
    except UnicodeDecodeError as error:
        raise refusal(where, "is not UTF-8 text", "convert it or move it away") from error


def read_json(text: str, where: str = "") -> Any:
    """Any JSON value; NaN, infinities, numbers beyond a float and repeated keys are none.

    Raises:
        FormatError: for a torn or foreign text.
    """
    try:
        return json.loads(
            text, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_once_each
        )
    except FormatError as error:
        raise located(where, error) from error
    except RecursionError as error:
        raise refusal(where, "is nested too deeply", "move it away") from error
    except ValueError as error:
        problem = f"is no complete JSON ({error})"
        raise refusal(where, problem, "fetch the file again or remove this part") from error


def _no_constant(name: str) -> NoReturn:
    raise refusal("", f"{name} is no JSON", "correct the value")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise refusal("", f"{digits:.40} is too large a number", "correct the value")
    return number


def _once_each(pairs: list[tuple[str, Any]]) -> JsonObject:
    """An object whose keys differ; with two values for a key nobody can say which is meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        key = next(key for key, count in Counter(k for k, _ in pairs).items() if count > 1)
        raise refusal("", f"key {key!r:.60} stands twice in one object", "remove one of them")
    return found


def read_object(value: str | Mapping[str, Any], where: str = "") -> JsonObject:
    """A JSON object, from its text or already read.

    Raises:
        FormatError: if it is none.
    """
    read = read_json(value, where) if isinstance(value, str) else value
    if not isinstance(read, Mapping):
        raise refusal(
            where, f"an object is expected, got {type(read).__name__} {read!r:.40}", "remove it"
        )
    return dict(read)


def read_lines(text: str, file: str) -> Iterator[tuple[str, JsonObject]]:
    """The objects of a JSONL file, each with the place it has; blank lines are passed over."""
    for number, line in enumerate(text.split("\n"), start=1):  # U+2028 in a text ends no line
        if line.strip():
            where = f"{file} line {number}"
            yield where, read_object(line, where)


def checked(
    model: type[M],
    values: Mapping[str, Any],
    where: str = "",
    keys: Mapping[str, str] | None = None,
) -> M:
    """`values` as a model, no type converted; `keys` are the published names of its fields.

    Raises:
        FormatError: for a missing or unknown key, a wrong type, or what has no form in JSON.
    """
    names = keys or {}
    try:
        text = json_text(values)
    except FormatError as error:
        key = next((key for key, value in values.items() if not _is_json(value)), "values")
        raise located(where, f"{names.get(key, key)}: {error}") from error
    try:
        return model.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise refusal(where, *_fault(error.errors()[0], names)) from error


def _fault(first: ErrorDetails, names: Mapping[str, str]) -> tuple[str, str]:
    """What is wrong and what to do, of the first complaint about a model."""
    field, *rest = [*map(str, first["loc"]), ""]
    key = ".".join(filter(None, (names.get(field, field), *rest)))
    match first["type"]:
        case "missing":
            return f"key {key!r} is missing", "add it or remove the record"
        case "extra_forbidden":
            return f"unknown key {key!r}", "remove the key, or the file if it is foreign"
        case "json_invalid" if "recursion" in first["msg"]:
            return "is nested too deeply", "move it away"
        case "json_invalid":
            return f"a text is no Unicode ({first['msg']})", "correct the text"
    got = "" if isinstance(first["input"], Mapping) else f", got {first['input']!r:.60}"
    said = first["msg"].removeprefix("Value error, ")
    return f"{key}: {said}{got}" if key else f"{said}{got}", "correct the value"


def json_text(value: object, where: str = "", *, indent: int | None = None) -> str:
    """Strict JSON, as the published files are written; `where` names the object in messages.

    Raises:
        FormatError: for NaN, infinities, and objects of Python's own.
    """
    try:
        return json.dumps(value, indent=indent, allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise refusal(where, f"has no form in JSON ({error})", "change the value") from error


def _is_json(value: object) -> bool:
    try:
        json_text(value)
    except FormatError:
        return False
    return True
