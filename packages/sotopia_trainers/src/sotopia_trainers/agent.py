"""A checkpoint as an agent: `policy:<folder or hub id>`."""

from collections.abc import Mapping
from typing import Final

from sotopia_env.agents import AgentFactory
from sotopia_env.errors import ConfigurationError, one_of
from sotopia_env.prompts import APPEND_ONLY, PromptStyle

from .policy import check_path, load_policy, record_of_stranger

_OPTIONS: Final = ("device", "temperature")


def build_agent(argument: str, options: Mapping[str, str], style: PromptStyle) -> AgentFactory:
    """Entry point of `policy:<folder>`; the checkpoint's own prompt style wins over `style`.

    Options: `temperature` (by default the checkpoint's own), `device`.

    Raises:
        ConfigurationError: when the folder is no checkpoint or an option cannot work.
    """
    for name in options:
        one_of(_OPTIONS, name, "option of a policy")
    try:
        temperature = float(options["temperature"]) if "temperature" in options else None
    except ValueError as error:
        raise ConfigurationError(f"policy:{argument}: temperature: {error}") from error
    check_path(argument)
    from .rollout import PolicyAgent  # imports torch: seconds
    from .sampling import TransformersSampler

    of_a_stranger = record_of_stranger(style if style in APPEND_ONLY else "chat")
    policy = load_policy(argument, default=of_a_stranger, merge=True)
    try:
        policy.model.to(options.get("device", "cpu")).eval()
    except (AssertionError, ImportError, RuntimeError) as error:  # each kind of device has its own
        raise ConfigurationError(f"policy:{argument}: device: {error}") from error
    sampler = TransformersSampler(policy, temperature=temperature)
    return lambda seat, seed: PolicyAgent(seat, seed, sampler)
