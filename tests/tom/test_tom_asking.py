"""Records of what an agent says: kept when interrupted, failures apart from wrong answers."""

import asyncio

from sotopia_env.errors import SotopiaError
from sotopia_tom import Task, TomiStyle
from sotopia_tom.agents.symbolic import SymbolicAgent
from sotopia_tom.asking import ask
from sotopia_tom.report import score


class Counting:
    """Answers like the symbolic agent and counts how often it is asked."""

    def __init__(self, fail_on: str = "no such text"):
        self.asked = 0
        self.fail_on = fail_on

    async def answer(self, task: Task) -> str:
        self.asked += 1
        if self.fail_on in task.question:
            raise SotopiaError("model is away")
        return await SymbolicAgent().answer(task)


def test_an_interrupted_run_keeps_its_replies(tmp_path):
    benchmark = TomiStyle(stories=5)
    items, file = benchmark.load(), tmp_path / "items.jsonl"
    asyncio.run(ask(Counting(), benchmark, items, file=file))
    whole = file.read_bytes()
    half = whole[: len(whole) // 2]
    assert not half.endswith(b"\n")
    file.write_bytes(half)
    agent = Counting()
    asyncio.run(ask(agent, benchmark, items, file=file))
    assert agent.asked == 30 - half.count(b"\n")
    assert file.read_bytes() == whole


def test_a_failed_question_is_no_wrong_answer_and_is_asked_again(tmp_path):
    benchmark = TomiStyle(stories=2)
    items, file = benchmark.load(), tmp_path / "items.jsonl"
    records = asyncio.run(ask(Counting("At the start"), benchmark, items, file=file))
    failed = [record for record in records if record.status == "failed"]
    assert [(r.type, r.reply, r.is_correct, r.problem) for r in failed] == [
        ("memory", None, None, "model is away")
    ] * 2
    assert score(records).overall.n == 10
    assert score(records).overall.value == 1
    agent = Counting()
    again = asyncio.run(ask(agent, benchmark, items, file=file))
    assert agent.asked == 2
    assert all(record.is_correct for record in again)


class Babbler:
    async def answer(self, task: Task) -> str:
        return " or ".join(task.choices)


def test_unparsed_replies_are_counted_and_are_not_right():
    benchmark = TomiStyle(stories=4)
    records = asyncio.run(ask(Babbler(), benchmark, benchmark.load()))
    scores = score(records)
    assert {(r.status, r.parsed, r.is_correct) for r in records} == {("unparsed", None, False)}
    assert (scores.unparsed.value, scores.unparsed.n) == (1, 24)
    assert scores.overall.value == 0


class Silent:
    def __init__(self):
        self.asked = 0

    async def answer(self, task: Task) -> str:
        self.asked += 1
        return ""


def test_an_empty_reply_is_a_reply_and_is_not_asked_again(tmp_path):
    benchmark, agent = TomiStyle(stories=1), Silent()
    for _ in range(2):
        file = tmp_path / "items.jsonl"
        records = asyncio.run(ask(agent, benchmark, benchmark.load(), file=file))
        assert {(r.reply, r.status, r.is_correct) for r in records} == {("", "unparsed", False)}
    assert agent.asked == 6
