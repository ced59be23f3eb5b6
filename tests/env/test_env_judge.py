"""Dimensions, verdicts and judges as rewards; a failure is never a number."""

import asyncio
import json
import math
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st
from sales import sale

from sotopia_env import (
    AgentAction,
    AgentProfile,
    EnvironmentProfile,
    JudgeReward,
    VerifiableReward,
    parallel_env,
)
from sotopia_env.clients import ModelRequest, ScriptedClient
from sotopia_env.clients.openai_compatible import OpenAICompatibleClient
from sotopia_env.episode import Evaluation, Transcript
from sotopia_env.errors import ActionError, ConfigurationError, ModelError
from sotopia_env.evaluators import RUBRICS, Dimension, InvalidMoves, rubric
from sotopia_env.evaluators.dimensions import overall
from sotopia_env.evaluators.llm_judge import LLMJudge, read_verdict, reply_schema
from sotopia_env.rewards import RewardWrapper
from sotopia_env.runner import Task, run_episode, run_episodes

SEATS = ("agent_0", "agent_1")
SEVEN = RUBRICS["sotopia"]
GOAL = RUBRICS["goal"]
TALK = EnvironmentProfile(scenario="They meet.", agent_goals=("GOAL-0", "GOAL-1"))
PEOPLE = (
    AgentProfile(first_name="Ada", last_name="Bell", secret="SECRET-0"),
    AgentProfile(first_name="Bram", last_name="Coe", secret="SECRET-1"),
)
RANGES = {  # Part 1.7 of the published rules
    "believability": ("BEL", 0, 10),
    "relationship": ("REL", -5, 5),
    "knowledge": ("KNO", 0, 10),
    "secret": ("SEC", -10, 0),
    "social_rules": ("SOC", -10, 0),
    "financial_and_material_benefits": ("FIN", -5, 5),
    "goal": ("GOAL", 0, 10),
}
HIGHEST = {"believability": 10, "relationship": 5, "knowledge": 10, "secret": 0, "social_rules": 0,
           "financial_and_material_benefits": 5, "goal": 10}  # fmt: skip


# -- dimensions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sotopia", "sotopia_plus"])
def test_the_seven_dimensions_have_the_published_names_codes_and_ranges(name: str) -> None:
    assert {d.name: (d.code, d.low, d.high) for d in rubric(name)} == RANGES
    assert [d.name for d in rubric(name)] == list(RANGES)


def test_the_bands_cover_each_range_once_and_zero_has_its_own_where_it_is_no_change() -> None:
    for dimension in rubric("sotopia_plus"):
        covered: list[int] = []
        for band in dimension.bands:
            words = band.split()
            low = int(words[0])
            covered += range(low, int(words[2]) + 1) if words[1] == "to" else [low]
        assert covered == list(range(dimension.low, dimension.high + 1)), dimension.name
    for name in ("relationship", "financial_and_material_benefits", "secret", "social_rules"):
        (dimension,) = [d for d in rubric("sotopia_plus") if d.name == name]
        assert any(
            band.startswith("0 ") and not band.startswith("0 to") for band in dimension.bands
        )


def test_b11_a_dimension_takes_whole_numbers_in_its_range_only() -> None:
    custom = Dimension(name="transactivity", low=0, high=10, description="Builds on the other?")
    assert custom.check(5) == custom.check(5.0) == 5
    for wrong in (11, -1, 7.5, True, "5", None, math.nan, math.inf, 10**400, -(10**400)):
        with pytest.raises(ValueError, match="transactivity must"):
            custom.check(wrong)
    assert SEVEN[1].check(-5) == -5
    for dimension, wrong in ((SEVEN[1], -6), (SEVEN[3], 1), (SEVEN[0], 11)):
        with pytest.raises(ValueError, match="must lie in"):
            dimension.check(wrong)
    assert SEVEN[3].check(-10) == -10


