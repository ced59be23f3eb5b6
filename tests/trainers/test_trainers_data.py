"""Episodes as rows to clone: a seat's own turns are the labels, all else is context."""

import asyncio

import pytest
from tiny_players import chat_tokenizer, games, play

from sotopia_env.runner import Cast, Task, run_episodes
from sotopia_trainers.chat_tokens import ChatTokens
from sotopia_trainers.data import IGNORED, cloned_row, cloned_rows
from sotopia_trainers.rollout import row_of
from sotopia_trainers.sampling import TransformersSampler
from sotopia_trainers.tiny import train_tokenizer

PAIR = ("scripted:conceder", "scripted:linear")


def scripted(style, count=4):
    tasks = [
        Task(scenario=f"price_negotiation/train/{n}", agents=PAIR, seed=n) for n in range(count)
    ]
    return asyncio.run(run_episodes(tasks, cast=Cast(style=style)))


@pytest.fixture(scope="module", params=["brief", "chat"])
def cloned(request, texts):
    """Episodes in one style, with a tokenizer that would be used for it."""
    tokenizer = train_tokenizer(texts, 700) if request.param == "brief" else chat_tokenizer(texts)
    return scripted(request.param), ChatTokens.of(tokenizer)


def test_labels_are_the_own_turns_with_their_stop_tokens(cloned):
    episodes, chat = cloned
    for episode in episodes:
        for seat, record in episode.seats.items():
            row = cloned_row(episode, seat, chat)
            said = [m.content for m in record.context.messages if m.role == "assistant"]
            learned = [label for label in row.labels if label != IGNORED]
            assert learned == [token for text in said for token in chat.completion(text)]
            assert learned.count(chat.stop_id) == len(said)


def test_labels_equal_the_inputs_where_they_are_learned(cloned):
    episodes, chat = cloned
    for row in cloned_rows(episodes, chat):
        assert len(row.labels) == len(row.input_ids)
        pairs = zip(row.input_ids, row.labels, strict=True)
        assert all(label in (IGNORED, token) for token, label in pairs)


def test_a_row_is_the_conversation_as_the_template_renders_it(cloned):
    episodes, chat = cloned
    context = episodes[0].seats["agent_1"].context
    messages = [{"role": m.role, "content": m.content} for m in context.messages]
    while messages[-1]["role"] != "assistant":
        messages.pop()
    text = chat.tokenizer.apply_chat_template(messages, tokenize=False)
    ids = chat.tokenizer.encode(text.rstrip("\n"), add_special_tokens=False)
    assert cloned_row(episodes[0], "agent_1", chat).input_ids == ids


def test_only_seats_of_the_wanted_agents_become_rows(cloned):
    episodes, chat = cloned
    both = cloned_rows(episodes, chat)
    one = cloned_rows(episodes, chat, ["scripted:linear"])
    assert len(both) == 8
    assert one == [cloned_row(episode, "agent_1", chat) for episode in episodes]
    assert cloned_rows(episodes, chat, ["scripted:boulware"]) == []


def test_a_seat_that_never_spoke_gives_no_row(cloned):
    episodes, chat = cloned
    episode = episodes[0]
    silent = episode.seats["agent_1"].model_copy(
        update={"context": episode.seats["agent_1"].context.model_copy(update={"messages": ()})}
    )
    seats = {**episode.seats, "agent_1": silent}
    assert cloned_row(episode.model_copy(update={"seats": seats}), "agent_1", chat) is None
    unknown = {**seats, "agent_1": silent.model_copy(update={"context": None})}
    assert cloned_row(episode.model_copy(update={"seats": unknown}), "agent_1", chat) is None


def test_cloning_a_policys_own_words_gives_the_tokens_it_sampled(talker):
    """One tokenisation for training and play, but where a text can be written in several ways."""
    agreed = 0
    for episode in play(TransformersSampler(talker), games(8)):
        seat = "agent_0" if episode.seats["agent_0"].agent == "learner" else "agent_1"
        sampled, row = row_of(episode, seat, talker.chat), cloned_row(episode, seat, talker.chat)
        agreed += row.input_ids == sampled.prompt_ids + sampled.completion_ids
    assert agreed >= 4
