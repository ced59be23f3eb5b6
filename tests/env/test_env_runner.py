"""Playing episodes: order, concurrency, failures, resumption, and the record that remains."""

import asyncio
import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sotopia_env import EnvironmentProfile, Episode, parallel_env, run_episodes
from sotopia_env.actions import AgentAction
from sotopia_env.agents.language_model import LanguageModelAgent
from sotopia_env.agents.scripted import RANDOM, TACTICS
from sotopia_env.clients import ScriptedClient
from sotopia_env.episode import Decision, Evaluation, Transcript
from sotopia_env.errors import AgentError, ConfigurationError, ScenarioError, SotopiaError
from sotopia_env.evaluators import Dimension
from sotopia_env.evaluators.llm_judge import LLMJudge
from sotopia_env.prompts import Conversation, PromptStyle
from sotopia_env.runner import Cast, Task, run_episode
from sotopia_env.store import SqliteStore

FAMILIES = ("price_negotiation", "resource_allocation")
REWARD = Dimension(name="reward", low=0, high=10, description="How well it went.")


class ModelError(SotopiaError):
    """Stands for a model that cannot be reached."""


class Speaker:
    """Says the given lines, one a turn; the last one again and again. A line may be an error."""

    is_privileged = False

    def __init__(
        self, seat: str, *lines: str | AgentAction | Exception, style: PromptStyle = "chat"
    ) -> None:
        self.conversation = Conversation(seat, style)
        self._lines = list(lines)

    async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> str | AgentAction:
        self.conversation.observe(observation, info)
        line = self._lines.pop(0) if len(self._lines) > 1 else self._lines[0]
        await asyncio.sleep(0)
        if isinstance(line, Exception):
            raise line
        self.conversation.reply(observation["turn"], line if isinstance(line, str) else "")
        return line


def speaking(**lines: tuple[str | AgentAction | Exception, ...]) -> Cast:
    """A cast of speakers by name."""

    def factory(own: tuple[str | AgentAction | Exception, ...]) -> Callable[[str, int], Speaker]:
        return lambda seat, seed: Speaker(seat, *own)

    return Cast(factories={name: factory(own) for name, own in lines.items()})


def talk(folder: Path, *names: str) -> Path:
    """The file of a scenario without a game."""
    names = names or ("Ada", "Bram")
    profile = EnvironmentProfile(
        scenario="Friends meet.", agent_goals=("Enjoy it.",) * len(names), agent_names=names
    )
    path = folder / "talk.json"
    path.write_text(profile.model_dump_json(), encoding="utf-8")
    return path


def task(first: str, second: str, seed: int = 0, scenario: str = "price_negotiation") -> Task:
    return Task(scenario=scenario, agents=(first, second), seed=seed)


def linear_tasks(count: int) -> list[Task]:
    return [task("scripted:linear", "scripted:boulware", seed) for seed in range(count)]


# -- order and concurrency -----------------------------------------------------------------------


async def test_results_come_in_the_order_of_the_tasks_whatever_finishes_first() -> None:
    count = 5
    may_end = [asyncio.Event() for _ in range(count)]
    may_end[-1].set()

    class Waiter(Speaker):
        def __init__(self, seat: str, seed: int) -> None:
            super().__init__(seat, "Hm.")
            self.number = seed

        async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> Any:
            await may_end[self.number].wait()
            return await super().act(observation, info)

    finished: list[int] = []

    def note(episode: Episode) -> None:
        finished.append(episode.seed)
        if episode.seed > 0:
            may_end[episode.seed - 1].set()

    tasks = [task("waiter", "waiter", seed) for seed in range(count)]
    episodes = await run_episodes(tasks, cast=Cast(factories={"waiter": Waiter}), on_episode=note)
    assert finished == [4, 3, 2, 1, 0]
    assert [episode.seed for episode in episodes] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("concurrency", "expected"), [(1, 1), (3, 3), (50, 7)])
