"""Settings that several stages share; `hydra_conf` fills them."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, get_args

from sotopia_env.errors import ConfigurationError

Credit: TypeAlias = Literal["utterance", "move"]
"""Which of its own tokens a seat's outcome is attributed to."""
CREDITS: Final[tuple[Credit, ...]] = get_args(Credit)


@dataclass(slots=True, kw_only=True)
class TinySettings:
    """Shape of a model trained from scratch; the defaults have one million parameters."""

    vocabulary: int = 2048
    hidden_size: int = 128
    intermediate_size: int = 1024
    layers: int = 2
    heads: int = 4


@dataclass(slots=True, kw_only=True)
class LoraSettings:
    """Low-rank adapters (Hu et al. 2021); names and meanings are PEFT's."""

    r: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.0
    target_modules: str = "all-linear"


@dataclass(kw_only=True)
class ModelSettings:
    """Which policy to train. Without a path it is built tiny from scratch."""

    name: str = "tiny"
    path: str | None = None
    """Folder or hub id of a chat model."""
    lora: LoraSettings | None = None
    """Train adapters only."""
    tiny: TinySettings = field(default_factory=TinySettings)
    style: str = "brief"
    """How observations are written: `brief` or `chat`."""
    max_turn_tokens: int = 16
    """Longest assistant turn, stop token included."""
    bc_learning_rate: float = 2e-3
    """Of cloning, where `bc.learning_rate` is not given."""
    grpo_learning_rate: float = 1e-3
    """Of GRPO, where `grpo.learning_rate` is not given."""
    dtype: str = "float32"
    skip_cloning: bool = False
    """Start GRPO from the model as it is."""


@dataclass(kw_only=True)
class EvaluationSettings:
    """Held-out play before and after."""

    scenarios: int = 100
    """Instances a family; each is played by both seats with every partner."""
    split: str = "test"
    """Which instances; `validation` for choosing settings."""
    references: list[str] = field(default_factory=list)
    """Specs to compare with, beside the scripted strategies with their default parameters."""
    constants: list[float] = field(
        default_factory=lambda: [0.0, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25]
    )
    """Levels of the constant strategies to compare with (1: never concede from the target)."""
    dialogues: int = 4
    """Sample dialogues in the report."""

    def constant_strategies(self) -> list[str]:
        """Specs of the strategies that never concede."""
        return [f"scripted:hard_headed?level={level}" for level in self.constants]


@dataclass(kw_only=True)
class DemonstrationSettings:
    """What the clone learns from."""

    agents: dict[str, list[str]] = field(default_factory=dict)
    """Specs of the demonstrators of each family."""
    games: int = 3000
    """Games, over all families, between demonstrators and partners."""

    def of(self, scenario: str) -> list[str]:
        """The demonstrators of a scenario's family, options and instances aside."""
        return self.agents.get(scenario.partition("?")[0].partition("/")[0], [])


Options = dict[str, Any]
"""Options of a TRL configuration under TRL's own names."""


def whole_number(options: Options, group: str, name: str, default: int) -> int:
    """One option as the number of things it is.

    Raises:
        ConfigurationError: when it is no whole number.
    """
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationError(f"{group}.{name} must be a whole number, got {value!r}")
    return value


def games_at_once(options: Options) -> int:
    """How many games one step of GRPO plays and trains on."""
    batch = whole_number(options, "grpo", "per_device_train_batch_size", 8)
    return batch * whole_number(options, "grpo", "gradient_accumulation_steps", 1)


@dataclass(kw_only=True)
class CloningSettings:
    """What `bc` and `grpo` share; see `hydra_conf/sotopia_trainers/cloning.yaml`."""

    name: str = ""
    seed: int = 0
    fresh: bool = False
    scenarios: list[str] = field(default_factory=list)
    """Families to train and evaluate on."""
    partners: list[str] = field(default_factory=list)
    """Specs of the partner pool."""
    held_out_partner: str = ""
    """A partner met in evaluation only."""
    model: ModelSettings = field(default_factory=ModelSettings)
    demonstrations: DemonstrationSettings = field(default_factory=DemonstrationSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    bc: Options = field(default_factory=dict)
    """Options of TRL's SFTConfig."""


@dataclass(kw_only=True)
class ReinforcementSettings(CloningSettings):
    """Those of `grpo`; see `hydra_conf/sotopia_trainers/grpo.yaml`."""

    credit: str = "utterance"
    """Which tokens of a turn the outcome is attributed to: `utterance` or `move`."""
    invalid_move_cost: float = 0.0
    """Taken off the reward of training for each move that does not count; not off any score."""
    grpo: Options = field(default_factory=dict)
    """Options of TRL's GRPOConfig."""
