"""Social games of hidden roles, in phases: werewolf, spyfall, undercover, and configurations."""

from .config import GameConfig, read_config
from .phases import PhaseMachine
from .positions import DeductionParams, PhaseView
from .spyfall import Spyfall, SpyfallParams
from .undercover import Undercover, UndercoverParams
from .werewolf import Werewolf, WerewolfParams

__all__ = [
    "DeductionParams",
    "GameConfig",
    "PhaseMachine",
    "PhaseView",
    "Spyfall",
    "SpyfallParams",
    "Undercover",
    "UndercoverParams",
    "Werewolf",
    "WerewolfParams",
    "read_config",
]
