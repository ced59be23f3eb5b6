"""The smallest social game: three players vote, and one vote decides."""

from typing import Any

DUEL: dict[str, Any] = {
    "scenario": "Two Teams",
    "description": "The players are {agent_names}.",
    "role_goals": {"Red": "Outvote them.", "Blue": "Outvote them."},
    "agents": [
        {"name": name, "role": role, "team": role}
        for name, role in (("Ada", "Red"), ("Bram", "Blue"), ("Cleo", "Red"))
    ],
    "initial_state": "Vote",
    "state_transition": {"Vote": "Vote"},
    "state_properties": {"Vote": {"actions": ["action"], "action_order": "simultaneous"}},
    "end_conditions": [
        {"type": "team_eliminated", "team": "Blue", "winner": "Red", "message": "R."}
    ],
}
