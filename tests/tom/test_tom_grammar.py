"""Sentences and questions, ours and ToMi's, to events and queries."""

import pytest

from sotopia_tom import (
    Announcement,
    Entry,
    Exit,
    Move,
    Query,
    StoryError,
    read_question,
    read_story,
)


@pytest.mark.parametrize(
    ("sentence", "event"),
    [
        ("Ada came into the map room.", Entry("Ada", "map room")),
        ("Ada left the map room.", Exit("Ada")),
        (
            "In the map room, the tuning fork is inside the tin trunk.",
            Announcement("tuning fork", "tin trunk", "map room"),
        ),
        (
            "Ada took the tuning fork and put it in the tin trunk.",
            Move("Ada", "tuning fork", "tin trunk"),
        ),
        ("Ada entered the front_yard.", Entry("Ada", "front_yard")),
        ("Ada exited the front_yard.", Exit("Ada")),
        ("The peas is in the red_box.", Announcement("peas", "red_box")),
        ("Ada moved the peas to the red_box.", Move("Ada", "peas", "red_box")),
    ],
)
def test_each_sentence_is_one_event(sentence, event):
    assert read_story(sentence) == [event]


@pytest.mark.parametrize(
    "noise",
    [
        "Ada admires the map room.",
        "Ada cannot stand the tuning fork.",
        "Ada is bored by the bell.",
        "Ada is fond of the bell.",
        "Ada dislikes the kitchen",
    ],
)
def test_remarks_are_no_events(noise):
    assert read_story(f"{noise}\n\nBen came into the shed.") == [Entry("Ben", "shed")]


@pytest.mark.parametrize(
    "sentence",
    ["Ada sneezed.", "Ada came into the shed", "Ada and Ben came into the shed.", "the shed"],
)
def test_an_unknown_sentence_is_quoted_in_an_error(sentence):
    with pytest.raises(StoryError, match="cannot read the sentence"):
        read_story(sentence)


@pytest.mark.parametrize(
    ("question", "query"),
    [
        (
            "At the start, which container was the tuning fork in?",
            Query(thing="tuning fork", asks_for_start=True),
        ),
        ("Which container is the tuning fork in now?", Query(thing="tuning fork")),
        (
            "In which container will Ada look for the bell?",
            Query(thing="bell", chain=("Ada",)),
        ),
        (
            "In which container does Ada think Ben will look for the bell?",
            Query(thing="bell", chain=("Ada", "Ben")),
        ),
        (
            "In which container does Ada think Ben thinks Carl will look for the bell?",
            Query(thing="bell", chain=("Ada", "Ben", "Carl")),
        ),
        ("Where was the peas at the beginning?", Query(thing="peas", asks_for_start=True)),
        ("Where is the peas really?", Query(thing="peas")),
        ("Where will Ada look for the peas?", Query(thing="peas", chain=("Ada",))),
        (
            "Where does Ada think that Ben searches for the peas?",
            Query(thing="peas", chain=("Ada", "Ben")),
        ),
    ],
)
def test_each_question_is_a_chain_of_minds_about_a_thing(question, query):
    assert read_question(question) == query


def test_an_unknown_question_is_quoted_in_an_error():
    with pytest.raises(StoryError, match="cannot read the question 'Why"):
        read_question("Why did Ada look for the bell?")