def test_b11_rubrics_are_built_of_names_custom_dimensions_and_lists() -> None:
    custom = Dimension(name="verbal_equity", low=0, high=10, description="Shared the floor?")
    assert rubric([custom, "goal"]) == (custom, GOAL[0])
    assert rubric(["verbal_equity"], custom=[custom]) == (custom,)
    with pytest.raises(
        ConfigurationError, match=r"unknown dimension 'charm'\. Known: believability"
    ):
        rubric(["charm"])
    with pytest.raises(ConfigurationError, match="2 dimensions are called 'verbal_equity'"):
        rubric(["verbal_equity"], custom=[custom, custom])
    with pytest.raises(
        ConfigurationError, match=r"unknown rubric 'sotopa'\. Did you mean 'sotopia'"
    ):
        rubric("sotopa")
    for empty in ([], ["goal", "goal"]):
        with pytest.raises(ConfigurationError, match="different dimensions"):
            rubric(empty)
    with pytest.raises(ValueError, match="low 3 must be below high 3"):
        Dimension(name="flat", low=3, high=3, description="")


def test_the_overall_score_is_the_plain_mean_and_at_most_40_sevenths() -> None:
    assert overall(HIGHEST) == pytest.approx(40 / 7)
    assert overall({"a": 1.0, "b": 3.0, "overall_score": 9.0}) == 9.0
    assert overall({}) is None


# -- verdicts ------------------------------------------------------------------------------------


def scores(**changes: Any) -> dict[str, Any]:
    return {
        name: {"reasoning": f"why {name}", "score": 0} | changes.get(name, {}) for name in RANGES
    }


def reply(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    return json.dumps({"evaluations": {"agent_1": first, "agent_2": second}})


def test_a_verdict_is_read_with_its_reasons() -> None:
    verdict = read_verdict(
        reply(scores(goal={"score": 9}), scores(relationship={"score": -3})), SEATS, SEVEN
    )
    assert verdict.scores["agent_0"] == dict.fromkeys(RANGES, 0.0) | {"goal": 9.0}
    assert verdict.scores["agent_1"] == dict.fromkeys(RANGES, 0.0) | {"relationship": -3.0}
    assert verdict.details["agent_0"]["goal"] == "why goal"
    assert verdict.reasons["agent_1"].startswith("believability: why believability\n")


def test_seats_are_matched_by_key_and_not_by_order() -> None:
    text = json.dumps(
        {"evaluations": {"agent_2": {"goal": {"reasoning": "", "score": 2}},
                         "agent_1": {"goal": {"reasoning": "", "score": 8}}}}
    )  # fmt: skip
    assert read_verdict(text, SEATS, GOAL).scores == {
        "agent_0": {"goal": 8.0},
        "agent_1": {"goal": 2.0},
    }


def test_the_older_published_form_is_read_too() -> None:
    text = json.dumps(
        {"agent_1_evaluation": {"goal": ["why", 8]}, "agent_2_evaluation": {"goal": ["so", 2]}}
    )
    verdict = read_verdict(f"```json\n{text}\n```", SEATS, GOAL)
    assert verdict.scores == {"agent_0": {"goal": 8.0}, "agent_1": {"goal": 2.0}}
    assert verdict.details["agent_1"] == {"goal": "so"}


G = {"goal": {"reasoning": "", "score": 8}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I would give both an 8.",
        "[]",
        "8",
        "null",
        reply(G, {}),
        json.dumps({"evaluations": {"agent_1": G}}),
        json.dumps({"evaluations": {"agent_1": G, "agent_2": G, "agent_3": G}}),
        json.dumps({"evaluations": {"agent_0": G, "agent_1": G}}),
        json.dumps({"evaluations": [G, G]}),
        reply(G, G | {"charm": {"reasoning": "", "score": 1}}),
        reply(G, {"goal": {"reasoning": "", "score": 11}}),
        reply(G, {"goal": {"reasoning": "", "score": 7.5}}),
        reply(G, {"goal": {"reasoning": "", "score": True}}),
        reply(G, {"goal": {"reasoning": "", "score": None}}),
        reply(G, {"goal": {"reasoning": ""}}),
        reply(G, {"goal": 8}),
        "[" * 100_000,
        '{"a": ' * 100_000,
        reply(G, {"goal": {"reasoning": "", "score": 10**400}}),
        reply(G, {"goal": {"reasoning": "", "score": 0}}).replace("0}", f"1{'0' * 5000}}}"),
        '{"evaluations": {"agent_1": {"goal": {"reasoning": "", "score": NaN}}}}',
    ],
)
def test_any_other_reply_leaves_the_episode_unscored(text: str) -> None:
    verdict = read_verdict(text, SEATS, GOAL)
    assert verdict.scores == {}
    assert verdict.unscored is not None
    assert verdict.unscored.startswith("unreadable verdict: ")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            reply(G, G).replace('"agent_2"', '"agent_1"'),
            "'agent_1' stands there twice",
        ),
        (
            reply(G, G).replace('"score": 8}', '"score": 8, "score": 2}', 1),
            "'score' stands there twice",
        ),
        (
            json.dumps({"evaluations": {"agent_1": G, "agent_1_evaluation": G, "agent_2": G}}),
            "'agent_1' stands there twice",
        ),
        (
            json.dumps({"evaluations": {"agent_1": G, "agent_2": G}, "agent_1_evaluation": G}),
            "beside evaluations there is agent_1_evaluation",
        ),
    ],
)
def test_two_verdicts_on_one_seat_are_none_and_the_reason_says_so(
    text: str, complaint: str
) -> None:
    verdict = read_verdict(text, SEATS, GOAL)
    assert verdict.scores == {}
    assert verdict.unscored == f"unreadable verdict: {complaint}"


