"""The simulator that labels stories: it lives through the acts and keeps beliefs in tables.

Labels must not come from the code that is tested against them, so this shares nothing with
`symbolic.py`: beliefs are written down for every chain of minds the moment something is seen, where
the tracker derives each from an event log when it is asked.
"""

from collections import defaultdict
from itertools import product


class World:
    """Rooms with people and containers in them, and a belief table per chain of minds.

    Order of calls: the acts as they happen, then `believed` at any time. A planted fault is a
    subclass that gets one of these methods wrong.
    """

    def __init__(self, *, order: int = 2) -> None:
        """An empty world that keeps beliefs nested up to `order` deep."""
        self._order = order
        self._people: defaultdict[str, list[str]] = defaultdict(list)
        self._contents: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._beliefs: defaultdict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
        self.first: dict[str, str] = {}
        """Thing to the container it started in."""
        self.now: dict[str, str] = {}
        """Thing to the container it is really in."""

    def enter(self, person: str, room: str) -> None:
        """`person` comes in, and everybody in the room now sees what its open containers hold."""
        self.leave(person)
        self._people[room].append(person)
        for thing in self._contents[room]:
            self.witness(room, thing)

    def leave(self, person: str) -> None:
        """`person` goes out of whatever room they are in; nothing new is seen."""
        for people in self._people.values():
            if person in people:
                people.remove(person)

    def place(self, thing: str, container: str, room: str) -> None:
        """`thing` is in `container` from here on, in plain view of the people in `room`."""
        for contents in self._contents.values():
            contents.pop(thing, None)
        self._contents[room][thing] = container
        self.first.setdefault(thing, container)
        self.now[thing] = container
        self.witness(room, thing)

    def move(self, person: str, thing: str, container: str) -> None:
        """`person` puts `thing` into `container`, in the room they are in."""
        room = next(room for room, people in self._people.items() if person in people)
        self.place(thing, container, room)

    def witness(self, room: str, thing: str) -> None:
        """Everybody in `room` updates their belief, and their idea of that of the others there."""
        container = self._contents[room][thing]
        for length in range(1, self._order + 1):
            for minds in product(self._people[room], repeat=length):
                self._beliefs[minds][thing] = container

    def believed(self, thing: str, *minds: str) -> str | None:
        """Where minds[0] thinks minds[1] thinks ... `thing` is; None if never seen together."""
        return self._beliefs[minds].get(thing)
