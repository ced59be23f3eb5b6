"""Theory of mind for social agents: benchmarks with known answers and an exact belief tracker."""

from .benchmark import Benchmark, Item, Reading, Task
from .benchmarks.tomi_style import TomiStyle
from .grammar import Query, read_question, read_story
from .parsing import parse_choice
from .symbolic import Announcement, BeliefTracker, Entry, Event, Exit, Move, StoryError

__all__ = [
    "Announcement",
    "BeliefTracker",
    "Benchmark",
    "Entry",
    "Event",
    "Exit",
    "Item",
    "Move",
    "Query",
    "Reading",
    "StoryError",
    "Task",
    "TomiStyle",
    "parse_choice",
    "read_question",
    "read_story",
]
