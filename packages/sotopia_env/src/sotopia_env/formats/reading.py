"""JSON of published files, strict both ways: every refusal names file, line, key and remedy."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from ..errors import FormatError

JsonObject: TypeAlias = dict[str, Any]
"""One object of a published file, with the published keys."""

M = TypeVar("M", bound=BaseModel)


def refusal(where: str, problem: str, remedy: str) -> FormatError:
    """The error for what stands at `where` (a file and line, or empty)."""
    return FormatError(f"{where}: {problem}; {remedy}" if where else f"{problem}; {remedy}")


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
    """Any JSON value; NaN and infinities are none.

    Raises:
        FormatError: for a torn or foreign text.
    """
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError as error:
        raise refusal(where, "is nested too deeply", "move it away") from error
    except ValueError as error:
        problem = f"is no complete JSON ({error})"
        raise refusal(where, problem, "fetch the file again or remove this part") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


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
        FormatError: for a missing or unknown key or a wrong type.
    """
    try:
        return model.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        field, *rest = [*map(str, first["loc"]), ""]
        key = ".".join(filter(None, ((keys or {}).get(field, field), *rest)))
        if first["type"] == "missing":
            problem, remedy = f"key {key!r} is missing", "add it or remove the record"
        elif first["type"] == "extra_forbidden":
            problem, remedy = f"unknown key {key!r}", "remove the key, or the file if it is foreign"
        elif first["type"] == "json_invalid":
            problem, remedy = f"a text is no Unicode ({first['msg']})", "correct the text"
        else:
            got = "" if isinstance(first["input"], Mapping) else f", got {first['input']!r:.60}"
            said = str(first["msg"]).removeprefix("Value error, ")
            problem, remedy = f"{key}: {said}{got}" if key else f"{said}{got}", "correct the value"
        raise refusal(where, problem, remedy) from error


def json_text(value: object, *, indent: int | None = None) -> str:
    """Strict JSON, as the published files are written.

    Raises:
        FormatError: for NaN, infinities, and objects of Python's own.
    """
    try:
        return json.dumps(value, indent=indent, allow_nan=False)
    except (ValueError, TypeError) as error:
        raise refusal("", f"has no form in JSON ({error})", "change the value") from error
