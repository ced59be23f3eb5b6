"""Generated social games, and scenarios made of configurations in the published form.

An instance is a configuration with its private facts. No arrangement of roles, together with the
place or the words, occurs in two splits.
"""

import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import numpy as np

from ..errors import ScenarioError
from ..games.deduction import (
    DeductionParams,
    GameConfig,
    Spyfall,
    SpyfallParams,
    Undercover,
    UndercoverParams,
    Werewolf,
    WerewolfParams,
)
from ..games.deduction.targets import folded
from ..profiles import EnvironmentProfile
from .families import Draws, Family, Split, belongs_to, draws_for, read_options, scenario_id
from .names import NAMES
from .places import PLACES
from .social_games import SETTINGS, spyfall_config, undercover_config, werewolf_config
from .words import PAIRS

T = TypeVar("T")

_WEREWOLF: Final = {"players": tuple(map(str, range(6, 13)))}
_SPYFALL: Final = {
    "players": tuple(map(str, range(4, 9))),
    "rounds": tuple(map(str, (3, 1, 2, 4, 5, 6))),
    "places": tuple(map(str, (12, 4, 6, 8, 16, 24))),
}
_UNDERCOVER: Final = {
    "players": tuple(map(str, range(4, 9))),
    "undercovers": ("1", "2"),
}
_PLACES_LISTED: Final = 12
_FEWEST_FOR_TWO: Final = 5
"""Players with whom two may be undercover; fewer would be outnumbered from the start."""
_ROUNDS: Final = 3
"""Of spyfall, where nothing else is said."""

_LOCATION: Final = re.compile(r"\blocation is:?\s*([^.\n]*[^.\s])", re.IGNORECASE)
_ARTICLE: Final = re.compile(r"\A(?:an?|the)\s+")
_WORD: Final = re.compile(r"\bword is:?\s*([^.\n]*[^.\s])", re.IGNORECASE)
_ADDED: Final = {
    "werewolf": "Moves are actions, each alone on a line, such as vote NAME. In a tie nobody is "
    "voted out.",
    "spyfall": "Moves are actions, each alone on a line: vote NAME, or for the spy guess PLACE, "
    "once: if it is right the spy wins, if not the others do. In a tie nobody is voted out. After "
    "{rounds} votes a spy who is still in has won. Possible places: {places}.",
    "undercover": "Moves are actions, alone on a line: vote NAME. In a tie nobody is voted out. "
    "After {rounds} votes an undercover who is still in has won.",
}
"""What descriptions of others do not say of our rules."""


def draw_werewolf(split: Split, number: int, options: Mapping[str, str]) -> EnvironmentProfile:
    """Instance `number` of a split; two werewolves among up to eight players, else three.

    Raises:
        ScenarioError: for an unknown option or a negative number.
    """
    chosen = read_options("werewolf", options, _WEREWOLF)
    draws = draws_for("werewolf", split, number, fields=32)
    players = int(chosen["players"])
    wolves = 2 if players <= 8 else 3
    deck = ("Werewolf",) * wolves + ("Seer", "Witch") + ("Villager",) * (players - wolves - 2)
    codes = sorted(set(deck))
    while True:
        roles = _drawn(draws, deck, players)
        if belongs_to(split, (players, *map(codes.index, roles))):
            break
    config = werewolf_config(
        draws.choice(SETTINGS["werewolf"]), _drawn(draws, NAMES, players), roles
    )
    identity = scenario_id("werewolf", options, split, number)
    return _scenario(config, WerewolfParams.drawn(config), identity)


def draw_spyfall(split: Split, number: int, options: Mapping[str, str]) -> EnvironmentProfile:
    """Instance `number` of a split; `places` are listed, and it is one of them.

    Raises:
        ScenarioError: for an unknown option or a negative number.
    """
    chosen = read_options("spyfall", options, _SPYFALL)
    draws = draws_for("spyfall", split, number, fields=48)
    players, rounds, listed = (int(chosen[name]) for name in ("players", "rounds", "places"))
    known = tuple(PLACES)
    while True:
        spy, place = draws.integer(0, players - 1), draws.integer(0, len(known) - 1)
        if belongs_to(split, (players, spy, place)):
            break
    others = [*known[:place], *known[place + 1 :]]
    places = tuple(sorted([known[place], *_drawn(draws, others, listed - 1)]))
    config = spyfall_config(
        draws.choice(SETTINGS["spyfall"]),
        _drawn(draws, NAMES, players),
        spy,
        known[place],
        places=places,
        rounds=rounds,
    )
    params = SpyfallParams.drawn(config, location=known[place], places=places, rounds=rounds)
    return _scenario(config, params, scenario_id("spyfall", options, split, number))


