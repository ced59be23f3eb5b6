"""The two verifiable games as one would write them by hand on PettingZoo, for comparison.

The same rules, the same moves, the same rewards as in `sotopia_env`, and nothing around them: moves
are read by one regular expression (plain spelling, no quotations put aside), there are no views, no
record of who heard what, no private messages, no leaving, no snapshots.
"""

import re
from collections.abc import Sequence
from typing import Any

from gymnasium import spaces
from pettingzoo import ParallelEnv


class BareGame(ParallelEnv):
    """Two seats in turn; a subclass has the rules."""

    metadata: dict[str, Any] = {"name": "bare_game"}  # noqa: RUF012  # as PettingZoo has it

    def __init__(self, deadline: int) -> None:
        self.possible_agents = ["agent_0", "agent_1"]
        self.agents: list[str] = []
        self.deadline = deadline
        self._space = spaces.Text(20_000)

    def observation_space(self, agent: str) -> spaces.Text:
        return self._space

    def action_space(self, agent: str) -> spaces.Text:
        return self._space

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        self.agents = list(self.possible_agents)
        self.turn, self.is_closed = 0, False
        self.start()
        return dict.fromkeys(self.agents, ""), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, str]) -> Any:
        live = self.agents
        if not live:
            raise ValueError("the episode is over: call reset()")
        seat = self.turn % 2
        mover, partner = live[seat], live[1 - seat]
        if mover not in actions:
            raise ValueError(f"{mover} is on turn and has no action")
        text = actions[mover]
        refusal = self.play(seat, text)
        self.turn += 1
        rewards = self.rewards()
        is_over = rewards is not None or self.is_closed or self.turn >= self.deadline
        if is_over:
            self.agents = []
        observations = {mover: "", partner: f'{mover} said: "{text}"'}
        if refusal is not None:
            observations[mover] = f"Your last move does not count: {refusal}."
        return (
            observations,
            dict(zip(live, rewards or (0.0, 0.0), strict=True)),
            dict.fromkeys(live, is_over),
            dict.fromkeys(live, False),
            {agent: {} for agent in live},
        )

    def start(self) -> None:
        """Clear the table."""
        raise NotImplementedError

    def play(self, seat: int, text: str) -> str | None:
        """Make the move in `text`, or say why it does not count."""
        raise NotImplementedError

    def rewards(self) -> tuple[float, float] | None:
        """Shares of both seats once there is an agreement."""
        raise NotImplementedError


class BareNegotiation(BareGame):
    """Price negotiation; seat 0 sells."""

    _MOVE = re.compile(r"^(?:(OFFER) (\d+)|(FINAL_BID): (\d+)|(ACCEPT)|(REJECT))$", re.MULTILINE)

    def __init__(self, floor: int, ceiling: int, low: int, high: int, deadline: int) -> None:
        super().__init__(deadline)
        self.floor, self.ceiling, self.low, self.high = floor, ceiling, low, high

    def start(self) -> None:
        self.offers: list[int | None] = [None, None]
        self.finals = [False, False]
        self.price: float | None = None

    def play(self, seat: int, text: str) -> str | None:
        found = self._MOVE.findall(text)
        if not found:
            return None
        offer, offered, _, bid, accept, _ = found[-1]
        partner = 1 - seat
        if offered or bid:
            amount = int(offered or bid)
            if not self.low <= amount <= self.high:
                return f"{amount} is outside {self.low} to {self.high}"
            if self.finals[seat]:
                return "you have already made your final bid"
            if offer and self.finals[partner]:
                return "your partner's bid is final; ACCEPT, REJECT or make a FINAL_BID"
            self.offers[seat] = amount
            if bid:
                self.finals[seat] = True
                if self.finals[partner]:
                    self._meet()
            return None
        if self.offers[partner] is None:
            return "there is no offer of your partner"
        if accept:
            self.price = self.offers[partner]
        else:
            self.is_closed = self.finals[partner]
            self.offers[partner] = None
        return None

    def _meet(self) -> None:
        ask, bid = self.offers
        if ask is not None and bid is not None and bid >= ask:
            self.price = (ask + bid) / 2
        else:
            self.is_closed = True

    def rewards(self) -> tuple[float, float] | None:
        if self.price is None:
            return None
        surplus = self.ceiling - self.floor
        return (self.price - self.floor) / surplus, (self.ceiling - self.price) / surplus


class BareAllocation(BareGame):
    """Division of goods; disagreement is worth nothing to either seat."""

    _MOVE = re.compile(
        r"^(?:(PROPOSE) ([\d ]+)|(I_CLAIM): ([\d ]+)|(ACCEPT)|(REJECT))$", re.MULTILINE
    )

    def __init__(
        self, quantities: Sequence[int], weights: Sequence[Sequence[int]], deadline: int
    ) -> None:
        super().__init__(deadline)
        self.quantities, self.weights = quantities, weights
        self.most = [sum(w * q for w, q in zip(row, quantities, strict=True)) for row in weights]

    def start(self) -> None:
        self.proposals: list[list[int] | None] = [None, None]
        self.claims: list[list[int] | None] = [None, None]
        self.division: tuple[list[int], list[int]] | None = None

    def play(self, seat: int, text: str) -> str | None:
        found = self._MOVE.findall(text)
        if not found:
            return None
        propose, proposed, _, claimed, accept, _ = found[-1]
        partner = 1 - seat
        if proposed or claimed:
            keep = [int(word) for word in (proposed or claimed).split()]
            if len(keep) != len(self.quantities):
                return f"{len(self.quantities)} amounts are needed"
            if any(k > q for k, q in zip(keep, self.quantities, strict=True)):
                return f"{keep} is more than there is"
            if propose:
                self.proposals[seat] = keep
                return None
            self.claims[seat] = keep
            self._settle()
            return None
        kept = self.proposals[partner]
        if kept is None:
            return "there is no proposal of your partner"
        if accept:
            rest = [q - k for q, k in zip(self.quantities, kept, strict=True)]
            self.division = (rest, kept) if seat == 0 else (kept, rest)
        else:
            self.proposals[partner] = None
        return None

    def _settle(self) -> None:
        first, second = self.claims
        if first is None or second is None:
            return
        if all(a + b <= q for a, b, q in zip(first, second, self.quantities, strict=True)):
            self.division = (first, second)

    def rewards(self) -> tuple[float, float] | None:
        if self.division is None:
            return None
        first, second = (
            sum(w * k for w, k in zip(row, keep, strict=True)) / most
            for row, keep, most in zip(self.weights, self.division, self.most, strict=True)
        )
        return first, second
