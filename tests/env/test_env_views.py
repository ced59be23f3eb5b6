"""The single-agent and vector views, and the ids and layouts by which others find environments."""

import asyncio
import gc
import random
import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pettingzoo
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from pettingzoo.test import max_cycles_test, parallel_api_test
from pettingzoo.utils.conversions import aec_to_parallel
from sales import sale

import sotopia_env
from sotopia_env import AgentAction, EnvironmentProfile, aec_env, parallel_env, sotopia_v0
from sotopia_env.episode import Evaluation, Transcript
from sotopia_env.errors import (
    ActionError,
    AgentError,
    ConfigurationError,
    ModelError,
    ScenarioError,
    Unscored,
)
from sotopia_env.make import gymnasium_env, vector_env
from sotopia_env.prompts import Conversation
from sotopia_env.rewards import RewardWrapper
from sotopia_env.scenarios.shipped import SHIPPED
from sotopia_env.views.aec import AECView
from sotopia_env.views.gymnasium import SingleAgentView
from sotopia_env.views.vector import VectorView

FAMILIES = ("price_negotiation", "resource_allocation")
TALK = EnvironmentProfile(
    scenario="They meet.", agent_goals=("Talk.",) * 3, agent_names=("Ada", "Bram", "Cleo")
)


def view(scenario: Any = "price_negotiation", **settings: Any) -> SingleAgentView:
    return gymnasium_env(scenario, **{"partner": "scripted:linear"} | settings)


class Echo:
    """Says the same every turn; a partner that does not declare whether it waits, and may."""

    is_privileged = False

    def __init__(self, seat: str, seed: int, action: Any = "Hm.") -> None:
        self.conversation = Conversation(seat)
        self._action = action

    async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> Any:
        await asyncio.sleep(0)
        return self._action


class Fails(Echo):
    """Fails in the first turn in which it is told to."""

    never_waits = True

    async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> Any:
        if "Fail!" in observation["text"]:
            raise ModelError("no answer within 30 s")
        return self._action


class AwaitedFails(Fails):
    never_waits = False


def judged(verdict: Callable[[str], float | None]) -> Any:
    """An environment of one turn for two; a judge makes a number, or none, of what was said."""

    class Jury:
        name = "jury"

        def evaluate(self, transcript: Transcript) -> Evaluation:
            score = verdict(transcript.turns[-1].action.argument)
            if score is None:
                return Evaluation(source="jury", unscored="the jury is out")
            return Evaluation(source="jury", scores={s: {"fun": score} for s in transcript.names})

    pair = TALK.model_copy(update={"agent_goals": TALK.agent_goals[:2], "agent_names": ("A", "B")})
    return RewardWrapper(parallel_env(pair, reward=None, max_turns=1), Jury(), dimension="fun")


# -- one agent -----------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seat", [0, 1])
@pytest.mark.parametrize("order", ["round-robin", "simultaneous", "random", "agent-chosen"])
def test_gymnasium_s_own_check_passes_without_a_warning(family: str, seat: int, order: str) -> None:
    env = gymnasium.make(
        f"sotopia/{family}-v0", partner="scripted:random_legal", seat=seat, action_order=order
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)


def test_every_family_is_registered_and_nothing_is_registered_twice() -> None:
    for name in ("scenario", *SHIPPED):
        assert f"sotopia/{name}-v0" in gymnasium.registry
        assert f"sotopia/{name}-v0" in pettingzoo.parallel_registry
        assert f"sotopia/{name}-v0" in pettingzoo.aec_registry
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sotopia_env.registration.register_with_gymnasium()


def test_a_step_lasts_until_the_learner_s_next_turn() -> None:
    env = view(sale(), partner="scripted:hard_headed")
    observation, info = env.reset(seed=0)
    assert observation["turn"] == 0
    assert info["goal"] == "Sell it."
    observation, reward, terminated, truncated, info = env.step("OFFER 55")
    assert observation["turn"] == 2
    assert observation["text"].startswith('Bram said: "OFFER 20')
    assert (reward, terminated, truncated) == (0.0, False, False)
    assert [t.seat for t in info["heard"]] == ["agent_1"]
    observation, reward, terminated, truncated, info = env.step("ACCEPT")
    assert (reward, terminated, truncated) == (-1.0, True, False)  # 20 is 20 below what it needs
    with pytest.raises(ActionError, match="call reset"):
        env.step("OFFER 50")


