"""What participants are told first: as an object, in words, and read back from the words."""

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, model_validator

from ..markup import Passage, render
from ..profiles import AgentProfile
from ..visibility import UNKNOWN, Line, biography, introduction
from .labelled import labelled
from .reading import checked, read_object

_FIRST: Final = "Here is the context of this interaction:\n"
_START: Final = "\nConversation Starts:\n"
_BIOGRAPHY: Final = re.compile(
    r" is a (-?\d+)-year-old (male|female|nonbinary|) (.*?)\. (.*?) pronouns\. (.*) "
    r"Personality and values description: (.*) (?P<first>\S.*)'s secrets: (.*)",
    re.DOTALL,
)
_GENDERS: Final = {"male": "Man", "female": "Woman", "nonbinary": "Nonbinary", "": ""}


class ScriptBackground(BaseModel):
    """A situation and its participants, all lists in the order of the seats."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    scenario: str
    agent_names: tuple[str, ...]
    agent_backgrounds: tuple[str, ...]
    """Empty for one that is not known."""
    agent_goals: tuple[str, ...]
    hide_unknown: bool = False
    """Whether lines of what is not known are left out of the words."""

    @model_validator(mode="after")
    def _one_each(self) -> "ScriptBackground":
        if not len(self.agent_names) == len(self.agent_backgrounds) == len(self.agent_goals):
            raise ValueError("names, backgrounds and goals must be as many")
        return self

    def in_words(self) -> str:
        """The published text, one line each."""
        lines = [Line("Scenario", _known(self.scenario), "scenario")]
        for name, text in zip(self.agent_names, self.agent_backgrounds, strict=True):
            lines.append(Line(f"{name}'s background", _known(text), "biography"))
        for name, text in zip(self.agent_names, self.agent_goals, strict=True):
            lines.append(Line(f"{name}'s goal", _known(text), "goal"))
        return introduction(lines, self.agent_names, None, hide_unknown=self.hide_unknown)


def read_background(value: str | Mapping[str, Any], where: str = "") -> ScriptBackground:
    """A background from its JSON, with lists, or of two participants with `p1_` and `p2_` fields.

    Raises:
        FormatError: if it is neither.
    """
    values = read_object(value, where)
    if "p1_name" in values:
        for field in ("name", "background", "goal"):
            pair = [values.pop(f"p{seat}_{field}", None) for seat in (1, 2)]
            values[f"agent_{field}s"] = pair
    return checked(ScriptBackground, values, where)


def background_of_words(text: str, names: Sequence[str]) -> ScriptBackground | None:
    """The background a first observation tells, `None` if it tells none; unknown parts are empty.

    Values may go over several lines; each ends where the next label begins.
    """
    text = text.removeprefix("\n").removesuffix(_START)
    if not text.startswith(_FIRST):
        return None
    labels = ["Scenario: ", "Participants: "]
    labels += [f"{name}'s {what}: " for what in ("background", "goal") for name in names]
    values = labelled(text.removeprefix(_FIRST), labels)
    if "Scenario: " not in values:
        return None

    def known(label: str) -> str:
        value = values.get(label, "")
        return "" if value == UNKNOWN else value

    return ScriptBackground(
        scenario=values["Scenario: "],
        agent_names=tuple(names),
        agent_backgrounds=tuple(known(f"{name}'s background: ") for name in names),
        agent_goals=tuple(known(f"{name}'s goal: ") for name in names),
    )


def profile_of_words(text: str, name: str, agent_id: str = "") -> AgentProfile:
    """The character a biography describes; of one in another form only the name.

    An occupation is told in lower case, and traits that nobody is shown are not told.
    """
    found = _BIOGRAPHY.fullmatch(text.removeprefix(name)) if text.startswith(name) else None
    if found is not None and f"{name} ".startswith(f"{found['first']} "):
        age, gender, occupation, pronoun, public, values, first, secret = found.groups()
        profile = AgentProfile(
            agent_id=agent_id,
            first_name=first,
            last_name=name.removeprefix(first).strip(),
            age=int(age),
            occupation=authored(occupation),
            gender=_GENDERS[gender],
            gender_pronoun=authored(pronoun),
            public_info=authored(public),
            personality_and_values=authored(values),
            secret=authored(secret),
        )
        if render("".join(biography(profile)), None) == text:
            return profile
    first, _, last = name.partition(" ")
    return AgentProfile(agent_id=agent_id, first_name=first, last_name=last)


def authored(text: str) -> str:
    """A text that has been read as an author would write it: markup in it is no markup."""
    return text if render(text, None) == render(text, 0) == text else html.escape(text, quote=False)


def _known(text: str) -> tuple[Passage, ...]:
    return (Passage(text),) if text else ()