async def test_at_most_so_many_episodes_are_played_at_once(concurrency: int, expected: int) -> None:
    playing: set[int] = set()
    most = 0

    class Counted(Speaker):
        def __init__(self, seat: str, seed: int) -> None:
            super().__init__(seat, "Hm.")
            self.number = seed

        async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> Any:
            nonlocal most
            playing.add(self.number)
            most = max(most, len(playing))
            return await super().act(observation, info)

    tasks = [task("counted", "counted", seed) for seed in range(7)]
    await run_episodes(
        tasks,
        cast=Cast(factories={"counted": Counted}),
        concurrency=concurrency,
        on_episode=lambda episode: playing.discard(episode.seed),
    )
    assert most == expected


async def test_concurrency_changes_no_episode() -> None:
    tasks = linear_tasks(12)
    assert await run_episodes(tasks, concurrency=1) == await run_episodes(tasks, concurrency=12)


async def test_nothing_to_play_gives_nothing() -> None:
    assert await run_episodes([]) == []


async def test_equal_tasks_are_played_once() -> None:
    played: list[str] = []
    tasks = linear_tasks(2) * 3
    episodes = await run_episodes(tasks, on_episode=lambda episode: played.append(episode.key))
    assert sorted(played) == sorted(task.key for task in linear_tasks(2))
    assert [episode.key for episode in episodes] == [task.key for task in tasks]


# -- failures ------------------------------------------------------------------------------------


async def test_a_failing_agent_leaves_a_failed_episode_and_the_others_alone() -> None:
    cast = speaking(
        fails=("OFFER 5000", ModelError("no answer within 30 s")), talks=("Hm.",), other=("Well.",)
    )
    tasks = [task("talks", "other", 1), task("fails", "talks", 2), task("other", "talks", 3)]
    first, failed, third = await run_episodes(tasks, cast=cast)
    assert (first.status, third.status) == ("ok", "ok")
    assert failed.status == "failed"
    assert failed.error == "ModelError: no answer within 30 s"
    assert [turn.argument for turn in failed.turns] == ["OFFER 5000", "Hm."]
    assert failed.outcome is None
    assert failed.evaluations == ()
    assert [record.reward for record in failed.seats.values()] == [None, None]
    assert failed.seats["agent_0"].invalid_moves == 1
    assert [record.reward for record in first.seats.values()] == [0.0, 0.0]


async def test_in_a_simultaneous_turn_the_others_finish_before_an_episode_fails() -> None:
    class Slow(Speaker):
        async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> Any:
            for _ in range(20):
                await asyncio.sleep(0)
            return await super().act(observation, info)

    cast = speaking(fails=(ModelError("gone"),))
    cast.factories["slow"] = lambda seat, seed: Slow(seat, "Hm.")
    for agents, talker in ((("fails", "slow"), "agent_1"), (("slow", "fails"), "agent_0")):
        owed = replace(task(*agents), action_order="simultaneous")
        episode = await run_episode(owed, cast)
        assert episode.error == "ModelError: gone"
        assert len(episode.seats[talker].decisions) == 1
        assert episode.turns == ()


async def test_an_agent_that_cannot_play_the_scenario_fails_its_episode(tmp_path: Path) -> None:
    owed = Task(scenario=str(talk(tmp_path)), agents=("talks", "scripted:linear"), seed=0)
    episode = await run_episode(owed, speaking(talks=("Hm.",)))
    assert episode.status == "failed"
    assert episode.error is not None
    assert episode.error.startswith("AgentError: scripted agents play games with a bargainer")
    assert [turn.argument for turn in episode.turns] == ["Hm."]