def test_the_second_seat_starts_after_what_the_first_has_said() -> None:
    env = view(sale(), seat=1, partner="scripted:hard_headed")
    observation, info = env.reset(seed=0)
    assert observation["turn"] == 1
    assert observation["text"].count("Ada said:") == 1
    assert "Bram's goal: Buy it." in observation["text"]
    assert info["goal"] == "Buy it."


def test_partners_and_learner_learn_their_names_and_goals_at_their_first_turn() -> None:
    told: dict[str, Any] = {}

    class Noting(Echo):
        async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> Any:
            told.setdefault(self.conversation.seat, (info.get("name"), info.get("goal")))
            return await super().act(observation, info)

    profile = TALK.model_copy(update={"agent_goals": ("Sing.", "Dance.", "Sleep.")})
    env = view(profile, partner=Noting, seat=1, reward=None)
    _, info = env.reset(seed=0)
    assert (info["name"], info["goal"]) == ("Bram", "Dance.")
    *_, info = env.step("Hm.")
    assert "goal" not in info
    assert told == {"agent_0": ("Ada", "Sing."), "agent_2": ("Cleo", "Sleep.")}


@pytest.mark.parametrize("seat", [0, 1])
def test_a_view_gives_the_rewards_of_the_parallel_environment(seat: int) -> None:
    env = view(seat=seat, partner="scripted:conceder")
    rng = np.random.default_rng(0)
    for seed in range(20):
        env.reset(seed=seed)
        total, ended = 0.0, False
        while not ended:
            action = env.env.sample_move(env.seat, rng)
            _, reward, terminated, truncated, _ = env.step(action)
            total, ended = total + reward, terminated or truncated
        assert total == env.env.final_rewards[env.seat]


class PerTurn:
    """A tenth for each seat that spoke in the turn."""

    name, per_turn = "talk", True

    def evaluate(self, transcript: Transcript) -> Evaluation:
        said = {t.seat for t in transcript.turns if t.number == transcript.turn - 1}
        return Evaluation(
            source=self.name,
            scores={seat: {"said": float(seat in said)} for seat in transcript.names},
        )


def test_rewards_of_turns_are_summed_up_to_the_learner_s_next_turn() -> None:
    inner = RewardWrapper(
        parallel_env(TALK, reward=None, max_turns=6), PerTurn(), dimension="said", weight=0.1
    )
    env = SingleAgentView(inner, partner="scripted:talker")
    env.reset(seed=0)
    _, reward, *_ = env.step("One.")
    assert reward == pytest.approx(0.1)
    _, reward, _, truncated, _ = env.step("Two.")
    assert reward == pytest.approx(0.1)
    assert truncated


def test_a_learner_that_leaves_is_given_what_is_due_to_it_at_the_end() -> None:
    class AtTheEnd:
        name = "end"

        def evaluate(self, transcript: Transcript) -> Evaluation:
            assert transcript.outcome is not None
            return Evaluation(source="end", scores={s: {"fun": 3.0} for s in transcript.names})

    inner = RewardWrapper(parallel_env(TALK, reward=None), AtTheEnd(), dimension="fun")
    env = SingleAgentView(inner, partner="scripted:talker")
    env.reset(seed=0)
    _, reward, terminated, _, _ = env.step(AgentAction("leave"))
    assert (reward, terminated) == (3.0, True)


def test_an_episode_without_a_score_raises_and_gives_no_number() -> None:
    class Asleep:
        name = "judge"

        async def evaluate(self, transcript: Transcript) -> Evaluation:
            return Evaluation(source="judge", unscored="the judge was asleep")

    inner = RewardWrapper(parallel_env(TALK, reward=None, max_turns=1), Asleep(), dimension="goal")
    env = SingleAgentView(inner, partner="scripted:talker")
    env.reset(seed=0)
    with pytest.raises(Unscored, match="the judge was asleep"):
        env.step("Hello.")


