"""What can happen in a generated story: each act says its sentence and changes the world.

The sentences are ours; none comes from ToMi.
"""

from dataclasses import dataclass
from typing import Protocol

from .world import World

TASTES = ("admires", "cannot stand", "is bored by", "is fond of")


class Act(Protocol):
    """One line of a story."""

    def sentence(self) -> str: ...

    def happen(self, world: World) -> None: ...


@dataclass(frozen=True, slots=True)
class Enter:
    """`person` comes into `room`."""

    person: str
    room: str

    def sentence(self) -> str:
        return f"{self.person} came into the {self.room}."

    def happen(self, world: World) -> None:
        world.enter(self.person, self.room)


@dataclass(frozen=True, slots=True)
class Leave:
    """`person` goes out of `room`."""

    person: str
    room: str

    def sentence(self) -> str:
        return f"{self.person} left the {self.room}."

    def happen(self, world: World) -> None:
        world.leave(self.person)


@dataclass(frozen=True, slots=True)
class Place:
    """The story says where `thing` is, room included, so that who sees it is never in doubt."""

    thing: str
    container: str
    room: str

    def sentence(self) -> str:
        return f"In the {self.room}, the {self.thing} is inside the {self.container}."

    def happen(self, world: World) -> None:
        world.place(self.thing, self.container, self.room)


@dataclass(frozen=True, slots=True)
class Put:
    """`person` moves `thing` to `container`."""

    person: str
    thing: str
    container: str

    def sentence(self) -> str:
        return f"{self.person} took the {self.thing} and put it in the {self.container}."

    def happen(self, world: World) -> None:
        world.move(self.person, self.thing, self.container)


@dataclass(frozen=True, slots=True)
class Remark:
    """Noise: what `person` thinks of `subject`, which changes nobody's beliefs."""

    person: str
    taste: str
    subject: str

    def sentence(self) -> str:
        return f"{self.person} {self.taste} the {self.subject}."

    def happen(self, world: World) -> None:
        return None