def test_half_a_character_in_a_verdict_is_replaced() -> None:
    text = reply({"goal": {"reasoning": "half \ud800", "score": 8}}, G)
    verdict = read_verdict(text, SEATS, GOAL)
    assert verdict.scores["agent_0"] == {"goal": 8.0}
    assert verdict.details["agent_0"] == {"goal": "half ?"}
    assert verdict.reasons["agent_0"] == "goal: half ?"
    unread = read_verdict(json.dumps({"half \ud800": G}), SEATS, GOAL)
    assert (unread.unscored or "").endswith("got half ?")


@given(st.text() | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_no_reply_brings_the_reader_down(text: str) -> None:
    assert read_verdict(text, SEATS, GOAL).scores == {}


def test_the_schema_has_exactly_the_participants_and_dimensions() -> None:
    schema = reply_schema(SEVEN, 3)
    inner = schema["properties"]["evaluations"]
    assert inner["required"] == ["agent_1", "agent_2", "agent_3"]
    assert inner["additionalProperties"] is False
    assert inner["properties"]["agent_2"]["required"] == list(RANGES)
    goal = inner["properties"]["agent_2"]["properties"]["goal"]["properties"]["score"]
    assert goal == {"type": "integer", "minimum": 0, "maximum": 10}


# -- the judge as a reward -----------------------------------------------------------------------


def judged(text: str, **settings: Any) -> tuple[Any, Any, ScriptedClient]:
    """A played episode of two turns with rewards of a judge that answers `text`."""
    client = ScriptedClient([text])
    judge = LLMJudge("scripted", client=client, dimensions="sotopia")
    env = JudgeReward(parallel_env(TALK, agents=PEOPLE, max_turns=2), judge=judge, **settings)
    env.reset(seed=0)
    env.step({"agent_0": "I did nothing wrong!"})
    result = env.step({"agent_1": "{goal} said: nothing"})
    return env, result, client


BEST = {name: {"reasoning": "", "score": high} for name, high in HIGHEST.items()}


def test_the_reward_is_the_overall_score_and_the_infos_hold_the_published_rating() -> None:
    env, (_, rewards, _, _, infos), _ = judged(reply(BEST, scores()))
    assert rewards == {"agent_0": pytest.approx(40 / 7), "agent_1": 0.0}
    total, rating = infos["agent_0"]["complete_rating"]
    assert total == rating["overall_score"] == pytest.approx(40 / 7)
    assert {name: rating[name] for name in HIGHEST} == HIGHEST
    assert infos["agent_1"]["complete_rating"][0] == 0.0
    assert infos["agent_0"]["reward_components"]["judge/goal"] == 10.0
    assert env.evaluation.details["agent_0"]["goal"] == ""
    assert "evaluation" not in infos["agent_0"]


def test_weights_choose_the_dimensions_and_every_component_is_told() -> None:
    _, (_, rewards, _, _, infos), _ = judged(
        reply(BEST, scores()), weights={"goal": 1.0, "relationship": 0.5}, weight=2.0
    )
    assert rewards["agent_0"] == 2 * (10 + 2.5)
    assert infos["agent_0"]["reward_components"]["judge/knowledge"] == 10.0
    with pytest.raises(ConfigurationError, match="unknown dimension of the judge 'charm'"):
        judged("", weights={"charm": 1.0})


@pytest.mark.parametrize("text", ["no verdict", ""])
def test_a_failed_judge_gives_no_reward_and_no_rating(text: str) -> None:
    _, (_, rewards, _, _, infos), _ = judged(text)
    for seat in SEATS:
        assert math.isnan(rewards[seat])
        assert infos[seat]["unscored"].startswith("not scored: judge/believability, judge/")
        assert "complete_rating" not in infos[seat]
        assert infos[seat]["reward_components"] == {}


def test_infos_repeat_nothing_that_a_judge_or_its_server_said() -> None:
    def refuse(request: ModelRequest) -> str:
        raise ModelError("500 SECRET-1")

    for client in (ScriptedClient([json.dumps({"SECRET-1": "SECRET-1"})]), ScriptedClient(refuse)):
        judge = LLMJudge("scripted", client=client, dimensions="goal")
        env = JudgeReward(parallel_env(TALK, agents=PEOPLE, max_turns=1), judge=judge)
        env.reset(seed=0)
        *_, infos = env.step({"agent_0": "Hello."})
        for info in infos.values():
            assert info["unscored"] == "not scored: judge/goal"
            assert "SECRET-1" not in repr(info)
        assert "SECRET-1" in env.evaluation.unscored


def test_the_judge_reads_everything_as_data_and_every_word_as_it_was_said() -> None:
    _, _, client = judged(reply(scores(), scores()))
    (request,) = client.requests
    text = request.messages[-1].content
    for fact in ("GOAL-0", "GOAL-1", "SECRET-0", "SECRET-1", "Ada Bell", "I did nothing wrong!"):
        assert fact in text
    assert json.dumps('said: "{goal} said: nothing"') in text
    assert request.temperature == 0.0
    assert request.schema == reply_schema(SEVEN, 2)


def test_a_judge_that_does_not_answer_leaves_the_episode_unscored_with_the_reason() -> None:
    judge = LLMJudge("scripted", client=ScriptedClient([]))
    env = JudgeReward(parallel_env(TALK, agents=PEOPLE, max_turns=1), judge=judge)
    env.reset(seed=0)
    _, rewards, _, _, infos = env.step({"agent_0": "Hello."})
    assert math.isnan(rewards["agent_0"])
    assert "unscored" in infos["agent_0"]
    assert env.evaluation.unscored == "no reply: the script has no reply number 1"


@pytest.mark.parametrize("outer", ["judge", "game"])
async def test_stacked_sources_add_up_in_either_order_stepped_or_awaited(outer: str) -> None:
    verdict = reply(BEST, scores())

    def env_of() -> Any:
        judge = LLMJudge("scripted", client=ScriptedClient([verdict]))
        env = parallel_env(sale(), reward=None)
        if outer == "judge":
            return JudgeReward(VerifiableReward(env, weight=2.0), judge=judge)
        return VerifiableReward(JudgeReward(env, judge=judge), weight=2.0)

    for is_awaited in (False, True):
        env = env_of()
        env.reset(seed=0)
        assert env.is_async
        for actions in ({"agent_0": "OFFER 55"}, {"agent_1": "ACCEPT"}):
            result = await env.step_async(actions) if is_awaited else env.step(actions)
        _, rewards, _, _, infos = result
        assert rewards["agent_0"] == pytest.approx(2 * 0.75 + 40 / 7)
        assert rewards["agent_1"] == pytest.approx(2 * 0.25)
        components = infos["agent_0"]["reward_components"]
        assert components["outcome/share"] == 0.75
        assert components["judge/goal"] == 10.0
        assert env.final_rewards == rewards
        assert {e.source for e in env.evaluations} == {"judge", "outcome"}


def judge_of(client: ScriptedClient) -> LLMJudge:
    return LLMJudge("scripted", client=client, dimensions="goal")


def goals(first: int, second: int) -> str:
    return reply(
        {"goal": {"reasoning": "", "score": first}}, {"goal": {"reasoning": "", "score": second}}
    )


def test_judges_over_each_other_keep_their_scores_apart_by_name() -> None:
    env = parallel_env(TALK, agents=PEOPLE, max_turns=1)
    env = JudgeReward(env, judge_of(ScriptedClient([goals(8, 2)])))
    env = JudgeReward(env, judge_of(ScriptedClient([goals(1, 5)])), name="strict", weight=0.5)
    env.reset(seed=0)
    _, rewards, _, _, infos = env.step({"agent_0": "Hello."})
    assert rewards == {"agent_0": 8.5, "agent_1": 4.5}
    assert infos["agent_0"]["reward_components"] == {"judge/goal": 8.0, "strict/goal": 1.0}
    assert infos["agent_1"]["complete_rating"] == (5.0, {"goal": 5.0, "overall_score": 5.0})
    assert [e.source for e in env.evaluations] == ["judge", "strict"]


def test_what_several_judges_have_not_scored_is_named_and_no_other_rating_stands_for_it() -> None:
    env = parallel_env(TALK, agents=PEOPLE, max_turns=1)
    env = JudgeReward(env, judge_of(ScriptedClient([goals(8, 2)])))
    for name in ("strict", "late"):
        env = JudgeReward(env, judge_of(ScriptedClient([])), name=name)
    env.reset(seed=0)
    *_, infos = env.step({"agent_0": "Hello."})
    assert infos["agent_0"]["unscored"] == "not scored: strict/goal, late/goal"
    assert infos["agent_0"]["reward_components"] == {"judge/goal": 8.0}
    assert "complete_rating" not in infos["agent_0"]


def test_two_judges_of_one_name_are_refused() -> None:
    env = JudgeReward(parallel_env(TALK, agents=PEOPLE), judge_of(ScriptedClient([])))
    inner = RewardWrapper(env, InvalidMoves(), dimension="invalid")
    with pytest.raises(ConfigurationError, match="two sources of reward are called 'judge'"):
        JudgeReward(inner, judge_of(ScriptedClient([])))
    RewardWrapper(inner, InvalidMoves(), dimension="invalid")  # the same scores, under one name


class Lenient:
    """Gives everybody the same."""

    name = "jury"

    async def evaluate(self, transcript: Transcript) -> Evaluation:
        self.loop = asyncio.get_running_loop()
        scores = {seat: {"reward": 1.0} for seat in transcript.names}
        return Evaluation(source="jury", scores=scores)


class Closing(Lenient):
    """Notes in which loop it is closed, if in any."""

    def __init__(self) -> None:
        self.closed_in: list[object] = []

    async def close(self) -> None:
        self.closed_in.append(asyncio.get_running_loop())


class PlainlyClosing(InvalidMoves):
    """An evaluator whose `close` does not wait."""

    closings = 0

    def close(self) -> None:
        type(self).closings += 1


def of_one_turn(*evaluators: Any) -> Any:
    env = parallel_env(TALK, agents=PEOPLE, max_turns=1)
    for evaluator in evaluators:
        dimension = "invalid" if isinstance(evaluator, InvalidMoves) else "reward"
        env = RewardWrapper(env, evaluator, dimension=dimension)
    env.reset(seed=0)
    return env


def test_evaluators_are_closed_in_the_loop_they_were_asked_in() -> None:
    inner, outer = Closing(), PlainlyClosing()
    before = PlainlyClosing.closings
    env = of_one_turn(inner, outer)
    env.step({"agent_0": "Hello."})
    env.close()
    assert inner.closed_in == [inner.loop]
    assert PlainlyClosing.closings == before + 1


async def test_who_awaits_steps_awaits_the_close() -> None:
    inner, outer = Closing(), PlainlyClosing()
    before = PlainlyClosing.closings
    env = of_one_turn(inner, outer)
    await env.step_async({"agent_0": "Hello."})
    with pytest.raises(ActionError, match="await close_async"):
        env.close()
    assert (inner.closed_in, PlainlyClosing.closings) == ([], before)
    await env.close_async()
    assert inner.closed_in == [inner.loop] == [asyncio.get_running_loop()]
    assert PlainlyClosing.closings == before + 1
    env.close()  # nothing is open any more


async def test_the_runner_closes_evaluators_that_do_not_wait() -> None:
    class Jury(Lenient):
        closings = 0

        def close(self) -> None:
            self.closings += 1

    jury = Jury()
    task = Task(scenario=TALK, characters=PEOPLE, agents=("scripted:talker",) * 2, seed=0)
    await run_episodes([task], reward=jury)
    assert jury.closings == 1


@pytest.mark.parametrize("is_awaited", [False, True])
async def test_a_closed_judge_leaves_no_connection_open(is_awaited: bool) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"choices": [{"message": {"content": goals(8, 2)}}]})

    app = web.Application()
    app.router.add_post("/chat/completions", answer)
    async with TestServer(app) as server:
        client = OpenAICompatibleClient(str(server.make_url("/")))
        judge = LLMJudge("m", client=client, dimensions="goal")
        env = JudgeReward(parallel_env(TALK, agents=PEOPLE, max_turns=1), judge)
        env.reset(seed=0)
        if is_awaited:
            _, rewards, *_ = await env.step_async({"agent_0": "Hello."})
        else:
            _, rewards, *_ = await asyncio.to_thread(env.step, {"agent_0": "Hello."})
        assert rewards == {"agent_0": 8.0, "agent_1": 2.0}
        session = client._session
        if is_awaited:
            await env.close_async()
        else:
            await asyncio.to_thread(env.close)
        assert session.closed