@pytest.mark.parametrize("partner", [Fails, AwaitedFails])
@pytest.mark.parametrize("order", ["round-robin", "simultaneous"])
def test_an_episode_is_over_when_a_partner_has_failed(partner: Any, order: str) -> None:
    env = view(TALK, partner=[Echo, partner], reward=None, action_order=order)
    env.reset(seed=0)
    if order == "simultaneous":
        env.step("Fail!")  # which they hear in the next turn only
    with pytest.raises(ModelError, match="no answer"):
        env.step("Fail!")
    with pytest.raises(ActionError, match=r"the episode is over .*: call reset\(\)"):
        env.step("Hello?")
    env.reset(seed=0)
    observation, *_ = env.step("Hello!")
    assert "Bram said" in observation["text"]


@pytest.mark.filterwarnings("error")
def test_a_failing_partner_leaves_no_other_unasked_or_half_asked() -> None:
    done = []

    class Slow(Echo):
        async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> Any:
            for _ in range(20):
                await asyncio.sleep(0)
            done.append(self.conversation.seat)
            return "Well."

    profile = TALK.model_copy(update={"scenario": "Fail!"})
    for partners, finished in (([AwaitedFails, Slow], ["agent_2"]), ([Fails, Fails], [])):
        env = view(profile, partner=partners, reward=None, action_order="simultaneous")
        env.reset(seed=0)
        with pytest.raises(ModelError):
            env.step("Hm.")
        gc.collect()
        assert done == finished
        done.clear()


def test_a_learner_s_mistake_is_answered_before_a_partner_has_thought() -> None:
    asked = []

    class Counted(Echo):
        async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> Any:
            asked.append(observation["turn"])
            return "Hm."

    env = view(TALK, partner=Counted, reward=None, action_order="simultaneous")
    env.reset(seed=0)
    with pytest.raises(ActionError, match="got NoneType"):
        env.step(None)  # type: ignore[arg-type]  # what is refused
    assert asked == []
    observation, *_ = env.step("Hello.")  # the episode goes on
    assert observation["turn"] == 1


def test_partners_who_act_first_are_awaited_in_the_first_reset_too() -> None:
    env = view(TALK, partner=Echo, seat=1, reward=None)
    observation, _ = env.reset(seed=0)
    assert observation["text"].endswith('Ada said: "Hm."')


def test_partners_that_may_wait_are_awaited() -> None:
    env = view(TALK, partner=[Echo, "scripted:talker"], reward=None)
    env.reset(seed=0)
    assert env.waits()
    observation, *_ = env.step("Hello.")
    assert observation["text"].startswith('Bram said: "Hm."\nCleo said:')
    assert not view(TALK, reward=None).waits()


def test_what_a_partner_does_wrong_is_for_its_maker_and_not_for_the_learner() -> None:
    env = view(sale(), partner=lambda seat, seed: Echo(seat, seed, "OFFER 5000"))
    env.reset(seed=0)
    _, reward, _, _, info = env.step("OFFER 50")
    assert env.partner_invalid_moves == {"agent_1": 1}
    assert "partner_invalid_moves" not in info
    assert reward == 0.0


@pytest.mark.parametrize(
    ("settings", "error", "complaint"),
    [
        ({"seat": 2}, ConfigurationError, "seat must lie in 0..1, got 2"),
        ({"partner": ["scripted:linear"] * 2}, ConfigurationError, "2 partners for 1 other seats"),
        ({"partner": "nobody"}, AgentError, "unknown agent 'nobody'"),
        ({"scenario": "chess"}, ScenarioError, "unknown scenario 'chess'"),
    ],
)
def test_a_view_that_cannot_be_is_refused(
    settings: dict[str, Any], error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint):
        view(**{"scenario": "price_negotiation"} | settings)


# -- many at once --------------------------------------------------------------------------------


def vector(count: int = 4, **settings: Any) -> VectorView:
    made: VectorView = gymnasium.make_vec(  # type: ignore[assignment]  # what the id says
        "sotopia/price_negotiation-v0",
        num_envs=count,
        vectorization_mode="vector_entry_point",
        **{"partner": "scripted:random_legal"} | settings,
    )
    return made


