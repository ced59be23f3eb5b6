"""Generates stories with the structure of ToMi's (Le, Boureau and Nickel 2019), in our own words.

A mover and an observer meet in a room; a thing is moved and the observer leaves and perhaps comes
back, in any order; a bystander and some noise may be added. Labels follow the printed order of the
acts, which in the released ToMi they do not for the bystander.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator

from .acts import TASTES, Act, Enter, Leave, Place, Put, Remark
from .vocabulary import SPLITS, Words, words_of

StoryType = Literal["true_belief", "false_belief", "second_order_false_belief"]
STORY_TYPES: tuple[StoryType, ...] = ("true_belief", "false_belief", "second_order_false_belief")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What happens, and who the questions are about."""

    type: StoryType
    """Structural, as in ToMi: whether the beliefs are false is for the simulator to say."""
    mover: str
    observer: str
    thing: str
    acts: tuple[Act, ...]

    @property
    def text(self) -> str:
        """One sentence a line."""
        return "\n".join(act.sentence() for act in self.acts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cast:
    mover: str
    observer: str
    bystander: str
    room: str
    other_room: str
    thing: str
    first_container: str
    second_container: str


def generate(*, seed: int, split: str, count: int) -> list[Story]:
    """`count` different stories, the three types in turn, so that each has a third.

    A shorter list is a prefix of a longer one.

    Raises:
        ConfigurationError: if there is no such split.
    """
    words = words_of(split)
    stories: dict[str, Story] = {}
    for index in range(count):
        rng = np.random.default_rng([seed, SPLITS.index(split), index])
        story = draw_story(rng, words)
        while story.type != STORY_TYPES[index % len(STORY_TYPES)] or story.text in stories:
            story = draw_story(rng, words)
        stories[story.text] = story
    return list(stories.values())


def draw_story(rng: Generator, words: Words) -> Story:
    """One story of a random type: 1/2 true, 1/3 false, 1/6 second-order false belief."""
    cast = _draw_cast(rng, words)
    main, story_type = _draw_main_acts(rng, cast)
    acts = _add_bystander(rng, cast, main)
    acts = _add_noise(rng, cast, words, acts)
    return Story(
        type=story_type,
        mover=cast.mover,
        observer=cast.observer,
        thing=cast.thing,
        acts=tuple(acts),
    )


def _draw_cast(rng: Generator, words: Words) -> _Cast:
    mover, observer, bystander = _draw(rng, words.people, 3)
    room, other_room = _draw(rng, words.rooms, 2)
    first_container, second_container = _draw(rng, words.containers, 2)
    return _Cast(
        mover=mover,
        observer=observer,
        bystander=bystander,
        room=room,
        other_room=other_room,
        thing=_draw(rng, words.things, 1)[0],
        first_container=first_container,
        second_container=second_container,
    )


def _draw_main_acts(rng: Generator, cast: _Cast) -> tuple[list[Act], StoryType]:
    """The two entries, the announcement, then one move among one or two changes of place."""
    entries = [Enter(cast.mover, cast.room), Enter(cast.observer, cast.room)]
    acts: list[Act] = [*entries] if rng.integers(2) else [*reversed(entries)]
    acts.append(Place(cast.thing, cast.first_container, cast.room))
    plan = ["move", *["change"] * int(rng.integers(1, 3))]
    plan = [plan[i] for i in rng.permutation(len(plan))]
    observer_is_in, mover_left_first = True, False
    for position, step in enumerate(plan):
        if step == "move":
            acts.append(Put(cast.mover, cast.thing, cast.second_container))
        elif observer_is_in:
            acts.append(Leave(cast.observer, cast.room))
            observer_is_in = False
        else:
            mover_left_first = position == len(plan) - 1 and bool(rng.integers(2))
            if mover_left_first:
                acts.append(Leave(cast.mover, cast.room))
            acts.append(Enter(cast.observer, _either_room(rng, cast)))
    if mover_left_first:
        return acts, "second_order_false_belief"
    return acts, "false_belief" if plan[1] == "move" else "true_belief"


def _add_bystander(rng: Generator, cast: _Cast, acts: list[Act]) -> list[Act]:
    """In a third of the stories another person enters a room, in a third they also leave it."""
    visits = int(rng.integers(3))
    if visits == 0:
        return acts
    room = _either_room(rng, cast)
    start = int(rng.integers(len(acts) + 1))
    acts = [*acts[:start], Enter(cast.bystander, room), *acts[start:]]
    if visits == 2:
        end = int(rng.integers(start + 1, len(acts) + 1))
        acts = [*acts[:end], Leave(cast.bystander, room), *acts[end:]]
    return acts


def _add_noise(rng: Generator, cast: _Cast, words: Words, acts: list[Act]) -> list[Act]:
    """Up to two remarks; never about a container, which would be a clue to nothing but order."""
    people = (cast.mover, cast.observer, cast.bystander)
    for _ in range(int(rng.integers(3))):
        remark = Remark(
            _draw(rng, people, 1)[0],
            _draw(rng, TASTES, 1)[0],
            _draw(rng, words.rooms + words.things, 1)[0],
        )
        at = int(rng.integers(len(acts) + 1))
        acts = [*acts[:at], remark, *acts[at:]]
    return acts


def _either_room(rng: Generator, cast: _Cast) -> str:
    return cast.room if rng.integers(2) else cast.other_room


def _draw(rng: Generator, words: tuple[str, ...], count: int) -> list[str]:
    """`count` different words."""
    return [words[i] for i in rng.permutation(len(words))[:count]]
