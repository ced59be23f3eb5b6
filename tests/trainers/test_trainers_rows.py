"""Rows hold the tokens that were sampled, and nothing else of them is trained or credited."""

import asyncio
import re

import pytest
import torch
from tiny_players import (
    CHATML,
    LEARNER,
    Recited,
    chat_model,
    chat_tokenizer,
    games,
    logprobs_of,
    play,
    seat_of,
)

from sotopia_env.actions import AgentAction
from sotopia_env.errors import ConfigurationError
from sotopia_env.prompts import Conversation
from sotopia_env.runner import Cast, Task, run_episode
from sotopia_trainers.chat_tokens import ChatTokens
from sotopia_trainers.policy import Policy, PolicyRecord
from sotopia_trainers.rollout import PolicyAgent, row_of
from sotopia_trainers.sampling import TransformersSampler


class Watched:
    """A sampler around another that notes what passed it, and what the model was fed."""

    def __init__(self, policy, temperature):
        self.policy, self._inner = policy, TransformersSampler(policy, temperature=temperature)
        self.streams = {}
        """All tokens of a context, as they passed."""
        self.own = {}
        """Places of the sampled ones."""
        self.fed = {}
        """What the model had been fed of a context after each forward pass."""
        self.sizes = []
        """Rows of each forward pass."""
        self._batches = {}
        policy.model.register_forward_pre_hook(self._look, with_kwargs=True)

    async def sample(self, context, new_ids):
        stream, own = self.streams.setdefault(context, []), self.own.setdefault(context, [])
        stream += new_ids
        turn = await self._inner.sample(context, new_ids)
        own += range(len(stream), len(stream) + len(turn.token_ids))
        stream += turn.token_ids
        return turn

    def _look(self, model, args, kwargs):
        """Read each row's new tokens off the ids and the mask."""
        cache = kwargs.get("past_key_values")
        batch = next((c.batch for c in self.streams if c.batch and c.batch.cache is cache), None)
        if batch is None:
            return  # not a pass of the sampler
        ids = kwargs["input_ids"]
        self.sizes.append(len(ids))
        mask = kwargs["attention_mask"][:, -ids.shape[1] :].bool()
        for row, context in enumerate(batch.contexts):
            if self._batches.get(context) is not batch:
                self._batches[context], self.fed[context] = batch, [[]]
            self.fed[context].append(self.fed[context][-1] + ids[row][mask[row]].tolist())


def chatml_policy(texts):
    tokenizer = chat_tokenizer(texts)
    record = PolicyRecord(style="chat", max_turn_tokens=10, stage="initial")
    model = chat_model(tokenizer).eval()
    # wider than usual: a model that finds all tokens equally likely hardly ever stops
    torch.nn.init.normal_(model.lm_head.weight, std=0.3, generator=torch.Generator().manual_seed(1))
    return Policy(model, tokenizer, ChatTokens.of(tokenizer), record)


@pytest.fixture(params=["brief", "chat"])
def policy(request, talker, texts):
    if request.param == "chat":
        return chatml_policy(texts)
    # its turns have 6 to 12 tokens, so that at 8 about half of them are cut
    talker.record = talker.record.model_copy(update={"max_turn_tokens": 8})
    return talker


def rows_of(episodes, policy, credit="utterance"):
    return [row_of(episode, seat_of(episode), policy.chat, credit) for episode in episodes]


def is_cut(policy, row):
    """Whether the row has an own turn that did not end by itself."""
    stop = policy.chat.stop_id
    ends = zip(row.is_own, [*row.is_own[1:], 0], row.completion_ids, strict=True)
    return any(own and not after and token != stop for own, after, token in ends)


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_every_trained_token_has_the_history_and_probability_it_was_sampled_with(
    policy, temperature
):
    watched = Watched(policy, temperature)
    episodes = play(watched, games(24), style=policy.record.style)
    rows = rows_of(episodes, policy)
    assert len({len(row.completion_ids) for row in rows}) > 1  # games of different lengths
    assert min(watched.sizes) < max(watched.sizes)  # a batch was cut down to its live games
    assert any(is_cut(policy, row) for row in rows)
    for row in rows:
        whole, first = row.prompt_ids + row.completion_ids, len(row.prompt_ids)
        context = next(c for c, ids in watched.streams.items() if ids[: len(whole)] == whole)
        own = [first + place for place, mine in enumerate(row.is_own) if mine]
        assert own == watched.own[context]
        seen = {len(stream): stream for stream in watched.fed[context]}
        assert all(seen[place] == whole[:place] for place in own)
        expected = logprobs_of(policy.model, whole, temperature)[first:]
        found, mine = torch.tensor(row.logprobs), torch.tensor(row.is_own, dtype=torch.bool)
        torch.testing.assert_close(found[mine], expected[mine], atol=1e-4, rtol=0)
        assert not found[~mine].any()


def test_own_tokens_are_those_between_a_turns_opening_and_its_stop(talker):
    tokenizer = talker.tokenizer
    for row in rows_of(play(TransformersSampler(talker), games(12)), talker):
        text = ""
        turn_ids = []
        for token, own in zip(row.completion_ids, row.is_own, strict=True):
            turn_ids += [token] if own else []
            text += "\x01" if own else tokenizer.decode([token])
        turns = re.findall("\x01+", text)
        assert sum(map(len, turns)) == len(turn_ids)
        assert all(len(turn) <= talker.record.max_turn_tokens for turn in turns)
        between = re.split("\x01+", text)[1:-1]
        for heard in between:
            assert re.fullmatch(r"(<\|end\|>)?<\|user\|>.*<\|assistant\|>", heard, re.DOTALL)
        assert tokenizer.decode([row.prompt_ids[-1]]) == "<|assistant|>"