def moves() -> Iterator[str]:
    rng = random.Random(0)
    while True:
        yield rng.choice(["OFFER 40", "OFFER 60", "ACCEPT", "Hm."])


def test_many_views_at_once_are_the_same_as_each_alone() -> None:
    many, said = vector(4), moves()
    alone = [view(partner="scripted:random_legal") for _ in range(4)]
    observations, _ = many.reset(seed=7)
    started = [one.reset(seed=7 + n) for n, one in enumerate(alone)]
    assert observations["text"] == tuple(observation["text"] for observation, _ in started)
    ended = [False] * 4
    for _ in range(30):
        actions = [next(said) for _ in range(4)]
        observations, rewards, terminated, truncated, _ = many.step(actions)
        assert many.observation_space.contains(observations)
        for n, one in enumerate(alone):
            if ended[n]:
                assert rewards[n] == 0.0
                observation, _ = one.reset()
                ended[n] = False
            else:
                observation, reward, over, cut, _ = one.step(actions[n])
                assert (rewards[n], terminated[n], truncated[n]) == (reward, over, cut)
                ended[n] = over or cut
            assert observations["text"][n] == observation["text"]
            assert observations["turn"][n] == observation["turn"]
            assert observations["actions"][n].tolist() == observation["actions"].tolist()


def test_samples_of_the_batched_space_are_actions() -> None:
    env = vector(3)
    env.reset(seed=0)
    for _ in range(5):
        observations, rewards, *_ = env.step(env.action_space.sample())
        assert rewards.shape == (3,)
        assert env.observation_space.contains(observations)


def test_partners_of_all_environments_are_awaited_together() -> None:
    env = vector_env(3, TALK, partner=Echo, reward=None)
    env.reset(seed=0)
    observations, *_ = env.step(["Hello."] * 3)
    assert observations["text"] == ('Bram said: "Hm."\nCleo said: "Hm."',) * 3


def test_infos_stand_in_arrays_with_marks_of_who_has_them() -> None:
    env = vector(2)
    _, infos = env.reset(seed=0)
    assert infos["_goal"].tolist() == [True, True]
    assert isinstance(infos["goal"][0], str)
    *_, infos = env.step(["OFFER 5000", "OFFER 50"])
    assert infos["_note"].tolist() == [True, False]
    assert infos["note"][0].startswith("Your last move does not count")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("partner", ["scripted:talker", Echo])
def test_an_episode_without_a_score_is_not_a_number_and_costs_the_others_nothing(
    partner: Any,
) -> None:
    scores = {"good": 2.0, "unclear": None, "bad": -1.0}
    env = VectorView([SingleAgentView(judged(scores.get), partner=partner) for _ in range(3)])
    env.reset(seed=0)
    _, rewards, _, truncated, infos = env.step(["good", "unclear", "bad"])
    np.testing.assert_array_equal(rewards, [2.0, np.nan, -1.0])
    assert truncated.all()
    assert infos["unscored"].tolist() == [None, "not scored: jury/fun", None]
    _, rewards, *_ = env.step(["-"] * 3)  # all begin anew
    assert rewards.tolist() == [0.0] * 3
    _, rewards, *_ = env.step(["bad", "good", "good"])
    assert rewards.tolist() == [-1.0, 2.0, 2.0]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("partner", [Fails, AwaitedFails])
def test_an_episode_whose_partner_fails_is_cut_off_and_costs_the_others_nothing(
    partner: Any,
) -> None:
    env = VectorView([SingleAgentView(parallel_env(sale()), partner=partner) for _ in range(3)])
    env.reset(seed=0)
    observations, rewards, terminated, truncated, infos = env.step(["Hello.", "Fail!", "Hi."])
    np.testing.assert_array_equal(rewards, [0.0, np.nan, 0.0])
    assert (terminated.tolist(), truncated.tolist()) == ([False] * 3, [False, True, False])
    assert infos["failed"].tolist() == [None, "ModelError: no answer within 30 s", None]
    assert infos["_failed"].tolist() == [False, True, False]
    assert observations["text"][0] == observations["text"][2] == 'Bram said: "Hm."'
    observations, rewards, _, truncated, infos = env.step(["Well?"] * 3)
    assert rewards.tolist() == [0.0] * 3
    assert not truncated.any()
    assert "failed" not in infos
    assert observations["turn"].tolist() == [4, 0, 4]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("actions", [[None, None], ["Hm.", 3], "ab", "abc", None, 7])
