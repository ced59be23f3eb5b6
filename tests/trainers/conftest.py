"""What the trainers' tests share: scripted games, and policies that are trained in a second."""

import asyncio
import copy

import pytest
import torch
from tiny_players import SHAPE, chat_model, chat_tokenizer, clone

from sotopia_env.runner import Cast, Task, run_episodes
from sotopia_trainers.data import cloned_rows
from sotopia_trainers.policy import PolicyRecord
from sotopia_trainers.tiny import build_tiny


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch.set_num_threads(1)  # more only disturb each other on models this small


@pytest.fixture(scope="session")
def scripted_games():
    pair = ("scripted:conceder", "scripted:linear")
    tasks = [
        Task(scenario=f"price_negotiation/train/{number}", agents=pair, seed=number)
        for number in range(80)
    ]
    return asyncio.run(run_episodes(tasks, cast=Cast(style="brief")))


@pytest.fixture(scope="session")
def texts(scripted_games):
    spoken = [
        message.content
        for episode in scripted_games
        for record in episode.seats.values()
        for message in record.context.messages
    ]
    return spoken + [f" {number}" for number in range(151)] * 5


@pytest.fixture(scope="session")
def untrained(texts):
    record = PolicyRecord(style="brief", max_turn_tokens=12, stage="initial")
    return build_tiny(texts, SHAPE, record, 0)


@pytest.fixture(scope="session")
def _talker(untrained, scripted_games):
    policy = copy.deepcopy(untrained)
    clone(policy.model, cloned_rows(scripted_games, policy.chat), steps=60)
    policy.model.eval()
    return policy


@pytest.fixture
def talker(_talker):
    """A policy that makes offers, sometimes agrees, and sometimes rambles until it is cut short."""
    return copy.deepcopy(_talker)


@pytest.fixture(scope="session")
def chatml_folder(tmp_path_factory, texts):
    """A chat model as a hub would give it: random weights, no record of ours."""
    folder = tmp_path_factory.mktemp("models") / "chatml"
    tokenizer = chat_tokenizer(texts)
    chat_model(tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