async def test_an_evaluator_that_fails_leaves_the_episode_without_rewards() -> None:
    class Broken:
        name = "jury"

        def evaluate(self, transcript: Transcript) -> Evaluation:
            raise ModelError("the jury is out")

    episode = await run_episode(task("scripted:linear", "scripted:linear"), reward=Broken())
    assert episode.status == "failed"
    assert episode.error == "ModelError: the jury is out"
    assert episode.outcome == "agreement"
    assert [record.reward for record in episode.seats.values()] == [None, None]


async def test_an_unscored_episode_is_complete_and_has_no_reward() -> None:
    judge = LLMJudge("m", client=ScriptedClient([]), dimensions=[REWARD])
    episode = await run_episode(task("scripted:linear", "scripted:linear"), reward=judge)
    assert episode.status == "ok"
    assert [record.reward for record in episode.seats.values()] == [None, None]
    (evaluation,) = episode.evaluations
    assert (evaluation.scores, evaluation.unscored) == (
        {},
        "no reply: the script has no reply number 1",
    )


def verdicts(**rewards: str) -> str:
    """A reply of a judge; scores as they stand in JSON."""
    entries = (
        f'"{k}": {{"reward": {{"reasoning": "x", "score": {v}}}}}' for k, v in rewards.items()
    )
    return f'{{"evaluations": {{{", ".join(entries)}}}}}'


async def test_no_reply_of_a_judge_aborts_a_run_or_looks_like_a_score(tmp_path: Path) -> None:
    good = verdicts(agent_1="7", agent_2="3")
    bad = [
        verdicts(agent_1="1" + "0" * 400, agent_2="3"),
        good.replace("agent_2", "\\ud800"),
        good.replace('"agent_1"', '"agent_2"'),
        good.replace("agent_1", "agent_2_evaluation"),
        "\ud800",
    ]
    half = good.replace('"x"', '"half \\ud800"')
    client = ScriptedClient([good, *bad, half])
    store = SqliteStore(tmp_path / "e.sqlite")
    episodes = await run_episodes(
        linear_tasks(7),
        reward=LLMJudge("m", client=client, dimensions=[REWARD]),
        store=store,
        concurrency=1,
    )
    assert [episode.status for episode in episodes] == ["ok"] * 7
    rewards = [[record.reward for record in e.seats.values()] for e in episodes]
    assert rewards == [[7.0, 3.0], *[[None, None]] * 5, [7.0, 3.0]]
    assert all(e.evaluations[0].unscored for e in episodes[1:6])
    assert episodes[6].evaluations[0].details["agent_0"] == {"reward": "half ?"}
    assert [e.evaluations for e in store.episodes()] == [e.evaluations for e in episodes]
    store.close()


async def test_what_an_evaluator_says_can_always_be_stored(tmp_path: Path) -> None:
    class Odd:
        name = "odd"

        def evaluate(self, transcript: Transcript) -> Evaluation:
            return Evaluation(
                source="odd",
                scores={
                    "agent_0": {"reward": 1.0, "fun": math.nan},
                    "agent_1": {"reward": math.inf},
                },
                reasons={"agent_0": "half \ud800"},
                details={"agent_0": {"reward": "half \ud800"}},
                terminated="half \ud800",
            )

    store = SqliteStore(tmp_path / "e.sqlite")
    (episode,) = await run_episodes(linear_tasks(1), reward=Odd(), store=store)
    (evaluation,) = episode.evaluations
    assert evaluation.scores == {"agent_0": {"reward": 1.0}, "agent_1": {}}
    assert (evaluation.reasons, evaluation.terminated) == ({"agent_0": "half ?"}, "half ?")
    assert evaluation.details == {"agent_0": {"reward": "half ?"}}
    assert [record.reward for record in episode.seats.values()] == [1.0, None]
    assert [e.evaluations for e in store.episodes()] == [(evaluation,)]
    store.close()


async def test_the_words_of_a_failure_can_always_be_stored(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "e.sqlite")
    cast = speaking(fails=(ModelError("half \ud83d"),))
    (episode,) = await run_episodes([task("fails", "fails")], cast=cast, store=store)
    assert episode.error == "ModelError: half ?"
    assert [e.error for e in store.episodes()] == [episode.error]
    store.close()


