"""Authored markup: who reads which part of a text, and that nothing else is ever markup."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sotopia_env.errors import ScenarioError
from sotopia_env.markup import RENDERED_TAGS, Passage, parse, passages, render, rewrite, write

AB = ("a", "b")
TEXT = st.text(st.characters(exclude_characters="<&", exclude_categories=["Cs"]), max_size=20)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("<root><p viewer='agent_0'>hidden</p></root>", ""),
        ("abc<p viewer='agent_0'>hidden</p>", "abc"),
    ],
)
def test_b5_what_is_for_one_seat_is_hidden_from_another(text: str, seen: str) -> None:
    assert render(text, 1) == seen


@pytest.mark.parametrize("text", ["<root>a&b</root>", "<root>a&amp;b</root>"])
def test_b6_the_environment_reads_everything(text: str) -> None:
    assert render(text, None) == "a&b"
    assert render("<root><human>ABCD</root>", None) == "ABCD"


@pytest.mark.parametrize(
    ("text", "tags", "seen"),
    [
        ("<root><a viewer='agent_1'><b viewer='agent_2'>test</b></a></root>", AB, ""),
        ("<root><a viewer='agent_2'>test<b viewer='agent_2'>test</b></a></root>", AB, "testtest"),
        ("<root><a viewer='agent_2'>test<b viewer='agent_2'>test</b></a></root>", ("a",), "test"),
        ("<root><a viewer='agent_2'>test<b viewer='agent_2'>test</b></a></root>", ("b",), ""),
        ("test<b viewer='agent_2'>test</b>test", AB, "testtesttest"),
    ],
)
def test_b6_nested_elements_are_for_whom_all_of_them_are(
    text: str, tags: tuple[str, ...], seen: str
) -> None:
    assert render(text, 2, tags) == seen


def test_hints_are_shown_and_other_elements_are_not() -> None:
    text = "Sell it (<extra_info>it leaks</extra_info><rumour>it is cursed</rumour>)"
    assert render(text, 0) == "Sell it (it leaks)"
    assert render(text, None) == "Sell it (it leaksit is cursed)"
    for tag in RENDERED_TAGS:
        assert render(f"<{tag}>Ask.</{tag}>", 3) == "Ask."


def test_a_text_whose_outermost_element_is_unknown_is_shown_to_nobody() -> None:
    assert render("<rumour>it is cursed</rumour>", 0) == ""


def test_an_outermost_element_for_one_seat_is_hidden_from_the_others() -> None:
    assert render("<p viewer='agent_0'>mine</p>", 0) == "mine"
    assert render("<p viewer='agent_0'>mine</p>", 1) == ""


@pytest.mark.parametrize(
    "text",
    ["3 < 5 & 6 > 2", "a <3 you", "x << 1", "<>", "</", "if a<b and c>d", "Tom & Jerry", "<1>"],
)
def test_what_is_no_element_is_text(text: str) -> None:
    assert render(text, 0) == text


def test_what_is_for_judges_is_read_by_no_seat() -> None:
    text = "A party. <p viewer='environment'>They share <p viewer='agent_0'>a friend</p>.</p>"
    assert render(text, None) == "A party. They share a friend."
    for seat in (0, 1):
        assert render(text, seat) == "A party. "


def test_entities_of_xml_are_read_and_no_others() -> None:
    assert render("&lt;b&gt; &amp; &quot; &#65; &nbsp; &x; <root>", 0) == '<b> & " A &nbsp; &x; '


@pytest.mark.parametrize(
    "text",
    [
        "<p viewer=agent_0>his secret</p>",
        "<p viewer=\u2018agent_0\u2019>his secret</p>",
        "<p viewer=\u201cagent_0\u201d>his secret</p>",
        "<p Viewer='agent_0'>his secret</p>",
        "<p viewers='agent_0'>his secret</p>",
        "<p seat='agent_0'>his secret</p>",
        "<p viewer>his secret</p>",
        "<P viewer='agent_0' x=1>his secret</P>",
        "< p viewer='agent_0'>his secret</p>",
        "<p x='a<b' viewer='agent_0'>his secret</p>",
        "<p viewer='agent_0' viewer='agent_1'>his secret</p>",
        "<p viewer='agent_0'",
        "<extra_info viewer=agent_0>his secret</extra_info>",
        "<pviewer='agent_0'>his secret</p>",
        "<p_viewer='agent_0'>his secret</p>",
        "<p viewer='agent_0'/>his secret</p>",
        "his secret</p>",
        "<p viewer='agent_0'>viewer</p viewer='agent_0'>his secret</p>",
        "<secret viewer>his secret</secret>",
        "<secret a=1>his secret, for no viewer</secret>",
        "<extra info>his secret, for no viewer</extra info>",
        "<b viewer=agent_0>his secret</b>",
        "<Extra_Info>viewer</Extra_Info>",
        "<b VIEWER='agent_0'>his secret</b>",
        "<!-- his secret",
        "<![CDATA[his secret]]>",
        "<!DOCTYPE r [<!ENTITY a 'bo'>]>&a;om",
    ],
)
def test_what_is_nearly_markup_is_refused_rather_than_shown(text: str) -> None:
    for whole in (text, f"They meet. {text} They talk."):
        with pytest.raises(ScenarioError, match=r"viewer|closes nothing"):
            render(whole, 1)


def test_comments_and_instructions_are_shown_to_nobody() -> None:
    text = "They meet<!-- he lies <p viewer='agent_1'>x</p> -->.<?note he\nlies?>"
    for seat in (None, 0, 1):
        assert render(text, seat) == "They meet."


def test_an_element_never_closed_ends_with_its_parent_and_a_stray_end_is_dropped() -> None:
    assert render("<root>a<p viewer='agent_1'>b</root>", 0) == "a"
    assert render("a</rumour>b", 0) == "ab"
    assert render("<extra_info>a<clarification_hint>b</extra_info>c", 0) == "abc"


@pytest.mark.parametrize("viewer", ["agent_", "agent_x", "agent1", "bob", "agent_0 ", ""])
def test_a_viewer_that_is_no_seat_is_refused(viewer: str) -> None:
    with pytest.raises(ScenarioError, match="is no seat; write agent_0"):
        parse(f"<p viewer='{viewer}'>x</p>")


def test_passages_have_the_seats_that_may_read_them() -> None:
    text = "<root>a<p viewer='agent_1'>b<extra_info viewer='agent_2'>c</extra_info></p></root>"
    assert passages(text) == (
        Passage("a"),
        Passage("b", frozenset([1])),
        Passage("c", frozenset()),
    )


@given(st.text(max_size=60))
def test_any_text_is_read_and_what_has_no_markup_stays_as_it_is(text: str) -> None:
    rendered = render(text, None)
    if "<" not in text and "&" not in text:
        assert rendered == text == render(text, 7)


@given(
    st.recursive(
        TEXT,
        lambda inner: st.builds(
            lambda tag, viewer, parts: f"<{tag}{viewer}>{''.join(parts)}</{tag}>",
            st.sampled_from(["p", "extra_info", "other"]),
            st.sampled_from(["", " viewer='agent_0'", ' viewer="agent_1"']),
            st.lists(inner, max_size=3),
        ),
        max_leaves=8,
    )
)
def test_written_markup_reads_back_for_every_seat(text: str) -> None:
    again = write(parse(text))
    for seat in (None, 0, 1, 2):
        assert render(again, seat) == render(text, seat)


def test_rewriting_changes_words_and_keeps_who_may_read_them() -> None:
    text = "a <p viewer='agent_1'>b &amp; c</p>"
    marked = rewrite(text, lambda words, piece: f"{words}[{piece.owners is None}]")
    assert render(marked, 0) == "a [True]"
    assert render(marked, 1) == "a [True]b & c[False]"
