"""The six questions of a ToMi-style story, in its order, with the simulator's labels."""

from collections.abc import Callable
from dataclasses import dataclass

from .tomi_style import Story
from .world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question about a story and the container that answers it."""

    type: str
    """`memory`, `reality`, or `<first|second>_order_<0|1>_<no_tom|tom>`; 0 asks the mover."""
    text: str
    answer: str
    order: int
    """Minds in the question: 0, 1 or 2."""
    is_tom: bool = False
    """The belief asked for differs from reality."""


def questions_of(story: Story, world: Callable[[], World] = World) -> list[Question]:
    """Live through the story and ask its six questions.

    The label, not the structure of the story, decides whether a type ends in `_tom`, as in ToMi.
    """
    lived = world()
    for act in story.acts:
        act.happen(lived)
    thing, mover, observer = story.thing, story.mover, story.observer
    return [
        Question(
            type="memory",
            text=f"At the start, which container was the {thing} in?",
            answer=lived.first[thing],
            order=0,
        ),
        _belief(lived, thing, 0, mover),
        _belief(lived, thing, 0, mover, observer),
        Question(
            type="reality",
            text=f"Which container is the {thing} in now?",
            answer=lived.now[thing],
            order=0,
        ),
        _belief(lived, thing, 1, observer),
        _belief(lived, thing, 1, observer, mover),
    ]


def _belief(world: World, thing: str, index: int, *minds: str) -> Question:
    answer = world.believed(thing, *minds)
    # Mover and observer are both in the room when the story says where the thing is.
    assert answer is not None, f"{minds} never saw the {thing} together"
    is_tom = answer != world.now[thing]
    if len(minds) == 1:
        order, text = "first", f"In which container will {minds[0]} look for the {thing}?"
    else:
        order = "second"
        text = f"In which container does {minds[0]} think {minds[1]} will look for the {thing}?"
    return Question(
        type=f"{order}_order_{index}_{'tom' if is_tom else 'no_tom'}",
        text=text,
        answer=answer,
        order=len(minds),
        is_tom=is_tom,
    )