async def test_a_programming_error_is_not_caught() -> None:
    cast = speaking(broken=(ZeroDivisionError("oops"),), talks=("Hm.",))
    with pytest.raises(ZeroDivisionError):
        await run_episodes([task("broken", "talks")], cast=cast)


@pytest.mark.parametrize(
    ("owed", "error", "complaint"),
    [
        (task("scripted:bulware", "scripted:linear"), AgentError, "Did you mean 'boulware'"),
        (task("scripted:linear", "robot:x"), AgentError, "unknown agent 'robot:x'"),
        (task("a", "b", scenario="chess"), ScenarioError, "unknown scenario 'chess'"),
        (
            Task(scenario="price_negotiation", agents=("scripted:linear",), seed=0),
            ConfigurationError,
            "price_negotiation has 2 seats",
        ),
    ],
)
async def test_a_task_that_cannot_work_raises(
    owed: Task, error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint):
        await run_episodes([owed])
    with pytest.raises(error, match=complaint):
        await run_episode(owed)


@pytest.mark.parametrize("concurrency", [0, -1])
async def test_no_concurrency_is_refused(concurrency: int) -> None:
    with pytest.raises(ConfigurationError, match="concurrency must be at least 1"):
        await run_episodes(linear_tasks(1), concurrency=concurrency)


# -- resumption ----------------------------------------------------------------------------------


async def test_a_run_plays_only_what_it_still_owes(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "e.sqlite")
    tasks = linear_tasks(6)
    complete = await run_episodes(tasks)
    await run_episodes(tasks[1:3], store=store)
    store.add(complete[4].model_copy(update={"status": "failed", "error": "x"}))
    played: list[int] = []
    episodes = await run_episodes(
        tasks, store=store, on_episode=lambda episode: played.append(episode.seed)
    )
    assert sorted(played) == [0, 3, 4, 5]
    assert [e.model_dump_json() for e in episodes] == [e.model_dump_json() for e in complete]
    assert len(store) == 6
    assert all(episode.status == "ok" for episode in store.episodes())
    played.clear()
    await run_episodes(tasks, store=store, on_episode=lambda e: played.append(e.seed))
    assert played == []
    store.close()


async def test_an_episode_is_in_the_store_before_it_is_announced(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "e.sqlite")

    def check(episode: Episode) -> None:
        assert [found.key for found in store.get_many([episode.key])] == [episode.key]

    await run_episodes(linear_tasks(3), store=store, on_episode=check)
    store.close()


def test_the_key_of_a_task_is_the_same_on_every_machine() -> None:
    owed = Task(
        scenario="price_negotiation", agents=("a", "b"), seed=3, agent_seeds=(1, 2), tag="t"
    )
    text = (
        '{"action_order": "round-robin", "agent_seeds": [1, 2], "agents": ["a", "b"], '
        '"max_turns": 20, "scenario": "price_negotiation", "seed": 3, "split": "train", "tag": "t"}'
    )
    assert owed.key == hashlib.sha256(text.encode()).hexdigest()[:16]
    assert owed.key == "7b13deaaaf506653"


def test_different_tasks_have_different_keys() -> None:
    tasks = [
        Task(scenario=scenario, agents=agents, seed=seed, agent_seeds=seeds, tag=tag)
        for scenario in FAMILIES
        for agents in (("a", "b"), ("b", "a"))
        for seed in (0, 1)
        for seeds in ((), (0, 1))
        for tag in ("", "x")
    ]
    assert len({task.key for task in tasks}) == len(tasks)