def test_a_model_is_named_and_its_key_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    env = parallel_env(TALK, agents=PEOPLE)
    with pytest.raises(ConfigurationError, match="'openai/gpt-4o' needs a key: set OPENAI_API_KEY"):
        JudgeReward(env, judge="openai/gpt-4o")
    with pytest.raises(ConfigurationError, match="a judge is a model or an Evaluator, got 3"):
        JudgeReward(env, judge=3)
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    assert JudgeReward(env, judge="openai/gpt-4o").is_async


async def test_the_runner_awaits_the_judge_and_stores_what_it_said() -> None:
    judge = LLMJudge(
        "scripted", client=ScriptedClient([reply(BEST, scores())]), dimensions="sotopia"
    )

    class Goal:
        name, dimensions = "judge", judge.dimensions

        async def evaluate(self, transcript: Transcript) -> Evaluation:
            verdict = await judge.evaluate(transcript)
            return Evaluation(
                source="judge", scores={s: {"reward": v["goal"]} for s, v in verdict.scores.items()}
            )

    task = Task(
        scenario=TALK, characters=PEOPLE, agents=("scripted:talker",) * 2, seed=0, max_turns=2
    )
    episode = await run_episode(task, reward=Goal())
    assert [record.reward for record in episode.seats.values()] == [10.0, 0.0]
    assert episode.seats["agent_0"].profile == PEOPLE[0]


