"""How strong the scripted strategies can be made against the partners a policy trains with.

    python benchmarks/strongest.py [family ...]

Tries parameters on the validation split, and prints the best of each family with what they earn on
the test split. The winners stand as `evaluation.references` in the configuration, so that policies
are compared with the strongest strategy known and not with its defaults.
"""

import sys
from itertools import product

from sotopia_env.intervals import Estimate
from sotopia_env.runner import Cast
from sotopia_env.scenarios.families import family_names
from sotopia_trainers import evaluate

PARTNERS = ("scripted:linear", "scripted:conceder", "scripted:patient")
SCENARIOS = {"validation": 200, "test": 100}
SHOWN = 5

CANDIDATES = [
    *(
        f"scripted:patient?hold={hold}&last={last}"
        for hold, last in product((1, 1.1, 1.25, 1.5, 2), (0.2, 0.3, 0.4, 0.5, 0.6, 0.7))
    ),
    *(
        f"scripted:linear?beta={beta}&floor={floor}"
        for beta, floor in product((0.05, 0.1, 0.2, 0.3, 0.5, 1, 3), (0, 0.2, 0.4))
    ),
    *(
        f"scripted:tit_for_tat?rate={rate}&floor={floor}"
        for rate, floor in product((0.5, 1, 2), (0, 0.2, 0.4))
    ),
]


def share(spec: str, family: str, split: str) -> Estimate:
    """Mean share of the surplus against the partners, from both seats."""
    games = evaluate.matches([family], PARTNERS, split=split, count=SCENARIOS[split])
    return evaluate.mean_share(evaluate.play(spec, games, Cast(style="brief")))


def main() -> None:
    """Print the best of every family."""
    for family in sys.argv[1:] or family_names():
        tried = {spec: share(spec, family, "validation") for spec in CANDIDATES}
        best = sorted(tried, key=lambda spec: -tried[spec].value)[:SHOWN]
        print(f"{family}: best of {len(CANDIDATES)}, validation, then test")
        for spec in best:
            print(f"  {spec:40} {tried[spec]}  {share(spec, family, 'test')}")


if __name__ == "__main__":
    main()
