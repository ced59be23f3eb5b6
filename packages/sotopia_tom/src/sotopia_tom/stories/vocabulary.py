"""The words of generated stories, from `vocabulary.toml`, and their division between the splits."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files

from sotopia_env.errors import one_of

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What one split draws its stories from."""

    people: tuple[str, ...]
    things: tuple[str, ...]
    rooms: tuple[str, ...]
    containers: tuple[str, ...]


def words_of(split: str) -> Words:
    """The words of one split.

    People and things are divided, so no story can occur in two splits. Rooms and containers are
    common: a model trained on one split has then met the words it must answer with.

    Raises:
        ConfigurationError: if there is no such split.
    """
    one_of(SPLITS, split, "split")
    words = tomllib.loads((files(__package__) / "vocabulary.toml").read_text(encoding="utf-8"))
    share = slice(SPLITS.index(split), None, len(SPLITS))
    return Words(
        people=tuple(words["people"][share]),
        things=tuple(words["things"][share]),
        rooms=tuple(words["rooms"]),
        containers=tuple(words["containers"]),
    )
