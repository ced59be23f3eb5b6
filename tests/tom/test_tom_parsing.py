"""Replies in every wrapping, and those that must not count as an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sotopia_tom import parse_choice

CHOICES = ("oak barrel", "tin trunk")


@pytest.mark.parametrize(
    "reply",
    [
        "tin trunk",
        "Tin Trunk.",
        "  the TIN TRUNK\n",
        "tin_trunk",
        "tin-trunk",
        "tin\u00a0trunk",
        "\uff54\uff49\uff4e trunk",
        '"tin trunk"',
        "**tin trunk**",
        "*Answer:* **tin_trunk**",
        "- tin trunk",
        "Answer: tin trunk",
        "**Answer:**\n\n`tin trunk`",
        "Final answer is: tin trunk!",
        "She will look in the tin trunk, because she saw it in the tin trunk.",
        "It was in the oak barrel at first. The answer is the tin trunk.",
        "Answer: tin trunk\nWhy: it was never in the oak barrel, or so she thinks.",
        "Answer: oak barrel\nWait, she left before that.\nAnswer: tin trunk",
        "Possible answers: oak barrel, tin trunk\nAnswer: tin trunk",
        "Not the oak barrel but the tin trunk",
        "the tin trunk, not in the oak barrel",
        "It isn't in the oak barrel; it's the tin trunk.",
        "the tin trunk rather than the oak barrel",
        "<answer>tin trunk</answer>",
        "<reasoning>oak barrel?</reasoning><answer>Tin trunk</answer>",
        "<answer>tin trunk",
        "<answer>oak barrel</answer> no, <answer>tin trunk</answer>",
        "<think>oak barrel, surely</think>tin trunk",
        "oak barrel, surely</think>\ntin trunk",
        '{"reasoning": "not the oak barrel? oak barrel!", "answer": "tin trunk"}',
        '```json\n{"answer": "Tin_Trunk"}\n```',
        '{"answer": "<answer>tin trunk</answer>"}',
        '{"answer": ["tin trunk"]}',
    ],
)
def test_one_choice_is_read_whatever_its_wrapping(reply):
    reading = parse_choice(reply, CHOICES)
    assert (reading.choice, reading.problem) == ("tin trunk", None)


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ("", "no choice named"),
        ("   ", "no choice named"),
        ("I do not know.", "no choice named"),
        ("A", "no choice named"),
        ("trunk", "no choice named"),
        ("tin trunks", "no choice named"),
        ("satin trunk", "no choice named"),
        ("tin", "no choice named"),
        ("not the tin trunk", "no choice named"),
        ("It is no longer in the tin trunk", "no choice named"),
        ("It isn't in the tin trunk.", "no choice named"),
        ("neither tin trunk", "no choice named"),
        ("<think>tin trunk, I think, but", "no choice named"),
        ("<answer></answer> tin trunk", "no choice named"),
        ('{"answer": null}', "no choice named"),
        ("oak barrel, tin trunk", "several choices named"),
        ("oak barrel or tin trunk", "several choices named"),
        ("Answer: the oak barrel or the tin trunk", "several choices named"),
        ("<answer>tin trunk / oak barrel</answer>", "several choices named"),
        ('{"answer": ["oak barrel", "tin trunk"]}', "several choices named"),
        ("From the oak barrel it was moved to the tin trunk.", "several choices named"),
    ],
)
def test_anything_but_exactly_one_choice_is_unparsed(reply, problem):
    reading = parse_choice(reply, CHOICES)
    assert (reading.choice, reading.problem) == (None, problem)


def test_a_longer_choice_is_not_taken_for_the_shorter_one_inside_it():
    choices = ("box", "tool box", "toolbox")
    assert parse_choice("the tool_box", choices).choice == "tool box"
    assert parse_choice("toolbox", choices).choice == "toolbox"
    assert parse_choice("the box", choices).choice == "box"


def test_choices_with_capitals_and_underscores_come_back_as_they_were_given():
    assert parse_choice("the green box", ("Green_Box", "red_box")).choice == "Green_Box"


@given(st.text(max_size=80))
def test_no_reply_makes_it_raise(reply):
    assert parse_choice(reply, CHOICES).choice in (None, *CHOICES)


@given(
    st.sampled_from(CHOICES), st.sampled_from(["{}", "<answer>{}</answer>", "Answer: {}", "*{}*"])
)
def test_a_wrapped_choice_comes_back(choice, wrapping):
    assert parse_choice(wrapping.format(choice.upper()), CHOICES).choice == choice