async def test_agents_may_have_seeds_of_their_own() -> None:
    seen: list[tuple[str, int]] = []

    def factory(seat: str, seed: int) -> Speaker:
        seen.append((seat, seed))
        return Speaker(seat, "Hm.")

    cast = Cast(factories={"x": factory})
    await run_episode(task("x", "x", 7), cast)
    owed = Task(scenario="price_negotiation", agents=("x", "x"), seed=7, agent_seeds=(1, 2))
    await run_episode(owed, cast)
    assert seen == [("agent_0", 7), ("agent_1", 7), ("agent_0", 1), ("agent_1", 2)]


# -- settings ------------------------------------------------------------------------------------


async def test_what_a_task_says_reaches_the_environment() -> None:
    owed = replace(task("talks", "talks", 4), max_turns=3, split="test")
    cast = speaking(talks=("Hm.",))
    episode = await run_episode(owed, cast, reward="utility")
    assert episode.scenario.scenario_id == "price_negotiation/test/4"
    assert episode.outcome == "turn limit"
    assert len(episode.turns) == 3
    assert [record.reward for record in episode.seats.values()] == [0.0, 0.0]


async def test_a_seat_of_three_hears_all_that_was_said_since_it_last_acted(tmp_path: Path) -> None:
    path = talk(tmp_path, "Ada", "Bram", "Cleo")
    owed = Task(scenario=str(path), agents=("a", "b", "c"), seed=0, max_turns=5)
    cast = speaking(a=("One.",), b=("Two.",), c=("Three.",))
    episode = await run_episode(owed, cast)
    context = episode.seats["agent_0"].context
    assert context is not None
    heard = [message.content for message in context.messages if message.role == "user"]
    assert heard[1] == 'Bram said: "Two."\nCleo said: "Three."'


async def test_every_seat_learns_its_name_and_goal_at_its_first_turn_and_not_again() -> None:
    profile = EnvironmentProfile(
        scenario="Friends meet.",
        agent_goals=("Sing.", "Dance.", "Sleep."),
        agent_names=("Ada", "Bram", "Cleo"),
    )
    told: dict[str, list[tuple[str | None, str | None]]] = {}

    class Noting(Speaker):
        async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> Any:
            told.setdefault(self.conversation.seat, []).append((info.get("name"), info.get("goal")))
            return await super().act(observation, info)

    cast = Cast(factories={"notes": lambda seat, seed: Noting(seat, "Hm.")})
    await run_episode(Task(scenario=profile, agents=("notes",) * 3, seed=0, max_turns=6), cast)
    assert told == {
        "agent_0": [("Ada", "Sing."), (None, None)],
        "agent_1": [("Bram", "Dance."), (None, None)],
        "agent_2": [("Cleo", "Sleep."), (None, None)],
    }


async def test_a_template_of_the_second_seat_is_filled_with_its_own_name_and_goal() -> None:
    client = ScriptedClient(lambda _: '{"action_type": "speak", "argument": "Hm."}')
    template = "{agent} wants: {goal}"

    def factory(seat: str, seed: int) -> LanguageModelAgent:
        return LanguageModelAgent(seat, seed, client, "m", style="sotopia", template=template)

    cast = Cast(factories={"model": factory})
    profile = EnvironmentProfile(
        scenario="Friends meet.", agent_goals=("Sing.", "Dance."), agent_names=("Ada", "Bram")
    )
    await run_episode(Task(scenario=profile, agents=("model",) * 2, seed=0, max_turns=4), cast)
    asked = [request.messages[-1].content for request in client.requests]
    assert asked == ["Ada wants: Sing.", "Bram wants: Dance."] * 2


@pytest.mark.parametrize("style", ["chat", "brief"])
async def test_a_corrective_line_reaches_a_seat_once_in_either_style(style: PromptStyle) -> None:
    speaker = Speaker("agent_0", "OFFER 5000", "Oh.", style=style)
    cast = speaking(talks=("Hm.",))
    cast.factories["errs"] = lambda seat, seed: speaker
    await run_episode(task("errs", "talks"), cast)
    heard = [m.content for m in speaker.conversation.messages if m.role == "user"]
    assert "Your last move does not count: 5000 is outside" in heard[1]
    assert "Hm." in heard[1]
    assert not any("does not count" in text for text in heard[2:])


