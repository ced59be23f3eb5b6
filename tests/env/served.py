"""A server for tests: a seeded store, agents and judges that follow a script, and its answers."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from sotopia_env import AgentProfile, EnvironmentProfile, Episode
from sotopia_env.actions import AgentAction
from sotopia_env.agents import AgentFactory, agent_factory
from sotopia_env.clients import ModelRequest, ScriptedClient
from sotopia_env.episode import EpisodeTurn, Evaluation, SeatRecord
from sotopia_env.evaluators import Judge
from sotopia_env.evaluators.dimensions import Rubric
from sotopia_env.evaluators.llm_judge import LLMJudge
from sotopia_env.formats import CustomDimension, CustomDimensionList
from sotopia_env.profiles import RelationshipProfile, RelationshipType
from sotopia_env.prompts import Conversation
from sotopia_env.server import make_app
from sotopia_env.store import SqliteStore

SCORES = {"believability": 9, "relationship": 2, "knowledge": 4, "secret": 0, "social_rules": 0,
          "financial_and_material_benefits": 1, "goal": 8}  # fmt: skip
OVERALL = 24 / 7
START: dict[str, Any] = {
    "env_id": "E1", "agent_ids": ["A1", "A2"], "agent_models": ["scripted:talker"] * 2,
    "evaluator_model": "openai/judge",
}  # fmt: skip
ORDER: dict[str, Any] = {
    "env_id": "E1", "agent_ids": ["A1", "A2"], "max_turns": 4, "tag": "t1",
    "models": ["openai/judge", "scripted:talker", "scripted:talker"],
}  # fmt: skip


class Speaker:
    """Says the same every turn, once its gate is open; a line may be an error."""

    is_privileged = False

    def __init__(
        self, seat: str, line: str | Exception = "Hm.", gate: asyncio.Event | None = None
    ) -> None:
        self.conversation = Conversation(seat, "chat")
        self._line, self._gate = line, gate

    async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> AgentAction:
        self.conversation.observe(observation, info)
        if self._gate is not None:
            await self._gate.wait()
        if isinstance(self._line, Exception):
            raise self._line
        self.conversation.reply(observation["turn"], self._line)
        return AgentAction("speak", self._line)


def agents_of(**lines: str | Exception | asyncio.Event) -> Callable[[str], AgentFactory]:
    """Makes `scripted:<name>` of these say their line, or wait at their gate; others are real."""

    def make(spec: str) -> AgentFactory:
        line = lines.get(spec.removeprefix("scripted:"))
        if line is None:
            return agent_factory(spec)
        if isinstance(line, asyncio.Event):
            return lambda seat, seed: Speaker(seat, gate=line)
        return lambda seat, seed: Speaker(seat, line)

    return make


def verdict(request: ModelRequest) -> str:
    """What a judge says who gives every seat the same; a dimension of one's own gets a 3."""
    assert request.schema is not None
    seats = request.schema["properties"]["evaluations"]["properties"]
    return json.dumps(
        {
            "evaluations": {
                seat: {
                    name: {"reasoning": f"{name} of {seat}", "score": SCORES.get(name, 3)}
                    for name in schema["properties"]
                }
                for seat, schema in seats.items()
            }
        }
    )


def scripted_judge(model: str, dimensions: Rubric) -> Judge:
    return LLMJudge(model, dimensions=dimensions, client=ScriptedClient(verdict))


def silent_judge(model: str, dimensions: Rubric) -> Judge:
    return LLMJudge(model, dimensions=dimensions, client=ScriptedClient([]))


def seeded(path: Path) -> SqliteStore:
    """A store with the data of the original's own tests."""
    store = SqliteStore(path)
    store.save(
        AgentProfile(agent_id="A1", first_name="John", last_name="Doe", gender="Man", age=30),
        AgentProfile(agent_id="A2", first_name="Jane", last_name="Doe", occupation="Chef"),
        AgentProfile(agent_id="A3", first_name="Ann", last_name="Poe", occupation="Chef"),
        EnvironmentProfile(
            scenario_id="E1", codename="tea", scenario="A", agent_goals=("B", "C"), tag="x"
        ),
        EnvironmentProfile(scenario_id="E3", scenario="A", agent_goals=("B", "C", "D")),
        RelationshipProfile(
            relationship_id="R1",
            agent_1_id="A1",
            agent_2_id="A2",
            relationship=RelationshipType.know_by_name,
        ),
        CustomDimension(dimension_id="D1", name="warmth", low=-10, high=10, description="Warm?"),
        CustomDimensionList(list_id="L1", name="mine", dimension_ids=("D1",)),
    )
    store.add(episode("P1", tag="first"))
    store.add(episode("P2", tag="second"))
    return store


def episode(key: str, tag: str = "") -> Episode:
    return Episode(
        key=key,
        scenario=EnvironmentProfile(scenario_id="E1", scenario="A", agent_goals=("B", "C")),
        seed=0,
        seats={
            f"agent_{n}": SeatRecord(
                name=name, agent="x", profile=AgentProfile(agent_id=f"A{n + 1}", first_name=name)
            )
            for n, name in enumerate(("John", "Jane"))
        },
        turns=(EpisodeTurn(number=0, seat="agent_0", action_type="speak", argument="Hi."),),
        outcome="turn limit",
        evaluations=(Evaluation(source="judge", scores={"agent_0": {"goal": 7.0}}),),
        tag=tag,
    )


def serving(store: SqliteStore, **makers: Any) -> TestClient[Any, Any]:
    return TestClient(TestServer(make_app(store, **{"judge": scripted_judge, **makers})))


async def got(client: TestClient[Any, Any], path: str) -> Any:
    async with client.get(path) as answer:
        assert answer.status == 200, await answer.text()
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
        return await answer.json()


async def refused(answer: Any, status: int) -> str:
    """The detail of a problem."""
    assert answer.status == status, await answer.text()
    assert answer.content_type == "application/problem+json"
    body = await answer.json()
    assert body.keys() == {"type", "title", "status", "detail"}
    assert (body["type"], body["status"]) == ("about:blank", status)
    return str(body["detail"])
