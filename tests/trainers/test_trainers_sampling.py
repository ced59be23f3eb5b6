"""Sampling for many games at once: a turn depends on its own seed and history only."""

import asyncio
import math

import numpy as np
import pytest
import torch
from tiny_players import LEARNER, games, logprobs_of, play, seat_of

from sotopia_env.errors import ConfigurationError
from sotopia_env.runner import Task
from sotopia_trainers.sampling import SampledContext, TransformersSampler


def context(seed):
    return SampledContext(np.random.default_rng(seed))


def prompt(policy, text):
    return policy.tokenizer.encode(f"<|user|>{text}<|assistant|>", add_special_tokens=False)


def lived(episode):
    """All that a learner saw and said, in tokens."""
    record = episode.seats[seat_of(episode)]
    return record.context.token_ids, [decision.token_span for decision in record.decisions]


class Forwards:
    """Looks at every forward pass of a model."""

    def __init__(self, model):
        self.sizes = []
        self._hook = model.register_forward_pre_hook(self._look, with_kwargs=True)

    def _look(self, model, args, kwargs):
        self.sizes.append(len(kwargs["input_ids"]))


@pytest.mark.parametrize("temperature", [0, -1, math.nan, math.inf])
def test_a_temperature_that_is_not_above_zero_is_refused(untrained, temperature):
    with pytest.raises(ConfigurationError, match="temperature must be above 0"):
        TransformersSampler(untrained, temperature=temperature)


def test_all_games_that_wait_are_sampled_in_one_batch(talker):
    forwards = Forwards(talker.model)
    play(TransformersSampler(talker), games(10))
    assert forwards.sizes[0] == 10


def test_a_batch_shrinks_when_most_of_its_games_are_over(talker):
    forwards = Forwards(talker.model)
    play(TransformersSampler(talker), games(16))
    assert forwards.sizes == sorted(forwards.sizes, reverse=True)
    assert min(forwards.sizes) < 8


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_a_game_is_the_same_in_any_company(talker, temperature):
    tasks = games(14)

    def alone(task):
        return play(TransformersSampler(talker, temperature=temperature), [task])[0]

    def together(order, concurrency):
        sampler = TransformersSampler(talker, temperature=temperature)
        return {e.key: e for e in play(sampler, order, concurrency=concurrency)}

    expected = {task.key: lived(alone(task)) for task in tasks}
    for order, concurrency in ((tasks, 256), (tasks[::-1], 256), (tasks, 5), (tasks[3:9], 2)):
        for key, episode in together(order, concurrency).items():
            assert lived(episode) == expected[key]


def test_a_game_differs_by_the_learners_seed(talker):
    task = games(1)[0]
    others = [
        Task(scenario=task.scenario, agents=task.agents, seed=0, agent_seeds=(seed, 0))
        for seed in range(6)
    ]
    said = {lived(e)[0] for e in play(TransformersSampler(talker), others)}
    assert len(said) > 3


def test_both_seats_of_a_game_may_be_the_policy(talker):
    pair = (LEARNER, LEARNER)
    tasks = [
        Task(scenario=f"price_negotiation/train/{number}", agents=pair, seed=number)
        for number in range(6)
    ]
    # beside games whose turns alternate otherwise, so that batches are often asked in part
    mixed = [task for pair in zip(tasks, games(6), strict=True) for task in pair]
    together = play(TransformersSampler(talker), mixed)
    for task, episode in zip(mixed, together, strict=True):
        alone = play(TransformersSampler(talker), [task])[0]
        for seat, record in episode.seats.items():
            if record.agent == LEARNER:
                assert record.context.token_ids == alone.seats[seat].context.token_ids
                assert_logprobs_are_the_models(talker.model, record)


def assert_logprobs_are_the_models(model, record):
    expected = logprobs_of(model, record.context.token_ids)
    for decision in record.decisions:
        start, end = decision.token_span
        found = torch.tensor(decision.logprobs)
        torch.testing.assert_close(found, expected[start:end], atol=1e-4, rtol=0)


