"""Published configurations of social games <-> scenarios that play them."""

import re
from collections.abc import Mapping
from typing import Any, Final

from ..errors import ScenarioError
from ..games.deduction.config import read_config
from ..profiles import EnvironmentProfile
from ..scenarios.deduction import profile_of
from .reading import JsonObject, located, refusal

_NO_WORD: Final = re.compile(r"\W+")


def read_social_game(config: Mapping[str, Any], where: str = "") -> EnvironmentProfile:
    """The scenario a configuration describes; its id is made of the game's name.

    Raises:
        FormatError: for anything that is no such configuration.
    """
    try:
        profile = profile_of(read_config(config))
    except ScenarioError as error:
        raise located(where, error) from error
    name = _NO_WORD.sub("_", str(config.get("scenario", "")).casefold()).strip("_")
    return profile.model_copy(update={"scenario_id": f"{name or 'game'}_configuration"})


def write_social_game(profile: EnvironmentProfile) -> JsonObject:
    """The configuration of a scenario that plays a social game, generated ones included.

    Raises:
        FormatError: if it plays none.
    """
    game = profile.game
    config = None if game is None else game.model_dump(mode="json").get("config")
    if config is None:
        name = profile.scenario_id or profile.codename
        raise refusal(name, "plays no social game", "write it as a scenario")
    written: JsonObject = read_config(config).model_dump(mode="json", exclude_unset=True)
    return written