def test_actions_of_no_known_kind_are_refused_before_anything_is_played(actions: Any) -> None:
    env = vector(2)
    env.reset(seed=0)
    with pytest.raises(ActionError, match=r"environment [01]: an action is|one action for each"):
        env.step(actions)
    gc.collect()
    same = vector(2)
    same.reset(seed=0)
    after, *_ = env.step(["OFFER 40"] * 2)
    expected, *_ = same.step(["OFFER 40"] * 2)
    assert after["text"] == expected["text"]


def test_the_action_for_an_environment_that_has_ended_may_be_anything() -> None:
    env = VectorView([SingleAgentView(judged(len), partner="scripted:talker")])
    env.reset(seed=0)
    env.step(["Four"])
    env.step([None])
    _, rewards, *_ = env.step(np.array(["Five!"]))
    assert rewards.tolist() == [5.0]


def test_a_step_before_the_first_reset_is_refused() -> None:
    with pytest.raises(ActionError, match=r"call reset\(\)"):
        vector(2).step(["Hm."] * 2)


@pytest.mark.parametrize("seed", [3, np.int64(3), [3, 4], np.array([3, 4]), (3, 4)])
def test_seeds_may_be_of_any_whole_kind(seed: Any) -> None:
    observations, _ = vector(2).reset(seed=seed)
    expected = [view().reset(seed=3 + n)[0]["text"] for n in range(2)]
    assert list(observations["text"]) == expected
    first, _ = view().reset(seed=np.int64(3))  # type: ignore[arg-type]  # Gymnasium says int
    assert first["text"] == expected[0]


@pytest.mark.parametrize("seed", ["34", 2.5, {3: 4}])
def test_a_seed_that_is_none_is_refused(seed: Any) -> None:
    with pytest.raises(ConfigurationError, match="a seed is a whole number, or one for each"):
        vector(2).reset(seed=seed)
    with pytest.raises(ConfigurationError, match="a seed is a whole number, or one for each"):
        vector(2, seed=seed)


def test_chosen_environments_alone_are_reset() -> None:
    env, alone = vector(3), view(partner="scripted:random_legal")
    env.reset(seed=0)
    before, *_ = env.step(["OFFER 40"] * 3)
    options = {"reset_mask": np.array([False, True, False])}
    observations, infos = env.reset(seed=[None, 9, None], options=options)
    assert list(options) == ["reset_mask"]
    expected, info = alone.reset(seed=9)
    assert observations["text"] == (before["text"][0], expected["text"], before["text"][2])
    assert observations["turn"].tolist() == [2, 0, 2]
    assert infos["_goal"].tolist() == [False, True, False]
    assert infos["goal"][1] == info["goal"]
    after, *_ = env.step(["OFFER 50"] * 3)
    assert after["turn"].tolist() == [4, 2, 4]


def test_an_environment_that_has_ended_and_is_reset_by_name_is_not_reset_again() -> None:
    env = VectorView([SingleAgentView(judged(len), partner="scripted:talker") for _ in range(2)])
    env.reset(seed=0)
    env.step(["Hm."] * 2)
    env.reset(options={"reset_mask": np.array([True, False])})
    _, rewards, *_ = env.step(["Four"] * 2)
    assert rewards.tolist() == [4.0, 0.0]


@pytest.mark.parametrize(
    "mask", [[True, False], np.array([True]), np.array([1, 0]), np.array([False, False])]
)
def test_a_mask_that_chooses_nothing_is_refused(mask: Any) -> None:
    env = vector(2)
    env.reset(seed=0)
    with pytest.raises(ConfigurationError, match="reset_mask is an array of 2 truth values"):
        env.reset(options={"reset_mask": mask})


def test_a_part_cannot_be_reset_before_the_whole() -> None:
    with pytest.raises(ConfigurationError, match="environment 0 was never reset"):
        vector(2).reset(options={"reset_mask": np.array([False, True])})