# -- the record ----------------------------------------------------------------------------------


@pytest.fixture(params=FAMILIES)
async def episodes(request: pytest.FixtureRequest) -> list[Episode]:
    """Every unprivileged agent against a random one, in one family."""
    agents = [f"scripted:{name}" for name in (*TACTICS, RANDOM)]
    tasks = [
        task(agent, f"scripted:{RANDOM}", seed, request.param)
        for agent in agents
        for seed in (0, 1)
    ]
    return await run_episodes(tasks)


async def test_an_episode_survives_json(episodes: list[Episode]) -> None:
    for episode in episodes:
        text = episode.model_dump_json()
        read = Episode.model_validate_json(text)
        assert read.model_dump_json() == text
        assert read.seats == episode.seats
        assert read.turns == episode.turns
        assert json.loads(text)["schema_version"] == 1


async def test_the_scenario_of_a_stored_episode_can_be_played_again(
    episodes: list[Episode],
) -> None:
    for episode in episodes[:4]:
        read = Episode.model_validate_json(episode.model_dump_json())
        env = parallel_env(read.scenario)
        env.reset(seed=read.seed)
        for turn in read.turns:
            env.step({turn.seat: turn.argument})
        assert env.transcript.outcome == read.outcome
        rewards = {seat: record.reward for seat, record in read.seats.items()}
        assert env.final_rewards == pytest.approx(rewards)


async def test_every_decision_points_at_its_own_words_in_the_context(
    episodes: list[Episode],
) -> None:
    for episode in episodes:
        for seat, record in episode.seats.items():
            own = [turn for turn in episode.turns if turn.seat == seat]
            assert record.context is not None
            messages = record.context.messages
            assert len(record.decisions) == len(own)
            for decision, turn in zip(record.decisions, own, strict=True):
                assert (decision.turn, decision.seat) == (turn.number, seat)
                said = messages[decision.prompt_end]
                assert (said.role, said.content) == ("assistant", turn.argument)
                assert messages[decision.prompt_end - 1].role == "user"
            assert sum(message.role == "assistant" for message in messages) == len(own)


async def test_a_context_holds_no_private_value_of_the_other_seat(episodes: list[Episode]) -> None:
    for episode in episodes:
        for index, record in enumerate(episode.seats.values()):
            assert record.context is not None
            shown = "\n".join(message.content for message in record.context.messages)
            assert episode.scenario.agent_goals[index] in shown
            assert episode.scenario.agent_goals[1 - index] not in shown


async def test_scores_are_named_by_source_and_dimension(episodes: list[Episode]) -> None:
    for episode in episodes:
        for seat, record in episode.seats.items():
            scores = episode.scores(seat)
            assert set(scores) == {
                "outcome/utility",
                "outcome/agreement",
                "outcome/share",
                "outcome/win",
            }
            assert record.reward == scores["outcome/share"]
        assert episode.scores("agent_9") == {}


def test_a_decision_has_one_log_probability_a_token() -> None:
    Decision(turn=0, seat="a", prompt_end=1, token_span=(2, 4), logprobs=(-0.1, -0.2))
    with pytest.raises(ValueError, match="3 tokens but 2 log-probabilities"):
        Decision(turn=0, seat="a", prompt_end=1, token_span=(2, 5), logprobs=(-0.1, -0.2))


async def test_half_a_character_is_answered_and_the_episode_can_be_stored(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "e.sqlite")
    cast = speaking(odd=("half \ud83d",))
    (episode,) = await run_episodes([task("odd", "scripted:linear")], cast=cast, store=store)
    assert episode.status == "ok"
    assert episode.turns[0].invalid is not None
    assert store.get_many([episode.key])[0].turns == episode.turns
    store.close()