def test_a_context_that_paused_while_its_batch_shrank_goes_on_where_it_was(talker):
    sampler, forwards = TransformersSampler(talker), Forwards(talker.model)
    contexts = [context(seed) for seed in range(8)]
    opening, more = prompt(talker, "seller limit 40 goal 60 8:"), prompt(talker, "7: OFFER 40")

    async def converse():
        await asyncio.gather(*(sampler.sample(c, opening) for c in contexts))
        for _ in range(3):
            await sampler.sample(contexts[0], more)
        return await asyncio.gather(*(sampler.sample(c, more) for c in contexts[:6]))

    last = asyncio.run(converse())
    assert 1 in forwards.sizes  # the batch shrank to the one that went on
    for paused, turn in zip(contexts[1:6], last[1:], strict=True):
        expected = logprobs_of(talker.model, paused.ids)[-len(turn.token_ids) :]
        torch.testing.assert_close(torch.tensor(turn.logprobs), expected, atol=1e-4, rtol=0)
        assert paused.ids[: len(opening)] == opening


def test_games_that_begin_later_join_in(talker):
    sampler = TransformersSampler(talker)

    async def converse(contexts, turns):
        for _ in range(turns):
            await asyncio.gather(
                *(sampler.sample(c, prompt(talker, "7: OFFER 40")) for c in contexts)
            )

    early, late = [context(1), context(2)], [context(3), context(4), context(5)]

    async def both():
        await converse(early, 2)
        await asyncio.gather(converse(early, 3), converse(late, 3))

    asyncio.run(both())
    for seed, met in enumerate((*early, *late), 1):
        alone = context(seed)
        asyncio.run(converse([alone], 5 if seed < 3 else 3))
        assert met.ids == alone.ids


def test_an_error_of_the_model_reaches_every_game_that_waits(talker):
    def fail(*_):
        raise RuntimeError("out of memory")

    hook = talker.model.register_forward_pre_hook(fail)
    sampler = TransformersSampler(talker)

    async def converse():
        turns = (sampler.sample(context(seed), [5, 6]) for seed in range(3))
        return await asyncio.gather(*turns, return_exceptions=True)

    errors = asyncio.run(converse())
    assert [str(error) for error in errors] == ["out of memory"] * 3
    with pytest.raises(RuntimeError, match="out of memory"):
        play(sampler, games(3))
    hook.remove()
    assert all(episode.status == "ok" for episode in play(sampler, games(3)))


def test_an_interrupt_stops_the_sampling_and_is_not_taken_for_a_failed_game(talker):
    def interrupt(*_):
        raise KeyboardInterrupt

    talker.model.register_forward_pre_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):
        play(TransformersSampler(talker), games(3))


def test_a_game_that_was_given_up_does_not_hold_the_others(talker):
    sampler = TransformersSampler(talker)

    async def converse():
        first = asyncio.create_task(sampler.sample(context(1), [5, 6]))
        other = asyncio.create_task(sampler.sample(context(2), [5, 6]))
        await asyncio.sleep(0)  # both wait now
        first.cancel()
        return await other

    turn = asyncio.run(converse())
    alone = asyncio.run(sampler.sample(context(2), [5, 6]))
    assert turn == alone


def test_a_game_that_begins_when_all_others_were_given_up_is_sampled(talker):
    sampler = TransformersSampler(talker)

    async def converse():
        first = asyncio.create_task(sampler.sample(context(1), [5, 6]))
        await asyncio.sleep(0)  # it waits now
        first.cancel()
        return await asyncio.create_task(sampler.sample(context(2), [5, 6]))

    turn = asyncio.run(converse())
    assert turn == asyncio.run(sampler.sample(context(2), [5, 6]))


def test_tokens_are_drawn_as_often_as_the_model_says(talker):
    """A chi-square test of first tokens over many generators, at 5 standard deviations."""
    sampler = TransformersSampler(talker, temperature=0.7)
    ids, draws = prompt(talker, "seller limit 40 goal 60 8:"), 2000

    async def converse():
        turns = (sampler.sample(context(seed), ids) for seed in range(draws))
        return [turn.token_ids[0] for turn in await asyncio.gather(*turns)]

    counts = np.bincount(asyncio.run(converse()), minlength=len(talker.tokenizer))
    with torch.inference_mode():
        logits = talker.model(input_ids=torch.tensor([ids])).logits[0, -1]
    expected = torch.softmax(logits / 0.7, dim=-1).double().numpy() * draws
    common = expected >= 5
    observed = np.append(counts[common], counts[~common].sum())
    wanted = np.append(expected[common], max(expected[~common].sum(), 1e-9))
    chi_square, degrees = ((observed - wanted) ** 2 / wanted).sum(), len(wanted) - 1
    assert chi_square < degrees + 5 * math.sqrt(2 * degrees) + 5
