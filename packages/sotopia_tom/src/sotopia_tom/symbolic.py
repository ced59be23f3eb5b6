"""Exact belief tracker: what anybody in a story believes, from its event log.

It implements rules R0 to R6 of `docs/theory_of_mind.md`: presence decides who observes an event,
and a chain of minds believes what all of them last observed together. It knows no sentences
(`grammar.py` reads those) and shares no code with `stories/world.py`, which labels our stories.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sotopia_env.errors import SotopiaError


class StoryError(SotopiaError):
    """A story or question that cannot be read, or that contradicts itself."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`agent` comes into `room`."""

    agent: str
    room: str


@dataclass(frozen=True, slots=True)
class Exit:
    """`agent` leaves the room it is in."""

    agent: str


@dataclass(frozen=True, slots=True)
class Announcement:
    """The story says where `thing` is; without a room, rule R5 finds it."""

    thing: str
    container: str
    room: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """`agent` puts `thing` into `container`, in the room `agent` is in."""

    agent: str
    thing: str
    container: str


Event = Entry | Exit | Announcement | Move


@dataclass(frozen=True, slots=True)
class _Place:
    room: str | None
    container: str


@dataclass(frozen=True, slots=True)
class _Sighting:
    observers: frozenset[str]
    container: str


class BeliefTracker:
    """Nested beliefs of any order about where things are.

    Building it is linear in the events, and so is each query; no table of beliefs is kept.

    >>> tracker = BeliefTracker([
    ...     Entry("Ada", "attic"), Entry("Ben", "attic"), Announcement("coin", "jar", "attic"),
    ...     Exit("Ben"), Move("Ada", "coin", "sack"),
    ... ])
    >>> tracker.belief("coin", ["Ada"]), tracker.belief("coin", ["Ada", "Ben"])
    ('sack', 'jar')
    """

    def __init__(self, events: Sequence[Event], *, open_containers: bool = True) -> None:
        """Read the log once.

        Args:
            events: in the order of the story.
            open_containers: entering a room shows what is in its containers (R2). ToMi-style
                stories assume it; ExploreToM's do not.

        Raises:
            StoryError: if somebody who is in no room moves a thing.
        """
        self._open_containers = open_containers
        self._room_of: dict[str, str] = {}
        self._places: dict[str, _Place] = {}
        self._sightings: dict[str, list[_Sighting]] = {}
        inferred = _rooms_of_first_moves(events)
        last_entered: str | None = None
        for event in events:
            match event:
                case Entry(agent, room):
                    last_entered = room
                    self._enter(agent, room)
                case Exit(agent):
                    self._room_of.pop(agent, None)
                case Announcement(thing, container, room):
                    self._put(thing, container, room or inferred.get(thing, last_entered))
                case Move(agent, thing, container):
                    if agent not in self._room_of:
                        raise StoryError(
                            f"{agent} moves the {thing} but is in no room at that time"
                        )
                    self._put(thing, container, self._room_of[agent])

    def belief(self, thing: str, chain: Sequence[str] = ()) -> str | None:
        """Container in which chain[0] thinks chain[1] thinks ... `thing` is; reality if empty.

        None if the chain never observed the thing together. The order of the chain does not matter,
        nor does a repeated mind (R3).

        Raises:
            StoryError: if the story never says where `thing` is.
        """
        minds = frozenset(chain)
        return next(
            (seen.container for seen in reversed(self._seen(thing)) if minds <= seen.observers),
            None,
        )

    def first_container(self, thing: str) -> str:
        """The container in which the story first says `thing` is (R4).

        Raises:
            StoryError: if the story never says where `thing` is.
        """
        return self._seen(thing)[0].container

    def _seen(self, thing: str) -> list[_Sighting]:
        if thing not in self._sightings:
            known = ", ".join(sorted(self._sightings)) or "nothing"
            raise StoryError(f"the story never says where the {thing} is; it places {known}")
        return self._sightings[thing]

    def _enter(self, agent: str, room: str) -> None:
        self._room_of[agent] = room
        if self._open_containers:
            for thing, place in self._places.items():
                if place.room == room:
                    self._observe(thing, place)

    def _put(self, thing: str, container: str, room: str | None) -> None:
        self._places[thing] = _Place(room, container)
        self._observe(thing, self._places[thing])

    def _observe(self, thing: str, place: _Place) -> None:
        """R1: whoever is in the room sees the thing, and sees who else is there to see it."""
        observers = frozenset(agent for agent, room in self._room_of.items() if room == place.room)
        self._sightings.setdefault(thing, []).append(_Sighting(observers, place.container))


def _rooms_of_first_moves(events: Sequence[Event]) -> dict[str, str]:
    """R5: a thing announced without a room is where its first mover is when moving it."""
    room_of: dict[str, str] = {}
    rooms: dict[str, str] = {}
    for event in events:
        match event:
            case Entry(agent, room):
                room_of[agent] = room
            case Exit(agent):
                room_of.pop(agent, None)
            case Move(agent, thing, _) if agent in room_of:
                rooms.setdefault(thing, room_of[agent])
    return rooms
