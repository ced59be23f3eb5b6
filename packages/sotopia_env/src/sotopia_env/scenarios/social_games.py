"""Configurations of the generated social games: their rules in words, their states, their ends."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from ..games.deduction import GameConfig

_WEREWOLF: Final = (
    "{setting} The players are {{agent_names}}. In secret {wolves} of them are werewolves, who "
    "know each other, one is the seer, one is the witch, and the others are plain villagers.\n"
    "At night the werewolves choose a victim together. Then the seer learns which team one player "
    "is on. Then the witch, who is told whom the werewolves attacked, may save that player or "
    "poison another, each once in the whole game. In the morning all learn who died, but never "
    "what anybody was.\n"
    "By day the living speak once each, in the order of the list, and then vote at the same time. "
    "Whoever has most votes is out; in a tie nobody is. The dead neither speak nor act.\n"
    "The village (villagers, seer and witch) wins when no werewolf is left; the werewolves win "
    "when they are as many as the others.\n"
    "Moves, each alone on a line: kill NAME (werewolves), inspect NAME (seer), save NAME or poison "
    "NAME (witch), vote NAME (all)."
)
_WEREWOLF_SETTINGS: Final = (
    "Night falls over a small village, and not everybody in it is human.",
    "Snow has cut off a mountain village, and something hunts there after dark.",
    "Since the last full moon the people of a harbour town lock their doors, and it does not help.",
    "In a camp of travellers one bed after the other is found empty in the morning.",
)
_WEREWOLF_GOALS: Final = {
    "Villager": "Find the werewolves by what people say and how they vote, and vote them out.",
    "Werewolf": "Stay unsuspected by day, and help the werewolves to outnumber the village.",
    "Seer": "Find the werewolves at night, and choose well when to tell the others.",
    "Witch": "Use your two potions so that they help the village most.",
}
_SPYFALL: Final = (
    "{setting} The players are {{agent_names}}. All know where they are, except one: the spy.\n"
    "A round has two parts. First all speak once each, in the order of the list: they ask and "
    "answer questions and show that they know the place, without naming it. Then all vote at the "
    "same time. Whoever has most votes is out; in a tie nobody is.\n"
    "Instead of voting the spy may name the place, once: if it is right the spy wins at once, if "
    "it is wrong the others win. The others also win when the spy is voted out. The spy wins when "
    "there are no more others than spies, or after {rounds} rounds.\n"
    "Possible places: {places}.\n"
    "Moves, each alone on a line: vote NAME, or for the spy guess PLACE."
)
_SPYFALL_SETTINGS: Final = (
    "A group of friends plays a game of questions.",
    "Somebody in this company does not belong here.",
    "An agency has found out that one of its own works for the other side.",
)
_SPYFALL_GOALS: Final = {
    "Non-Spy": "Find the spy, without telling the spy where you are.",
    "Spy": "You are the spy. Find out where you are, and do not let the others notice.",
}

_UNDERCOVER: Final = (
    "{setting} The players are {{agent_names}}. Each has been given a secret word. Most have the "
    "same word, {few} another that is related to it. Nobody is told who has which.\n"
    "A round has two parts. First all describe their word in one sentence, one after the other in "
    "the order of the list. Whoever says the own word, in whatever form, is out at once. Then all "
    "vote at the same time. Whoever has most votes is out; in a tie nobody is.\n"
    "Those with the common word win when nobody with the other word is left. Those with the other "
    "word win when they are as many as the rest, or after {rounds} rounds.\n"
    "Move, alone on a line: vote NAME."
)
_UNDERCOVER_SETTINGS: Final = (
    "It is the evening of a party, and the hosts have prepared a game of words.",
    "On a long train journey somebody proposes a game of words.",
    "A club meets for its weekly game.",
)
_UNDERCOVER_GOAL: Final = (
    "Find out whether your word is the common one. Help those who share it, and get the others "
    "voted out."
)
SETTINGS: Final = {
    "werewolf": _WEREWOLF_SETTINGS,
    "spyfall": _SPYFALL_SETTINGS,
    "undercover": _UNDERCOVER_SETTINGS,
}
"""First sentences to choose among."""

_VOTE: Final = {"actions": ["action"], "action_order": "simultaneous", "visibility": "public"}
_TALK: Final = {"actions": ["speak"], "action_order": "round-robin", "visibility": "public"}


def werewolf_config(setting: str, names: Sequence[str], roles: Sequence[str]) -> GameConfig:
    """A game of werewolf; `roles` by seat."""
    wolves = Counter(roles)["Werewolf"]

    def night(role: str, visibility: str) -> dict[str, object]:
        return {"acting_roles": [role], "actions": ["action"], "visibility": visibility}

    return GameConfig.model_validate(
        {
            "scenario": "Werewolf",
            "description": _WEREWOLF.format(setting=setting, wolves=_number(wolves)),
            "role_goals": {role: _WEREWOLF_GOALS[role] for role in dict.fromkeys(roles)},
            "agents": _agents(names, roles, "Werewolf", "Werewolves", "Villagers"),
            "initial_state": "Night_werewolf",
            "state_transition": _cycle(
                "Night_werewolf", "Night_seer", "Night_witch", "Day_discussion", "Day_vote"
            ),
            "state_properties": {
                "Night_werewolf": night("Werewolf", "team") | {"action_order": "round-robin"},
                "Night_seer": night("Seer", "private"),
                "Night_witch": night("Witch", "private")
                | {"internal_state": {"save_available": True, "poison_available": True}},
                "Day_discussion": _TALK,
                "Day_vote": _VOTE,
            },
            "end_conditions": _ends(
                ("Werewolves", "No werewolf is left; the village wins."),
                ("Villagers", "The werewolves are as many as the others; the werewolves win."),
            ),
        }
    )


def spyfall_config(
    setting: str,
    names: Sequence[str],
    spy: int,
    location: str,
    *,
    places: Sequence[str],
    rounds: int,
) -> GameConfig:
    """A game of spyfall; `spy` is a seat."""
    roles = ["Spy" if seat == spy else "Non-Spy" for seat in range(len(names))]
    return GameConfig.model_validate(
        {
            "scenario": "Spyfall",
            "description": _SPYFALL.format(
                setting=setting, places=", ".join(places), rounds=_number(rounds)
            ),
            "role_goals": _SPYFALL_GOALS,
            "role_secrets": {
                "Non-Spy": f"You are not the spy. The location is: {location}.",
                "Spy": "You do not know the location.",
            },
            "agents": _agents(names, roles, "Spy", "Spy", "Non-Spies"),
            "initial_state": "Round_questioning",
            "state_transition": _cycle("Round_questioning", "Round_vote"),
            "state_properties": {"Round_questioning": _TALK, "Round_vote": _VOTE},
            "end_conditions": _ends(
                ("Spy", "The spy has been found; the others win."),
                ("Non-Spies", "The spy has not been found; the spy wins."),
            ),
        }
    )


def undercover_config(
    setting: str, names: Sequence[str], hidden: Sequence[int], words: tuple[str, str], rounds: int
) -> GameConfig:
    """A game of undercover; `hidden` are the seats with the second word.

    Descriptions are actions, so that the rules hear them.
    """
    roles = ["Undercover" if seat in hidden else "Civilian" for seat in range(len(names))]
    few = "one has" if len(hidden) == 1 else f"{_number(len(hidden))} have"
    return GameConfig.model_validate(
        {
            "scenario": "Undercover",
            "description": _UNDERCOVER.format(setting=setting, few=few, rounds=_number(rounds)),
            "role_goals": dict.fromkeys(("Civilian", "Undercover"), _UNDERCOVER_GOAL),
            "role_secrets": {
                role: f"Your secret word is: {word}."
                for role, word in zip(("Civilian", "Undercover"), words, strict=True)
            },
            "agents": _agents(names, roles, "Undercover", "Undercover", "Civilians"),
            "initial_state": "Round_description",
            "state_transition": _cycle("Round_description", "Round_vote"),
            "state_properties": {
                "Round_description": {**_TALK, "actions": ["action"]},
                "Round_vote": _VOTE,
            },
            "end_conditions": _ends(
                ("Undercover", "Nobody with another word is left; the common word wins."),
                ("Civilians", "The other word has not been found; it wins."),
            ),
        }
    )


def _agents(
    names: Sequence[str], roles: Sequence[str], hidden: str, few: str, many: str
) -> list[dict[str, str]]:
    return [
        {"name": name, "role": role, "team": few if role == hidden else many}
        for name, role in zip(names, roles, strict=True)
    ]


def _ends(few: tuple[str, str], many: tuple[str, str]) -> list[dict[str, str]]:
    """The few are gone, or match the many; each pair is a team and what is said at its end."""
    few_team, few_gone = few
    many_team, matched = many
    return [
        {"type": "team_eliminated", "team": few_team, "winner": many_team, "message": few_gone},
        {"type": "parity", "team": few_team, "other": many_team, "winner": few_team}
        | {"message": matched},
    ]


def _cycle(*states: str) -> dict[str, str]:
    return dict(zip(states, (*states[1:], states[0]), strict=True))


def _number(value: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    return words[value] if value < len(words) else str(value)
