"""How the scripted agent plays werewolf, and any other social game that is a matter of votes."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np

from ...games.deduction.claims import WEREWOLF, read_claims
from ...games.deduction.werewolf import WerewolfView
from .minds import Heard, most_suspect, pick, targets

_SMALL_TALK: Final = (
    "I have nothing to report yet.", "Let us keep our heads.", "I am still listening.",
    "We should look at who votes for whom.", "Somebody here knows more than they tell.",
    "What did you notice?", "I would like to hear more before I decide.",
)  # fmt: skip
_OWN: Final = ("I am not a werewolf.", "I am innocent.", "I am a villager.")
_SUSPICION: Final = (
    "I think {name} is a werewolf.", "I believe {name} is a werewolf.",
    "For me {name} is one of the werewolves; {name} must be a werewolf.",
    "Listen to how it was said: {name} is a werewolf.",
)  # fmt: skip
_REVELATION: Final = (
    "I am the seer. I inspected {name}: {name} is a werewolf.",
    "You should know that I am the seer. I checked {name}, and {name} is a werewolf.",
)
_COUNTER: Final = (
    "That is false. I am the seer. I inspected {name}: {name} is a werewolf.",
    "Do not listen to this. I am the seer. I checked {name}, and {name} is a werewolf.",
)
_ACQUITTAL: Final = ("I am the seer. I inspected {name}: {name} is innocent.",)
_IDLE: Final = ("I wait.", "Nothing for tonight.", "I keep what I have.")

_TRUSTED, _CONTESTED, _SAID, _LIAR = 6.0, 3.0, 1.0, 4.0
"""Weights of a report by the first or a killed seer, by a later one, of an accusation by somebody
cleared, and of a false claim."""


class Villager:
    """Every role of werewolf."""

    def __init__(self) -> None:
        self._seers: list[int] = []
        """Seats that said they were the seer, the first one first."""
        self._reports: dict[tuple[int, int], bool] = {}
        """Whether, by the word of one seat that claims to be the seer, another is a wolf."""
        self._accusers: dict[int, set[int]] = {}
        """Who has accused each seat."""
        self._killed: set[int] = set()
        """Whom the wolves killed; they were on no wolf's side."""
        self._tonight: str | None = None
        """Whom a partner has just chosen."""

    def listen(self, view: WerewolfView, heard: Sequence[Heard], text: str) -> None:
        self._tonight = None
        for said in heard:
            chosen = [name for name in targets(view, "kill") if said.text == f"kill {name}"]
            self._tonight = chosen[0] if chosen else self._tonight
            self._take_down(view, said)
        for seat, name in enumerate(view.names):
            if f"[Game] {name} was killed by werewolves!" in text:
                self._killed.add(seat)

    def _take_down(self, view: WerewolfView, said: Heard) -> None:
        inspected: list[int] = []
        for claim in read_claims(said.text, view.names, said.seat, WEREWOLF):
            if claim.subject is None:
                continue
            match claim.aspect:
                case "role" if claim.value == "seer" and claim.is_asserted:
                    if claim.subject == said.seat and said.seat not in self._seers:
                        self._seers.append(said.seat)
                case "inspection":
                    inspected.append(claim.subject)
                case "side" if claim.subject != said.seat:
                    if claim.subject in inspected:
                        self._reports[said.seat, claim.subject] = claim.is_asserted
                    elif claim.is_asserted:
                        self._accusers.setdefault(claim.subject, set()).add(said.seat)

    # -- what it thinks ---------------------------------------------------------------------------

    def _scores(self, view: WerewolfView) -> dict[int, float]:
        """How much speaks for each seat being a wolf, as far as an honest player can tell."""
        scores: defaultdict[int, float] = defaultdict(float)
        liars = {
            seer
            for seer in self._seers
            if seer != view.seat
            and (view.role == "Seer" or self._reports.get((seer, view.seat)) is True)
        }
        believed = [seer for seer in self._seers if seer not in liars]
        killed = [seer for seer in believed if seer in self._killed]
        for (seer, subject), is_wolf in self._reports.items():
            if seer not in believed or (killed and seer not in killed):
                continue
            weight = _TRUSTED if seer in (*killed, believed[0]) else _CONTESTED
            scores[subject] += weight if is_wolf else -weight
        for subject, accusers in self._accusers.items():
            cleared = [seat for seat in accusers if scores.get(seat, 0.0) <= -_CONTESTED]
            scores[subject] += _SAID * len(cleared)
        if believed:
            scores[believed[0]] -= _CONTESTED
        for liar in liars:
            scores[liar] += _LIAR
        for name, team in view.inspected:
            is_foe = team != view.team
            scores[view.names.index(name)] += _TRUSTED * (2 if is_foe else -2)
        return dict(scores)

    def _against(self, view: WerewolfView) -> dict[int, float]:
        """For a wolf: how much each seat is suspected by others, its own side left out."""
        scores: defaultdict[int, float] = defaultdict(float)
        for subject, accusers in self._accusers.items():
            scores[subject] += len(accusers)
        for (_, subject), is_wolf in self._reports.items():
            scores[subject] += 2 if is_wolf else -1
        own = {view.names.index(name) for name in view.partners}
        return {seat: score for seat, score in scores.items() if seat not in own}

    # -- what it does -----------------------------------------------------------------------------

    def say(self, view: WerewolfView, rng: np.random.Generator) -> str:
        is_wolf = bool(view.partners) or "wolf" in view.role.casefold()
        if targets(view, "kill"):
            return self._kill(view, rng)
        if targets(view, "inspect"):
            return self._inspect(view, rng)
        if view.can_save is not None and not targets(view, "vote") and view.options:
            return self._brew(view, rng)
        if targets(view, "vote"):
            return self._vote(view, rng, is_wolf=is_wolf)
        if "night" in view.phase.casefold():
            return pick(_IDLE, rng)
        text = self._plot(view, rng) if is_wolf else self._report(view, rng)
        self._take_down(view, Heard(view.seat, text))
        return text

    def _kill(self, view: WerewolfView, rng: np.random.Generator) -> str:
        """The partner's choice; else somebody who calls itself the seer or accuses a wolf."""
        names = targets(view, "kill")
        if self._tonight in names:
            return f"kill {self._tonight}"
        own = {view.seat, *(view.names.index(name) for name in view.partners)}
        dangerous = [view.names[seat] for seat in self._seers]
        for wolf in own:
            dangerous += [view.names[seat] for seat in sorted(self._accusers.get(wolf, ()))]
        wanted = [name for name in dangerous if name in names]
        return f"kill {wanted[0] if wanted else pick(names, rng)}"

    def _inspect(self, view: WerewolfView, rng: np.random.Generator) -> str:
        """Somebody unknown, the most suspect first."""
        known = {name for name, _ in view.inspected}
        names = [name for name in targets(view, "inspect") if name not in known]
        if not names:
            return f"inspect {pick(targets(view, 'inspect'), rng)}"
        scores = self._scores(view)
        highest = max(scores.get(view.names.index(name), 0.0) for name in names)
        return "inspect " + pick(
            [name for name in names if scores.get(view.names.index(name), 0.0) == highest], rng
        )

    def _brew(self, view: WerewolfView, rng: np.random.Generator) -> str:
        saved = targets(view, "save")
        if saved:
            return f"save {saved[0]}"
        scores = self._scores(view)
        named = [
            name
            for name in targets(view, "poison")
            if scores.get(view.names.index(name), 0.0) >= _CONTESTED and name != view.victim
        ]
        if not named:
            return pick(_IDLE, rng)
        return "poison " + max(named, key=lambda name: scores[view.names.index(name)])

    def _vote(self, view: WerewolfView, rng: np.random.Generator, *, is_wolf: bool) -> str:
        if not is_wolf:
            return f"vote {most_suspect(view, self._scores(view), rng)}"
        lost = [
            name
            for name in view.partners
            if name in targets(view, "vote") and self._is_lost(view.names.index(name))
        ]
        if lost:  # whom nobody can save makes a good cover
            return f"vote {lost[0]}"
        foes = [name for name in targets(view, "vote") if name not in view.partners]
        scores = self._against(view)
        best = max(foes, key=lambda name: scores.get(view.names.index(name), 0.0), default=None)
        return f"vote {best or pick(targets(view, 'vote'), rng)}"

    def _is_lost(self, seat: int) -> bool:
        reported = any(subject == seat and bad for (_, subject), bad in self._reports.items())
        return reported and len(self._accusers.get(seat, ())) > 1

    def _report(self, view: WerewolfView, rng: np.random.Generator) -> str:
        """What somebody of the village says."""
        living = [name for name, is_alive in zip(view.names, view.alive, strict=True) if is_alive]
        found = [name for name, team in view.inspected if team != view.team and name in living]
        if found:
            return pick(_REVELATION, rng).format(name=found[-1])
        cleared = [name for name, team in view.inspected if team == view.team and name in living]
        if cleared:
            return pick(_ACQUITTAL, rng).format(name=cleared[-1])
        scores = self._scores(view)
        leads = [name for name in living if scores.get(view.names.index(name), 0.0) > 0]
        others = [name for name in leads if name != view.names[view.seat]]
        if others:
            worst = max(others, key=lambda name: scores[view.names.index(name)])
            return pick(_SUSPICION, rng).format(name=worst)
        return pick(_OWN if self._accusers.get(view.seat) else _SMALL_TALK, rng)

    def _plot(self, view: WerewolfView, rng: np.random.Generator) -> str:
        """What a wolf says: it answers a seer with another, and joins in suspicions of others."""
        for seer in self._seers:
            if self._reports.get((seer, view.seat)) and view.alive[seer]:
                return pick(_COUNTER, rng).format(name=view.names[seer])
        scores = self._against(view)
        foes = [
            seat
            for seat, is_alive in enumerate(view.alive)
            if is_alive and seat != view.seat and view.names[seat] not in view.partners
        ]
        suspects = [seat for seat in foes if scores.get(seat, 0.0) > 0]
        if suspects or rng.random() < 0.5:
            seat = max(suspects, key=lambda s: scores[s]) if suspects else pick(foes, rng)
            return pick(_SUSPICION, rng).format(name=view.names[seat])
        return pick(_OWN, rng)
