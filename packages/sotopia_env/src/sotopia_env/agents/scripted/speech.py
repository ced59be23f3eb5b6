"""Sentences around moves: short, varied, and never a move themselves."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import numpy as np

Occasion: TypeAlias = Literal["opening", "holding", "conceding", "accepting", "refusing"]

_SENTENCES: Final[Mapping[Occasion, tuple[str, ...]]] = {
    "opening": (
        "Let us start here.", "This is fair.", "Good to meet you.", "Here I begin.",
        "That suits me well.", "I hope we agree.", "What do you think?", "Shall we talk?",
        "What do you say?", "I am glad you came.", "My first idea.", "How about that?",
    ),
    "holding": (
        "I cannot move.", "Nothing has changed.", "I need more.", "That is not enough.",
        "Please come closer.", "I still think so.", "I have my reasons.", "Think it over.",
        "There is no hurry.", "I would rather wait.", "Others have asked too.", "It is worth it.",
    ),
    "conceding": (
        "I come closer.", "Let me meet you.", "I give some ground.", "Does this work?",
        "I want us to agree.", "A step towards you.", "You see, I move.", "We are not far.",
        "I can live with it.", "Let us not wait.", "How is this?", "I hope that helps.",
    ),
    "accepting": (
        "We have a deal.", "That works for me.", "I am happy.", "Let us shake hands.",
        "Fine, it is settled.", "Thank you, I agree.", "Fair enough.", "Then we are done.",
    ),
    "refusing": (
        "I am afraid not.", "That does not work.", "No deal, then.", "I have to say no.",
        "Maybe another time.", "That is too little.",
    ),
}  # fmt: skip


def sentence(occasion: Occasion, rng: np.random.Generator) -> str:
    """One sentence for the occasion, drawn uniformly."""
    options = _SENTENCES[occasion]
    return options[int(rng.integers(len(options)))]