def test_the_seed_of_the_maker_supplies_those_of_the_episodes() -> None:
    def texts(env: Any) -> list[str]:
        return [env.reset()[0]["text"] for _ in range(2)]

    parallel = parallel_env("price_negotiation", seed=5)
    drawn = [parallel.reset()[0]["agent_0"]["text"] for _ in range(2)]
    assert texts(view(seed=5)) == drawn
    made = gymnasium.make("sotopia/price_negotiation-v0", partner="scripted:linear", seed=5)
    assert texts(made) == drawn
    assert texts(view(seed=6)) != drawn
    many = vector(2, seed=5)
    assert [first for first, _ in texts(many)] == drawn
    assert [second for _, second in texts(vector(2, seed=4))] == drawn
    with pytest.raises(ConfigurationError, match="a seed is a whole number"):
        view(seed=-1)


def test_wrong_numbers_of_things_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="num_envs must be at least 1, got 0"):
        vector(0)
    env = vector(2)
    with pytest.raises(ConfigurationError, match="3 seeds for 2 environments"):
        env.reset(seed=[1, 2, 3])
    env.reset(seed=0)
    with pytest.raises(ConfigurationError, match="1 actions for 2 environments"):
        env.step(["OFFER 5"])


def one_env() -> Any:
    return view(partner="scripted:random_legal")


@pytest.mark.parametrize("kind", ["sync", "async without shared memory"])
def test_gymnasium_s_own_vectors_give_the_same_texts(kind: str) -> None:
    if kind == "sync":
        env: Any = SyncVectorEnv([one_env, one_env])
    else:
        env = AsyncVectorEnv([one_env, one_env], shared_memory=False)
    alone = [one_env(), one_env()]
    try:
        observations, _ = env.reset(seed=3)
        assert observations["text"] == tuple(
            one.reset(seed=3 + n)[0]["text"] for n, one in enumerate(alone)
        )
        action = {"action_type": 1, "argument": "OFFER 40", "to": np.zeros(2, dtype=np.int8)}
        batch = {
            "action_type": np.array([1, 1]),
            "argument": ("OFFER 40", "OFFER 40"),
            "to": np.zeros((2, 2), dtype=np.int8),
        }
        observations, *_ = env.step(batch)
        assert observations["text"] == tuple(one.step(action)[0]["text"] for one in alone)
    finally:
        env.close()


def test_shared_memory_is_refused_with_a_way_out() -> None:
    with pytest.raises(ConfigurationError, match="use SyncVectorEnv"):
        AsyncVectorEnv([one_env])


# -- PettingZoo's layout -------------------------------------------------------------------------


def test_the_module_has_pettingzoo_s_layout() -> None:
    parallel = sotopia_v0.parallel_env(max_cycles=4, render_mode="ansi")
    parallel_api_test(parallel, num_cycles=10)
    env = sotopia_v0.env(max_cycles=4)
    with pytest.raises(AttributeError, match="reset"):
        _ = env.agent_selection
    env.reset(seed=0)
    for _ in env.agent_iter():
        _, _, terminated, truncated, _ = env.last()
        env.step(None if terminated or truncated else "Hm.")


def test_max_cycles_counts_turns_where_nobody_may_leave_or_end_the_game() -> None:
    # Upstream's test samples every action and wants none of them to end the episode earlier, which
    # `leave` is there to do; and it counts rounds, so all have to act in a turn.
    def bound(make: Any) -> Any:
        return lambda max_cycles: make(
            TALK,
            max_cycles=max_cycles,
            action_order="simultaneous",
            action_types=("speak", "action"),
            max_stale_turns=None,
        )

    max_cycles_test(
        SimpleNamespace(parallel_env=bound(sotopia_v0.parallel_env), env=bound(sotopia_v0.env))
    )


def test_registered_ids_make_environments() -> None:
    parallel = pettingzoo.make("parallel", "sotopia/price_negotiation-v0", max_cycles=5)
    parallel.reset(seed=0)
    assert parallel.possible_agents == ["agent_0", "agent_1"]
    aec = pettingzoo.make("aec", "sotopia/scenario-v0", scenario=TALK, action_order="simultaneous")
    parallel_api_test(aec_to_parallel(aec), num_cycles=10)