def test_the_stop_token_of_a_turn_cut_short_is_not_trained(talker):
    talker.record = talker.record.model_copy(update={"max_turn_tokens": 3})
    stop = talker.chat.stop_id
    rows = rows_of(play(TransformersSampler(talker), games(6)), talker)
    stops = [
        own
        for row in rows
        for token, own in zip(row.completion_ids, row.is_own, strict=True)
        if token == stop
    ]
    assert stops
    assert not any(stops)
    assert all(is_cut(talker, row) for row in rows)


SAID = ["I hope so.\nOFFER 55\nWhat do you say?", "Hm, let me think.", "No.\nREJECT"]


def credited_texts(row, chat):
    """The credited part of each own turn, and the whole of it."""
    turns, start = [], None
    for place, own in enumerate([*row.is_own, 0]):
        if own and start is None:
            start = place
        elif not own and start is not None:
            ids = row.completion_ids[start:place]
            mask = row.is_credited[start:place]
            turns.append((chat.decode([i for i, m in zip(ids, mask, strict=True) if m]), mask))
            start = None
    return turns


@pytest.fixture
def recited(talker):
    task = Task(
        scenario="price_negotiation/train/3",
        agents=(LEARNER, "scripted:hard_headed?level=3"),
        seed=3,
    )
    return play(Recited(talker, [[*SAID, *["Hm."] * 20]]), [task])[0]


def test_credit_of_utterances_is_on_all_own_tokens_and_no_other(recited, talker):
    row = row_of(recited, "agent_0", talker.chat, "utterance")
    assert row.is_credited == row.is_own
    assert [text for text, _ in credited_texts(row, talker.chat)[:3]] == SAID


def test_credit_of_moves_is_on_the_line_of_the_move_or_on_a_turn_without_one(recited, talker):
    row = row_of(recited, "agent_0", talker.chat, "move")
    texts = credited_texts(row, talker.chat)
    found = [text.strip() for text, _ in texts[:3]]
    assert found == ["OFFER 55", "Hm, let me think.", "REJECT"]
    assert all(texts[1][1])  # the stop token too: nothing but the whole turn was the decision
    assert all(own for own, credited in zip(row.is_own, row.is_credited, strict=True) if credited)


def test_credit_of_a_move_holds_for_words_of_several_tokens_a_character(talker):
    said = ["\U0001f4a1\U0001f4a1 na\u00efve\nOFFER 55\n\U0001f4a1"]
    task = games(1)[0]
    partner = (LEARNER, "scripted:hard_headed?level=3")
    task = Task(scenario=task.scenario, agents=partner, seed=0)
    lines = [*said, *["Hm."] * 20]
    row = row_of(play(Recited(talker, [lines]), [task])[0], "agent_0", talker.chat, "move")
    assert credited_texts(row, talker.chat)[0][0].strip() == "OFFER 55"


def test_a_seat_that_was_not_played_by_a_policy_has_no_row(scripted_games, talker):
    with pytest.raises(ConfigurationError, match="was played by scripted:conceder"):
        row_of(scripted_games[0], "agent_0", talker.chat)


class Leaver:
    """Leaves at once."""

    is_privileged = False

    def __init__(self, seat, seed):
        self.conversation = Conversation(seat)

    async def act(self, observation, info):
        return AgentAction(action_type="leave")


def test_a_game_that_ended_before_the_learner_could_act_gives_a_row_without_own_tokens(talker):
    cast = Cast(style="brief")
    cast.factories["leaver"] = Leaver
    sampler = TransformersSampler(talker)
    cast.factories[LEARNER] = lambda seat, seed: PolicyAgent(seat, seed, sampler)
    task = Task(scenario="price_negotiation/train/0", agents=("leaver", LEARNER), seed=0)
    episode = asyncio.run(run_episode(task, cast))
    row = row_of(episode, "agent_1", talker.chat)
    assert (len(row.prompt_ids), row.is_own, row.is_credited) == (1, [0], [0])


def test_a_game_is_a_conversation_the_template_itself_would_write(texts):
    """Beyond our pieces: the whole context rendered by the template has the same tokens."""
    policy = chatml_policy(texts)
    said = ["OFFER 50\nA fair price, I think.", "I can wait.", "OFFER 49\nMy best."]
    task = Task(
        scenario="price_negotiation/train/1",
        agents=(LEARNER, "scripted:hard_headed?level=3"),
        seed=1,
    )
    episode = play(Recited(policy, [said * 4]), [task], style="chat")[0]
    row = row_of(episode, "agent_0", policy.chat)
    messages = [
        {"role": m.role, "content": m.content} for m in episode.seats["agent_0"].context.messages
    ]
    while messages[-1]["role"] != "assistant":
        messages.pop()
    assert policy.tokenizer.chat_template == CHATML
    text = policy.tokenizer.apply_chat_template(messages, tokenize=False)
    ids = policy.tokenizer.encode(text.rstrip("\n"), add_special_tokens=False)
    assert row.prompt_ids + row.completion_ids == ids
