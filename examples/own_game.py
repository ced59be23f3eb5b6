"""A game of your own: both say how much of a cake they want, and too much is nothing (Nash 1953).

`check_game` plays it at random and says which law of the protocol a mistake breaks.
"""

from sotopia_env.games.protocol import Solution, Stakes
from sotopia_env.moves import Invalid, MoveGrammar, read_amount
from sotopia_env.testing import check_game


class DemandGame:
    """Params are the slices of the cake, a state is `(slices, demands)`, a move is a demand."""

    family, seats, has_chance = "demand", 2, False
    grammar = MoveGrammar({"DEMAND": "amount"})

    def start(self, params, rng):
        return params, (None, None)

    def resample(self, params, seat, rng):
        return params  # nothing is secret before the first demand

    def acting(self, state):
        return [seat for seat in (0, 1) if state[1][seat] is None]

    def observe(self, state, seat):
        return {"slices": state[0], "own": state[1][seat]}  # the partner's demand is secret

    def parse(self, text, state, seat):
        found = self.grammar.find(text)
        if found is None or isinstance(found, Invalid):
            return found
        demand = read_amount(found.operand)
        is_legal = demand in self.legal_moves(state, seat)
        return demand if is_legal else Invalid(f"DEMAND a whole number up to {state[0]}, once")

    def legal_moves(self, state, seat):
        return list(range(state[0] + 1)) if state[1][seat] is None else []

    def sample_move(self, state, seat, rng):
        return int(rng.choice(self.legal_moves(state, seat))) if state[1][seat] is None else None

    def render(self, move):
        return f"DEMAND {move}"

    def apply(self, state, moves):
        return state[0], tuple(moves.get(seat, state[1][seat]) for seat in (0, 1))

    def is_over(self, state):
        return None not in state[1]

    def is_agreed(self, state):
        return self.is_over(state) and sum(state[1]) <= state[0]

    def utilities(self, state):
        return state[1] if self.is_agreed(state) else (0, 0)

    def stakes(self, params):
        return Stakes(disagreement=(0, 0), ideal=(params, params))

    def solution(self, params):
        return Solution(
            disagreement=(0, 0),
            ideal=(params, params),
            frontier=tuple((own, params - own) for own in range(params + 1)),
            nash=(params / 2, params / 2),
            utilitarian=(params / 2, params / 2),
        )


game = DemandGame()
check_game(game, 8)
state = game.start(8, rng=None)
for seat, text in enumerate(["I am hungry.\nDEMAND 5", "So am I.\nDEMAND 3"]):
    state = game.apply(state, {seat: game.parse(text, state, seat)})
print(f"the rules hold; demands {state[1]} are worth {game.utilities(state)}")
