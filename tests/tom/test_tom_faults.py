"""A fault planted in the tracker or in the simulator lowers the score: each checks the other."""

import asyncio
from functools import partial

import pytest

from sotopia_tom import BeliefTracker, Exit, TomiStyle
from sotopia_tom.agent import Agent
from sotopia_tom.agents.symbolic import SymbolicAgent
from sotopia_tom.asking import ask
from sotopia_tom.report import Scores, score
from sotopia_tom.stories.world import World


def evaluate(agent: Agent, benchmark: TomiStyle) -> Scores:
    return score(asyncio.run(ask(agent, benchmark, benchmark.load())))


def test_without_a_fault_every_answer_is_right():
    assert evaluate(SymbolicAgent(), TomiStyle(stories=150)).overall.value == 1


class IgnoresExits(BeliefTracker):
    def __init__(self, events):
        super().__init__([event for event in events if not isinstance(event, Exit)])


class ForgetsNesting(BeliefTracker):
    def belief(self, thing, chain=()):
        return super().belief(thing, chain[-1:])


@pytest.mark.parametrize(
    ("tracker", "hurt"),
    [
        (partial(BeliefTracker, open_containers=False), "first_order_1_no_tom"),
        (IgnoresExits, "first_order_1_tom"),
        (ForgetsNesting, "second_order_0_tom"),
    ],
)
def test_a_fault_in_the_tracker_lowers_the_score(tracker, hurt):
    scores = evaluate(SymbolicAgent(tracker), TomiStyle(stories=150))
    assert scores.overall.value < 0.99
    assert scores.by_type[hurt].value < 1
    assert scores.by_type["memory"].value == 1


class NobodyLooksAround(World):
    def enter(self, person, room):
        self.leave(person)
        self._people[room].append(person)


class NobodyLeaves(World):
    def leave(self, person):
        pass


class OnlyTheMoverSees(World):
    def move(self, person, thing, container):
        before = {minds: dict(table) for minds, table in self._beliefs.items()}
        super().move(person, thing, container)
        for minds, believed in before.items():
            if set(minds) != {person}:
                self._beliefs[minds] = believed


@pytest.mark.parametrize("world", [NobodyLooksAround, NobodyLeaves, OnlyTheMoverSees])
def test_a_fault_in_the_simulator_lowers_the_score(world):
    scores = evaluate(SymbolicAgent(), TomiStyle(stories=150, world=world))
    assert scores.overall.value < 0.99
    assert scores.by_type["memory"].value == 1