# -- rewards of every turn -----------------------------------------------------------------------


def test_a_per_turn_evaluator_pays_every_turn_and_the_sum_is_kept() -> None:
    env = RewardWrapper(
        parallel_env(sale(), reward="share"), InvalidMoves(), dimension="invalid", weight=0.1
    )
    env.reset(seed=0)
    _, rewards, _, _, infos = env.step({"agent_0": "OFFER 5000"})
    assert rewards == {"agent_0": pytest.approx(-0.1), "agent_1": 0.0}
    assert infos["agent_0"]["reward_components"] == {"conduct/invalid": -1.0}
    _, rewards, *_ = env.step({"agent_1": "Well?"})
    assert rewards == {"agent_0": 0.0, "agent_1": 0.0}
    env.step({"agent_0": "OFFER 55"})
    _, rewards, _, _, infos = env.step({"agent_1": "ACCEPT"})
    assert rewards == {"agent_0": 0.75, "agent_1": 0.25}
    assert env.final_rewards == {"agent_0": pytest.approx(0.65), "agent_1": 0.25}
    assert infos["agent_0"]["reward_components"]["conduct/invalid"] == 0.0


class Talk:
    """Pays a turn to everybody, or to those who are still there."""

    name, per_turn = "talk", True

    def __init__(self, *, to_all: bool) -> None:
        self.to_all = to_all

    def evaluate(self, transcript: Transcript) -> Evaluation:
        paid = [s for s in transcript.names if self.to_all or s not in transcript.left]
        return Evaluation(source="talk", scores={seat: {"fun": 1.0} for seat in paid})


