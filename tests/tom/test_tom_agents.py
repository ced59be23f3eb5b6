"""The exact agent is always right, and shortcuts get what they should."""

import asyncio
from dataclasses import fields
from functools import cache

import pytest

from sotopia_tom import Item, Task, TomiStyle
from sotopia_tom.agents.symbolic import SymbolicAgent
from sotopia_tom.asking import ask
from sotopia_tom.evaluate import AGENTS, BASELINES
from sotopia_tom.report import score


@cache
def thousand() -> tuple[TomiStyle, list[Item]]:
    benchmark = TomiStyle(stories=1000)
    return benchmark, benchmark.load()


def test_the_symbolic_agent_answers_every_question_of_a_thousand_stories():
    benchmark, items = thousand()
    records = asyncio.run(ask(SymbolicAgent(), benchmark, items))
    assert len(records) == 6000
    assert {record.order for record in records} == {0, 1, 2}
    assert all(record.is_correct for record in records)


def test_an_agent_sees_text_and_no_label():
    assert [field.name for field in fields(Task)] == ["story", "question", "choices", "prompt"]


def test_shortcuts_get_what_word_order_and_facts_alone_give():
    benchmark, items = thousand()
    scores = {
        name: score(asyncio.run(ask(AGENTS[name](0), benchmark, items))) for name in BASELINES
    }
    by_type = {name: s.by_type for name, s in scores.items()}
    for name in ("memory", "first_order_1_tom", "second_order_0_tom", "second_order_1_tom"):
        assert by_type["first_container"][name].value == 1
        assert by_type["last_container"][name].value == 0
    for name in ("reality", "first_order_0_no_tom", "first_order_1_no_tom"):
        assert by_type["first_container"][name].value == 0
        assert by_type["last_container"][name].value == 1
    assert by_type["reality"]["memory"].value == by_type["reality"]["reality"].value == 1
    assert by_type["reality"]["second_order_0_tom"].value == 0
    assert scores["random"].overall.low < 0.5 < scores["random"].overall.high
    assert scores["random"].joint.value == pytest.approx(1 / 64, abs=0.012)
    assert scores["reality"].joint.value < 0.55


def test_the_random_agent_depends_on_seed_and_task_only():
    items = TomiStyle(stories=20).load()

    def replies(seed: int, order: list[Item]) -> dict[str, str]:
        agent = AGENTS["random"](seed)
        return {item.id: asyncio.run(agent.answer(item.task)) for item in order}

    assert replies(0, items) == replies(0, items[::-1])
    assert replies(0, items) != replies(1, items)
