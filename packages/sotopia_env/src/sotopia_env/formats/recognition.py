"""What kind of published object something is, by what is in it."""

from collections.abc import Mapping
from typing import Any, Final

from .reading import refusal

EPISODES: Final = "episodes"
LOGS: Final = "episode logs"
ID_LISTS: Final = "scenario id lists"
GAMES: Final = "games"

_MARKS: Final[tuple[tuple[str, frozenset[str]], ...]] = tuple(
    (kind, frozenset(keys.split()))
    for kind, keys in (
        (EPISODES, "episode_id"),
        (LOGS, "messages"),
        (GAMES, "initial_state"),
        ("backgrounds", "p1_name"),
        ("backgrounds", "agent_backgrounds"),
        ("agents", "first_name"),
        ("agents", "agent_id"),
        ("relationships", "agent1_id"),
        ("relationships", "agent_1_id"),
        ("relationships", "relationship_id"),
        ("environments", "agent_goals"),
        ("environments", "codename"),
        ("environments", "env_id scenario"),
        ("pairings", "combo_id"),
        ("pairings", "env_id agent_ids"),
        ("lists", "environments"),
        ("dimensions", "range_high"),
        ("dimension lists", "dimension_pks"),
        ("benchmark lines", "model_name"),
        ("generations", "model prompt result"),
        ("annotations", "annotator_id"),
        ("annotations", "name email"),
        ("annotations", "episode_pk"),
    )
)
"""Keys by which an object is recognised, the first that fit decide."""


def recognise(content: Mapping[str, Any], where: str = "") -> str:
    """What kind of published object this is.

    Raises:
        FormatError: if it is none.
    """
    kind = kind_of(content)
    if kind is not None:
        return kind
    shown = ", ".join([*map(str, content)][:5])
    raise refusal(where, f"is of no published kind (keys: {shown:.80})", "move the file away")


def kind_of(content: Mapping[str, Any]) -> str | None:
    """What kind of published object this is; `None` if it is none."""
    for kind, keys in _MARKS:
        if keys <= content.keys():
            return kind
    is_lists = content and all(_is_texts(value) for value in content.values())
    return ID_LISTS if is_lists else None


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
