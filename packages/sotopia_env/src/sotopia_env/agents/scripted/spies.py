"""How the scripted agent plays spyfall: with plain facts about places, said, heard and compared."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from ...games.deduction.spyfall import SpyfallView
from ...scenarios.places import PLACES
from .minds import Heard, most_suspect, pick, targets


class Fact(NamedTuple):
    """That a place has a feature, or has it not."""

    feature: str
    holds: bool

    def is_true_of(self, place: str) -> bool:
        return (self.feature in PLACES[place]) == self.holds


_SENTENCES: Final = {
    Fact("indoors", True): ("We have a roof over our heads here.", "Rain is no trouble here."),
    Fact("indoors", False): (
        "We are in the open air here.",
        "I should have looked at the weather.",
    ),
    Fact("water", True): ("There is a lot of water around us.", "One might get wet here."),
    Fact("water", False): ("It is dry where we are.", "Nobody will get wet here."),
    Fact("food", True): ("One can get something to eat here.", "I could have lunch here."),
    Fact("food", False): ("Nobody comes here to eat.", "I brought my own sandwich."),
    Fact("tickets", True): ("One has to pay to get in.", "Do not lose what you paid for."),
    Fact("tickets", False): ("Anybody may walk in without paying.", "It cost me nothing to enter."),
    Fact("uniforms", True): (
        "Some people here are dressed for it.",
        "You can tell who works here.",
    ),
    Fact("uniforms", False): ("People here wear whatever they like.", "You cannot tell who works."),
    Fact("quiet", True): ("It is best to be quiet here.", "I would not shout here."),
    Fact("quiet", False): ("Nobody minds the noise here.", "It can get loud here."),
    Fact("children", True): ("There are many children around.", "My little niece loves it here."),
    Fact("children", False): ("One hardly sees a child here.", "I would not bring my niece."),
    Fact("animals", True): ("There are animals close by.", "Did you hear that animal?"),
    Fact("animals", False): ("No animals live here.", "My dog would be bored here."),
    Fact("machines", True): ("I hear machines running.", "It takes some machines to run this."),
    Fact("machines", False): ("There are no machines here.", "It all works without machines."),
    Fact("night", True): ("At night a lot happens here.", "I would come back after dark."),
    Fact("night", False): ("At night nothing happens here.", "By night I am glad to be at home."),
}
_FACTS: Final = {text: fact for fact, texts in _SENTENCES.items() for text in texts}
_VAGUE: Final = (
    "I come here now and then.", "I like it here.", "It is as I remember it.",
    "Who has been here before?", "I could stay a while.",
)  # fmt: skip
_CONTRADICTS, _SAYS_NOTHING = 3.0, 1.0
"""What a false fact and a contribution without any add to a suspicion."""
_COMMON: Final = 0.8
"""Part of the listed places of which a fact must be true to be vague enough."""


class Guest:
    """Both roles of spyfall."""

    def __init__(self) -> None:
        self._facts: list[tuple[int, Fact]] = []
        self._empty: Counter[int] = Counter()
        """How often each seat said nothing about the place."""
        self._said: set[Fact] = set()

    def listen(self, view: SpyfallView, heard: Sequence[Heard], text: str) -> None:
        moves = tuple(f"{word} " for word in ("vote", "guess"))
        for said in heard:
            found = [fact for sentence, fact in _FACTS.items() if sentence in said.text]
            self._facts += [(said.seat, fact) for fact in found]
            if not found and not said.text.startswith(moves):
                self._empty[said.seat] += 1

    def say(self, view: SpyfallView, rng: np.random.Generator) -> str:
        is_vote = bool(targets(view, "vote"))
        if view.location is None:
            return self._act_as_spy(view, rng) if is_vote else self._blend_in(view, rng)
        if is_vote:
            return f"vote {most_suspect(view, self._suspicions(view.location), rng)}"
        return self._show(view.location, view.places, rng)

    def _suspicions(self, location: str) -> dict[int, float]:
        scores = {seat: _SAYS_NOTHING * count for seat, count in self._empty.items()}
        if location in PLACES:
            for seat, fact in self._facts:
                if not fact.is_true_of(location):
                    scores[seat] = scores.get(seat, 0.0) + _CONTRADICTS
        return scores

    def _show(self, location: str, places: Sequence[str], rng: np.random.Generator) -> str:
        """Something true that tells a stranger little; new, as long as there is anything."""
        if location not in PLACES:
            return pick(_VAGUE, rng)
        known = [place for place in places if place in PLACES]
        true = [fact for fact in _SENTENCES if fact.is_true_of(location)]
        shared = {fact: sum(map(fact.is_true_of, known)) for fact in true}
        enough = min(max(shared.values()), _COMMON * len(known))
        vague = [fact for fact in true if shared[fact] >= enough]
        heard = {fact for _, fact in self._facts}
        new = [fact for fact in vague if fact not in heard | self._said]
        return self._put(pick(new or vague, rng), rng)

    def _candidates(self, view: SpyfallView) -> list[str]:
        """Places at which everything that was said is true, or nearly everything."""
        places = [place for place in view.places if place in PLACES]
        misses = {
            place: sum(not fact.is_true_of(place) for _, fact in self._facts) for place in places
        }
        fewest = min(misses.values(), default=0)
        return [place for place in places if misses[place] == fewest]

    def _blend_in(self, view: SpyfallView, rng: np.random.Generator) -> str:
        """Something that is true of most places it could still be."""
        candidates = self._candidates(view)
        if not candidates:
            return pick(_VAGUE, rng)
        new = [fact for fact in _SENTENCES if fact not in self._said]
        counts = {fact: sum(map(fact.is_true_of, candidates)) for fact in new or _SENTENCES}
        most = max(counts.values())
        return self._put(pick([fact for fact in counts if counts[fact] == most], rng), rng)

    def _act_as_spy(self, view: SpyfallView, rng: np.random.Generator) -> str:
        candidates = self._candidates(view)
        if self._facts and len(candidates) == 1:
            return f"guess {candidates[0]}"
        return f"vote {pick(targets(view, 'vote'), rng)}"

    def _put(self, fact: Fact, rng: np.random.Generator) -> str:
        self._said.add(fact)
        return pick(_SENTENCES[fact], rng)