@pytest.mark.parametrize("to_all", [False, True])
def test_a_seat_that_has_left_is_paid_for_the_turns_before_and_owed_nothing_after(
    to_all: bool,
) -> None:
    three = EnvironmentProfile(scenario="They meet.", agent_goals=("Enjoy it.",) * 3)
    env = RewardWrapper(
        parallel_env(three, action_order="simultaneous", max_turns=4),
        Talk(to_all=to_all),
        dimension="fun",
    )
    env.reset(seed=0)
    env.step(dict.fromkeys(env.agents, "Hm."))
    leaving = dict.fromkeys(env.agents, "Hm.") | {"agent_0": AgentAction("leave")}
    _, rewards, _, _, infos = env.step(leaving)
    assert rewards == {"agent_0": float(to_all), "agent_1": 1.0, "agent_2": 1.0}
    assert "unscored" not in infos["agent_0"]
    for _ in range(2):
        env.step(dict.fromkeys(env.agents, "Hm."))
    assert not env.agents
    own = 2.0 if to_all else 1.0  # the turn in which it leaves is one of its own
    assert env.final_rewards == {"agent_0": own, "agent_1": 4.0, "agent_2": 4.0}


def test_a_turn_that_could_not_be_judged_is_unscored_for_who_leaves_in_it_too() -> None:
    class Fails:
        name, per_turn = "talk", True

        def evaluate(self, transcript: Transcript) -> Evaluation:
            return Evaluation(source="talk", unscored="asleep")

    env = RewardWrapper(parallel_env(TALK, agents=PEOPLE), Fails(), dimension="fun")
    env.reset(seed=0)
    env.step({"agent_0": AgentAction("leave")})
    assert all(map(math.isnan, env.final_rewards.values()))


def test_a_reward_needs_a_dimension_or_weights_and_not_both() -> None:
    env = parallel_env(sale(), reward=None)
    for settings in ({}, {"dimension": "invalid", "weights": {"invalid": 1.0}}):
        with pytest.raises(ConfigurationError, match="a dimension, or weights of several"):
            RewardWrapper(env, InvalidMoves(), **settings)
