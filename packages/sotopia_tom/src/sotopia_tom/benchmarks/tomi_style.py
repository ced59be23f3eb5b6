"""Benchmark `tomi_style`: where people think a thing is, in generated stories, to second order."""

import hashlib
from collections.abc import Callable

from sotopia_env.errors import ConfigurationError

from ..benchmark import Item, Reading, Task
from ..parsing import parse_choice
from ..stories.acts import Place, Put
from ..stories.questions import questions_of
from ..stories.tomi_style import Story, generate
from ..stories.world import World

# Without the second and third rule the questions are not well posed: readers differ on whether a
# room shows what its containers hold, and on whether an absent person guesses what went on.
_PROMPT = """\
Read the story, then answer the question about it.

These rules hold in the story, and everybody in it knows them:
- Whoever is in a room notices everything that happens there, and nothing that happens elsewhere.
- Containers stand open: coming into a room shows a person what is inside each container in it, \
and the people already there see that.
- People remember what they saw and do not guess about what they missed. A person takes another \
to believe what the two of them last saw together.

Story:
{story}

Question: {question}
Possible answers: {choices}

Reply with the full name of one container and nothing else."""


class TomiStyle:
    """Generated stories of three types with six questions each.

    Labels come from `world`, the simulator that lives through each story; agents see only text.
    """

    name = "tomi_style"
    version = "1"

    def __init__(
        self,
        *,
        seed: int = 0,
        split: str = "test",
        stories: int = 1000,
        world: Callable[[], World] = World,
    ) -> None:
        """Prepare; nothing is generated before `load`.

        Raises:
            ConfigurationError: if a number cannot be used.
        """
        if seed < 0 or stories < 1:
            raise ConfigurationError(
                f"tomi_style needs seed >= 0 and stories >= 1, got seed={seed}, stories={stories}"
            )
        self._seed, self._split, self._stories, self._world = seed, split, stories, world

    def load(self, limit: int | None = None) -> list[Item]:
        """Six items a story, in the order of the stories.

        Raises:
            ConfigurationError: if there is no such split.
        """
        count = self._stories if limit is None else min(limit, self._stories)
        stories = generate(seed=self._seed, split=self._split, count=count)
        return [item for story in stories for item in self._items(story)]

    def parse(self, reply: str, task: Task) -> Reading:
        return parse_choice(reply, task.choices)

    def score(self, item: Item, reading: Reading) -> bool:
        return reading.choice == item.gold

    def _items(self, story: Story) -> list[Item]:
        text, choices = story.text, _containers(story)
        return [
            Item(
                id=_digest(text, question.text),
                story_id=_digest(text),
                story_type=story.type,
                type=question.type,
                order=question.order,
                is_tom=question.is_tom,
                task=_task(text, question.text, choices),
                gold=question.answer,
            )
            for question in questions_of(story, self._world)
        ]


def _task(story: str, question: str, choices: tuple[str, ...]) -> Task:
    prompt = _PROMPT.format(story=story, question=question, choices=", ".join(choices))
    return Task(story=story, question=question, choices=choices, prompt=prompt)


def _containers(story: Story) -> tuple[str, ...]:
    """In alphabetical order, which says nothing about the story."""
    return tuple(sorted({act.container for act in story.acts if isinstance(act, Place | Put)}))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n\n".join(parts).encode()).hexdigest()[:16]
