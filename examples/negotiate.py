"""Anyone's own loop around `env.step`: two bargainers in a few lines, and what they are paid."""

from sotopia_env import parallel_env

GAMES = 20
PACE = {"agent_0": 1.0, "agent_1": 2.0}  # from target to reservation value; 1: in the last turn


def bargain(view, pace):
    """The policy: accept what is as good as the own next price, or name that price."""
    way = min(1.0, pace * view.turn / view.deadline)
    price = round(view.target + way * (view.reservation - view.target))
    sign = 1 if view.role == "seller" else -1
    if view.partner_offer is not None and sign * (view.partner_offer - price) >= 0:
        return "That will do.\nACCEPT"
    return f"How about this?\nOFFER {price}"


env = parallel_env("price_negotiation")
paid = {"agent_0": 0.0, "agent_1": 0.0}
for seed in range(GAMES):
    observations, infos = env.reset(seed=seed)
    while env.agents:
        actions = {seat: bargain(infos[seat]["game"], PACE[seat]) for seat in env.turn_order}
        observations, rewards, terminations, truncations, infos = env.step(actions)
    for seat, reward in rewards.items():  # shares of the surplus; 0 without a deal
        paid[seat] += reward / GAMES

print("mean share of the surplus:", {seat: round(share, 2) for seat, share in paid.items()})
