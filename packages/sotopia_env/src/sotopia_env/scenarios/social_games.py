"""Configurations of the generated social games: their rules in words, their states, their ends."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from ..games.deduction.config import EndCondition, GameConfig, Player, StateProperties

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

_TALK: Final = StateProperties(actions=("speak",), action_order="round-robin", visibility="public")
_VOTE: Final = StateProperties(
    actions=("action",), action_order="simultaneous", visibility="public"
)
_DESCRIPTION: Final = StateProperties(
    actions=("action",), action_order="round-robin", visibility="public"
)
_WOLVES: Final = StateProperties(
    acting_roles=("Werewolf",),
    actions=("action",),
    visibility="team",
    action_order="round-robin",
)
_SEER: Final = StateProperties(acting_roles=("Seer",), actions=("action",), visibility="private")
_WITCH: Final = StateProperties(
    acting_roles=("Witch",),
    actions=("action",),
    visibility="private",
    internal_state={"save_available": True, "poison_available": True},
)


def werewolf_config(setting: str, names: Sequence[str], roles: Sequence[str]) -> GameConfig:
    """A game of werewolf; `roles` by seat."""
    wolves = Counter(roles)["Werewolf"]
    return _filled(
        _WEREWOLF_RULES,
        description=_WEREWOLF.format(setting=setting, wolves=_number(wolves)),
        role_goals={role: _WEREWOLF_GOALS[role] for role in dict.fromkeys(roles)},
        agents=_agents(names, roles, "Werewolf", "Werewolves", "Villagers"),
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
    return _filled(
        _SPYFALL_RULES,
        description=_SPYFALL.format(
            setting=setting, places=", ".join(places), rounds=_number(rounds)
        ),
        role_goals=_SPYFALL_GOALS,
        role_secrets={
            "Non-Spy": f"You are not the spy. The location is: {location}.",
            "Spy": "You do not know the location.",
        },
        agents=_agents(names, roles, "Spy", "Spy", "Non-Spies"),
    )


def undercover_config(
    setting: str, names: Sequence[str], hidden: Sequence[int], words: tuple[str, str], rounds: int
) -> GameConfig:
    """A game of undercover; `hidden` are the seats with the second word.

    Descriptions are actions, so that the rules hear them.
    """
    roles = ["Undercover" if seat in hidden else "Civilian" for seat in range(len(names))]
    few = "one has" if len(hidden) == 1 else f"{_number(len(hidden))} have"
    return _filled(
        _UNDERCOVER_RULES,
        description=_UNDERCOVER.format(setting=setting, few=few, rounds=_number(rounds)),
        role_goals=dict.fromkeys(("Civilian", "Undercover"), _UNDERCOVER_GOAL),
        role_secrets={
            role: f"Your secret word is: {word}."
            for role, word in zip(("Civilian", "Undercover"), words, strict=True)
        },
        agents=_agents(names, roles, "Undercover", "Undercover", "Civilians"),
    )


def _rules(
    scenario: str,
    states: Mapping[str, StateProperties],
    few: tuple[str, str],
    many: tuple[str, str],
) -> GameConfig:
    """What is the same in all instances of a game.

    The few are gone, or match the many; each pair is a team and what is said at its end.
    """
    (few_team, few_gone), (many_team, matched) = few, many
    names = tuple(states)
    return GameConfig.model_construct(
        scenario=scenario,
        initial_state=names[0],
        state_transition=dict(zip(names, (*names[1:], names[0]), strict=True)),
        state_properties=dict(states),
        end_conditions=(
            EndCondition(type="team_eliminated", team=few_team, winner=many_team, message=few_gone),
            EndCondition(
                type="parity", team=few_team, other=many_team, winner=few_team, message=matched
            ),
        ),
    )


_WEREWOLF_RULES: Final = _rules(
    "Werewolf",
    {
        "Night_werewolf": _WOLVES,
        "Night_seer": _SEER,
        "Night_witch": _WITCH,
        "Day_discussion": _TALK,
        "Day_vote": _VOTE,
    },
    ("Werewolves", "No werewolf is left; the village wins."),
    ("Villagers", "The werewolves are as many as the others; the werewolves win."),
)
_SPYFALL_RULES: Final = _rules(
    "Spyfall",
    {"Round_questioning": _TALK, "Round_vote": _VOTE},
    ("Spy", "The spy has been found; the others win."),
    ("Non-Spies", "The spy has not been found; the spy wins."),
)
_UNDERCOVER_RULES: Final = _rules(
    "Undercover",
    {"Round_description": _DESCRIPTION, "Round_vote": _VOTE},
    ("Undercover", "Nobody with another word is left; the common word wins."),
    ("Civilians", "The other word has not been found; it wins."),
)


def _filled(rules: GameConfig, **values: Any) -> GameConfig:
    """One instance. It is not validated, which would cost more than all the rest of a reset."""
    return rules.model_copy(update=values)


def _agents(
    names: Sequence[str], roles: Sequence[str], hidden: str, few: str, many: str
) -> tuple[Player, ...]:
    return tuple(
        _player(name, role, few if role == hidden else many)
        for name, role in zip(names, roles, strict=True)
    )


@lru_cache(maxsize=4096)
def _player(name: str, role: str, team: str) -> Player:
    return Player.model_construct(name=name, role=role, team=team)


def _number(value: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    return words[value] if value < len(words) else str(value)