def test_turns_that_pass_in_secret_are_passed_over_and_lose_nothing() -> None:
    passed = 0
    for seed in range(20):
        parallel, one_by_one = (make("werewolf", reward="auto") for make in (parallel_env, aec_env))
        parallel.reset(seed=seed)
        one_by_one.reset(seed=seed)
        chance, again = np.random.default_rng(seed), np.random.default_rng(seed)
        while parallel.agents:
            passed += not parallel.turn_order
            parallel.step({s: parallel.sample_move(s, chance) for s in parallel.turn_order})
        earned = dict.fromkeys(one_by_one.possible_agents, 0.0)
        for seat in one_by_one.agent_iter():
            _, reward, terminated, truncated, _ = one_by_one.last()
            earned[seat] += reward
            has_ended = terminated or truncated
            one_by_one.step(None if has_ended else one_by_one.env.sample_move(seat, again))
        assert earned == parallel.final_rewards
        assert one_by_one.env.transcript.turns == parallel.transcript.turns
        assert one_by_one.env.turn == parallel.turn
    assert passed > 5


@pytest.mark.parametrize("kind", ["aec", "single"])
def test_components_of_rewards_add_up_until_a_seat_acts_as_its_reward_does(kind: str) -> None:
    scores = iter([-1.0, -2.0, -4.0, -8.0])

    class Strict:
        name, per_turn = "strict", True

        def evaluate(self, transcript: Transcript) -> Evaluation:
            score = next(scores)
            return Evaluation(
                source="strict", scores={s: {"tone": score} for s in transcript.names}
            )

    talk = EnvironmentProfile(scenario="They meet.", agent_goals=("", "", ""))
    inner = RewardWrapper(parallel_env(talk, max_turns=4), Strict(), dimension="tone")
    if kind == "single":
        env = SingleAgentView(inner, partner="scripted:talker", seat=0)
        env.reset(seed=0)
        _, reward, *_, info = env.step("Hello.")
        assert (reward, info["reward_components"]) == (-7.0, {"strict/tone": -7.0})
        return
    view = AECView(inner)
    view.reset(seed=0)
    for _ in range(3):
        view.step("Hello.")
    _, reward, _, _, info = view.last()
    assert (reward, info["reward_components"]) == (-7.0, {"strict/tone": -7.0})


def test_a_closed_view_lets_go_of_the_partners_it_has_made(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    class Line:
        def __call__(self, seat: str, seed: int) -> Any:
            raise AssertionError

        async def close(self) -> None:
            closed.append(self)

    given = Line()
    monkeypatch.setattr("sotopia_env.views.gymnasium.agent_factory", lambda spec: Line())
    talk = EnvironmentProfile(scenario="They meet.", agent_goals=("", "", "", ""))
    partners = ["openai/a", "openai/a", given]
    SingleAgentView(parallel_env(talk), partner=partners).close()
    assert len(closed) == 1
    assert closed[0] is not given


@pytest.mark.parametrize("seat", [0, 1])
def test_an_episode_that_ends_before_the_learner_s_first_turn_pays_what_is_due(seat: int) -> None:
    """Who is killed in the first night is never asked, and loses or wins with the others."""
    ended = 0
    for number in range(40):
        env = gymnasium_env("werewolf", partner="scripted:random_legal", seat=seat)
        env.reset(seed=number)
        if env.env.agents:
            continue
        ended += 1
        due = env.env.final_rewards[f"agent_{seat}"]
        _, reward, terminated, truncated, _ = env.step("I am dead.")
        assert (reward, terminated, truncated) == (due, True, False)
        assert due in (-1.0, 1.0)
        with pytest.raises(ActionError, match="call reset"):
            env.step("I am still dead.")
        several = VectorView([env, gymnasium_env("werewolf", partner="scripted:random_legal")])
        several.reset(seed=[number, number])
        _, rewards, terminations, *_ = several.step(["-", "-"])
        assert (rewards[0], terminations[0]) == (due, True)
    assert ended > 2
