"""Sotopia's published files and messages <-> ours; nothing else knows their forms.

See `docs/formats.md`. `python -m sotopia_env.formats` imports and exports whole folders.
"""

from .actions import action_in_words, action_of_words, read_action, write_action
from .backgrounds import ScriptBackground, background_of_words, read_background
from .benchmark_lines import (
    BenchmarkLine,
    BenchmarkScore,
    Figure,
    Result,
    benchmark_score,
    line_of,
    name_in_table,
    read_benchmark_line,
    results_of,
    student_t,
    write_benchmark_line,
)
from .downloads import fetch_settings, hub_folder
from .episode_logs import read_episode_log, write_episode_log
from .evaluations import (
    Entry,
    Rating,
    Response,
    entries_of,
    evaluation_of,
    response_of,
    termination_entry,
)
from .published_episodes import (
    read_published_episode,
    rendered_for_humans,
    write_published_episode,
)
from .published_lists import HARD_IDS, LISTS, published_list
from .recognition import recognise
from .record_files import (
    read_jsonl,
    read_local,
    read_settings,
    write_jsonl,
    write_local,
    write_settings,
)
from .records import FORMS, CustomDimension, CustomDimensionList, RecordForm
from .scripts import ScriptTurn, read_integers, read_script, write_script
from .settings import Settings
from .social_games import read_social_game, write_social_game
from .sources import Contents, read_source

__all__ = [
    "FORMS",
    "HARD_IDS",
    "LISTS",
    "BenchmarkLine",
    "BenchmarkScore",
    "Contents",
    "CustomDimension",
    "CustomDimensionList",
    "Entry",
    "Figure",
    "Rating",
    "RecordForm",
    "Response",
    "Result",
    "ScriptBackground",
    "ScriptTurn",
    "Settings",
    "action_in_words",
    "action_of_words",
    "background_of_words",
    "benchmark_score",
    "entries_of",
    "evaluation_of",
    "fetch_settings",
    "hub_folder",
    "line_of",
    "name_in_table",
    "published_list",
    "read_action",
    "read_background",
    "read_benchmark_line",
    "read_episode_log",
    "read_integers",
    "read_jsonl",
    "read_local",
    "read_published_episode",
    "read_script",
    "read_settings",
    "read_social_game",
    "read_source",
    "recognise",
    "rendered_for_humans",
    "response_of",
    "results_of",
    "student_t",
    "termination_entry",
    "write_action",
    "write_benchmark_line",
    "write_episode_log",
    "write_jsonl",
    "write_local",
    "write_published_episode",
    "write_script",
    "write_settings",
    "write_social_game",
]