def draw_undercover(split: Split, number: int, options: Mapping[str, str]) -> EnvironmentProfile:
    """Instance `number` of a split; as many rounds as players.

    Raises:
        ScenarioError: for an unknown option, two undercovers among four, or a negative number.
    """
    chosen = read_options("undercover", options, _UNDERCOVER)
    players, few = int(chosen["players"]), int(chosen["undercovers"])
    if few == 2 and players < _FEWEST_FOR_TWO:
        raise ScenarioError(
            f"undercovers=2 of undercover needs players={_FEWEST_FOR_TWO} or more, got {players}"
        )
    draws = draws_for("undercover", split, number, fields=32)
    while True:
        hidden = sorted(_drawn(draws, range(players), few))
        pair, turned = draws.integer(0, len(PAIRS) - 1), draws.chance(0.5)
        if belongs_to(split, (players, pair, int(turned), *hidden)):
            break
    words = PAIRS[pair][::-1] if turned else PAIRS[pair]
    setting, names = draws.choice(SETTINGS["undercover"]), _drawn(draws, NAMES, players)
    config = undercover_config(setting, names, hidden, (words[0], words[1]), players)
    own = tuple(words[seat in hidden] for seat in range(players))
    params = UndercoverParams.drawn(config, words=own, rounds=players)
    return _scenario(config, params, scenario_id("undercover", options, split, number))


def profile_of(config: GameConfig) -> EnvironmentProfile:
    """A configuration as a scenario that can be played.

    Spyfall rules hold where the name of the game holds `spyfall` and a secret says `location is:
    X`, undercover rules where it holds `undercover` and the secret of every role says `word is: X`.
    All else is played by the rules of werewolf, which know the states whose names hold `werewolf`,
    `seer` or `witch`, and in any other what holds for every game.

    The hidden side has won after three votes in spyfall, and after as many as there are players in
    undercover.
    """
    name = config.scenario.casefold()
    secrets = config.role_secrets
    places = [found[1] for text in secrets.values() if (found := _LOCATION.search(text))]
    words = {role: found[1] for role, text in secrets.items() if (found := _WORD.search(text))}
    params: DeductionParams
    if "spyfall" in name and places:
        # written as all the others are, so that it does not stand out
        location = _ARTICLE.sub("", places[0].lower())
        listed = _listed_with(location)
        params = SpyfallParams.of(config, location=location, places=listed, rounds=_ROUNDS)
        added = _ADDED["spyfall"].format(rounds=_ROUNDS, places=", ".join(listed))
    elif "undercover" in name and all(player.role in words for player in config.agents):
        own = tuple(words[player.role] for player in config.agents)
        limit = len(config.agents)
        params = UndercoverParams.of(config, words=own, rounds=limit, is_blind=False)
        added = _ADDED["undercover"].format(rounds=limit)
    else:
        params, added = WerewolfParams.of(config), _ADDED["werewolf"]
    return _scenario(config, params, "", added)


def _scenario(
    config: GameConfig, params: DeductionParams, identity: str, added: str = ""
) -> EnvironmentProfile:
    told = config.description.replace("{agent_names}", ", ".join(params.names))
    return EnvironmentProfile(
        scenario_id=identity,
        codename=f"{config.scenario or params.family} for {params.seats}",
        source="generated" if identity else "configuration",
        scenario="\n".join(filter(None, (told, added))),
        agent_goals=_goals(config, params),
        agent_names=params.names,
        game=params,
    )


def _goals(config: GameConfig, params: DeductionParams) -> tuple[str, ...]:
    """What each seat is after, what it is, and whom it knows."""
    is_blind = isinstance(params, UndercoverParams) and params.is_blind
    goals = []
    for seat, player in enumerate(config.agents):
        parts = [config.role_goals.get(player.role, "")]
        if not is_blind:
            parts.append(f"Your role: {player.role}, on team {player.team}.")
        parts.append(config.role_secrets.get(player.role, ""))
        partners = params.partners(seat)
        if partners:
            parts.append(f"On your side: {', '.join(params.names[o] for o in partners)}.")
        goals.append(" ".join(filter(None, parts)))
    return tuple(goals)


def _listed_with(location: str) -> tuple[str, ...]:
    """A list of places around one that somebody else has chosen, the same every time."""
    others = [place for place in PLACES if folded(place) != folded(location)]
    rng = np.random.default_rng([zlib.crc32(location.encode())])
    drawn = rng.permutation(len(others))[: _PLACES_LISTED - 1]
    return tuple(sorted([location, *(others[int(index)] for index in drawn)]))


def _drawn(draws: Draws, items: Sequence[T], count: int) -> list[T]:
    """So many of the items, in an order drawn uniformly."""
    deck, last = list(items), len(items) - 1
    for place in range(min(count, last)):
        chosen = draws.integer(place, last)
        deck[place], deck[chosen] = deck[chosen], deck[place]
    return deck[:count]


WEREWOLF: Final = Family(game=Werewolf(), params_type=WerewolfParams, draw=draw_werewolf)
SPYFALL: Final = Family(game=Spyfall(), params_type=SpyfallParams, draw=draw_spyfall)
UNDERCOVER: Final = Family(game=Undercover(), params_type=UndercoverParams, draw=draw_undercover)
