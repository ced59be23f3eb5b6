"""The generator: shares, splits, seeds, and changes that must not change a label."""

import re
from collections import Counter
from dataclasses import astuple, replace
from functools import cache

import numpy as np
import pytest

from sotopia_env.errors import ConfigurationError
from sotopia_tom import TomiStyle
from sotopia_tom.stories.acts import TASTES, Enter, Leave, Place, Put, Remark
from sotopia_tom.stories.questions import questions_of
from sotopia_tom.stories.tomi_style import STORY_TYPES, Story, draw_story, generate
from sotopia_tom.stories.vocabulary import SPLITS, words_of

COUNT = 3000


@cache
def many() -> list[Story]:
    return generate(seed=0, split="train", count=COUNT)


def labels(story: Story) -> list[str]:
    return [question.answer for question in questions_of(story)]


def bystander_of(story: Story) -> set[str]:
    people = {act.person for act in story.acts if isinstance(act, Enter)}
    return people - {story.mover, story.observer}


def share(count: int) -> float:
    return count / COUNT


def test_story_types_are_equal_thirds():
    assert Counter(story.type for story in many()) == dict.fromkeys(STORY_TYPES, COUNT // 3)
    thousand = Counter(story.type for story in generate(seed=1, split="test", count=1000))
    assert sorted(thousand.values()) == [333, 333, 334]


def test_without_rejection_the_types_have_the_shares_of_the_algorithm():
    rng, words = np.random.default_rng(0), words_of("train")
    drawn = Counter(draw_story(rng, words).type for _ in range(COUNT))
    shares = [share(drawn[story_type]) for story_type in STORY_TYPES]
    assert shares == pytest.approx([1 / 2, 1 / 3, 1 / 6], abs=0.03)


def test_every_story_has_the_six_questions_in_order():
    for story in many()[:300]:
        stems = [re.sub(r"_(no_)?tom$", "", question.type) for question in questions_of(story)]
        assert stems == [
            "memory",
            "first_order_0",
            "second_order_0",
            "reality",
            "first_order_1",
            "second_order_1",
        ]


def test_false_beliefs_have_the_shares_derived_by_hand():
    # Observer's first-order belief is false in 1/6, 7/8, 1/4 of true-belief, false-belief and
    # second-order stories; both second-order beliefs in 1/6, 7/8, 1/2.
    types = Counter(question.type for story in many() for question in questions_of(story))
    assert types["first_order_0_no_tom"] == COUNT
    assert types["first_order_0_tom"] == 0
    assert share(types["first_order_1_tom"]) == pytest.approx(31 / 72, abs=0.03)
    assert share(types["second_order_0_tom"]) == pytest.approx(37 / 72, abs=0.03)
    assert types["second_order_0_tom"] == types["second_order_1_tom"]


def test_shape_of_the_stories_matches_the_algorithm():
    stories = many()
    lengths = sum(len(story.acts) for story in stories) / COUNT
    noise = Counter(sum(isinstance(act, Remark) for act in story.acts) for story in stories)
    visits = Counter(
        sum(isinstance(a, Enter | Leave) and a.person in bystander_of(s) for a in s.acts)
        for s in stories
    )
    mover_first = sum(
        next(a.person for a in s.acts if isinstance(a, Enter) and a.person in (s.mover, s.observer))
        == s.mover
        for s in stories
    )
    assert lengths == pytest.approx(7.917, abs=0.1)
    assert [share(noise[n]) for n in range(3)] == pytest.approx([1 / 3] * 3, abs=0.03)
    assert [share(visits[n]) for n in range(3)] == pytest.approx([1 / 3] * 3, abs=0.03)
    assert share(mover_first) == pytest.approx(1 / 2, abs=0.03)


def test_returns_and_bystanders_go_to_either_room_equally():
    returns, entries = Counter(), Counter()
    for story in many():
        room = next(act.room for act in story.acts if isinstance(act, Place))
        for act in story.acts:
            if isinstance(act, Enter) and act.person in bystander_of(story):
                entries[act.room == room] += 1
        back = [a.room for a in story.acts if isinstance(a, Enter) and a.person == story.observer]
        returns.update(later == room for later in back[1:])
    assert returns[True] / returns.total() == pytest.approx(1 / 2, abs=0.04)
    assert entries[True] / entries.total() == pytest.approx(1 / 2, abs=0.04)


def test_stories_are_all_different_and_one_seed_gives_one_list():
    texts = [story.text for story in many()]
    assert len(set(texts)) == COUNT
    assert texts[:50] == [story.text for story in generate(seed=0, split="train", count=50)]
    assert texts[:50] != [story.text for story in generate(seed=1, split="train", count=50)]


def test_splits_share_no_person_and_no_thing_so_no_story():
    words = [words_of(split) for split in SPLITS]
    for field in ("people", "things"):
        groups = [set(getattr(w, field)) for w in words]
        assert len(set.union(*groups)) == sum(map(len, groups)) == 60
    texts = [
        {story.text for seed in range(3) for story in generate(seed=seed, split=split, count=200)}
        for split in SPLITS
    ]
    assert not texts[0] & texts[1]
    assert not texts[0] & texts[2]
    assert not texts[1] & texts[2]


def test_an_unknown_split_is_refused_with_the_known_ones():
    with pytest.raises(ConfigurationError, match=r"unknown split 'tests'.*'test'.*train"):
        generate(seed=0, split="tests", count=1)


def test_a_false_belief_story_reads_as_intended():
    story = Story(
        type="false_belief",
        mover="Ada",
        observer="Ben",
        thing="bell",
        acts=(
            Enter("Ben", "chapel"),
            Enter("Ada", "chapel"),
            Place("bell", "jar", "chapel"),
            Leave("Ben", "chapel"),
            Put("Ada", "bell", "sack"),
        ),
    )
    assert story.text == (
        "Ben came into the chapel.\nAda came into the chapel.\n"
        "In the chapel, the bell is inside the jar.\nBen left the chapel.\n"
        "Ada took the bell and put it in the sack."
    )
    assert [(q.type, q.answer) for q in questions_of(story)] == [
        ("memory", "jar"),
        ("first_order_0_no_tom", "sack"),
        ("second_order_0_tom", "jar"),
        ("reality", "sack"),
        ("first_order_1_tom", "jar"),
        ("second_order_1_tom", "jar"),
    ]


def test_noise_anywhere_changes_no_label():
    for story in many()[:150]:
        quiet = tuple(act for act in story.acts if not isinstance(act, Remark))
        assert labels(replace(story, acts=quiet)) == labels(story)
        for position in range(len(story.acts) + 1):
            remark = Remark(story.observer, TASTES[0], story.thing)
            noisy = (*story.acts[:position], remark, *story.acts[position:])
            assert labels(replace(story, acts=noisy)) == labels(story)


def test_bystanders_change_no_label():
    for story in many()[:150]:
        third = bystander_of(story)
        alone = tuple(
            act
            for act in story.acts
            if not (isinstance(act, Enter | Leave) and act.person in third)
        )
        assert labels(replace(story, acts=alone)) == labels(story)
        room = next(act.room for act in story.acts if isinstance(act, Place))
        for position in range(len(story.acts) + 1):
            more = (*story.acts[:position], Enter("Stranger", room), *story.acts[position:])
            assert labels(replace(story, acts=more)) == labels(story)


def test_renaming_renames_the_labels():
    for story in many()[:150]:
        new = {word: f"{word} the second" for act in story.acts for word in astuple(act)}
        renamed = Story(
            type=story.type,
            mover=new[story.mover],
            observer=new[story.observer],
            thing=new[story.thing],
            acts=tuple(type(act)(*(new[word] for word in astuple(act))) for act in story.acts),
        )
        assert labels(renamed) == [new[label] for label in labels(story)]


def test_ids_come_from_the_content_and_not_from_the_position():
    items = TomiStyle(stories=30).load()
    assert len({item.id for item in items}) == 180
    assert len({item.story_id for item in items}) == 30
    assert [item.id for item in TomiStyle(stories=10).load()] == [item.id for item in items[:60]]
    assert [item.id for item in TomiStyle(stories=30).load(limit=10)] == [i.id for i in items[:60]]


def test_the_prompt_states_the_rules_the_story_and_the_choices():
    item = TomiStyle(stories=1).load()[2]
    prompt = item.task.prompt
    assert "Containers stand open" in prompt
    assert "do not guess" in prompt
    assert item.task.story in prompt
    assert f"Question: {item.task.question}" in prompt
    assert f"Possible answers: {', '.join(sorted(item.task.choices))}" in prompt
    assert set(item.task.choices) == set(
        re.findall(r"(?:inside|put it in) the (.+)\.", item.task.story)
    )
