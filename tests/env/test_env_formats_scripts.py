"""Conversations in one text and lists of numbers, as models write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sotopia_env import AgentAction
from sotopia_env.actions import ActionType
from sotopia_env.errors import FormatError
from sotopia_env.formats import ScriptTurn, read_integers, read_script, write_script

OLIVER, ESME = "Oliver Thompson", "Esmeralda Solis"
BOTH = [OLIVER, ESME]


def test_b22_three_blocks_are_three_actions() -> None:
    text = (
        f'Turn #1\n{OLIVER} said: "Hey"\n'
        f"Turn #2\n{ESME} [action] moved closer\n"
        f"Turn #3\n{OLIVER} left the conversation"
    )
    turns = [
        ScriptTurn(1, OLIVER, AgentAction("speak", "Hey")),
        ScriptTurn(2, ESME, AgentAction("action", "moved closer")),
        ScriptTurn(3, OLIVER, AgentAction("leave")),
    ]
    assert read_script(text, BOTH) == turns
    assert write_script(turns) == text


def test_headers_and_actions_are_read_in_all_their_spellings() -> None:
    text = (
        'Here is the script.\n\nTurn 1:\nAda [speak] said: "Hi"  \n\n'
        "Turn #2: \nBo did nothing.\n\nTurn #3\nAda [non-verbal communication] nods\n"
    )
    assert read_script(text, ["Ada", "Bo"]) == [
        ScriptTurn(1, "Ada", AgentAction("speak", "Hi")),
        ScriptTurn(2, "Bo", AgentAction()),
        ScriptTurn(3, "Ada", AgentAction("non-verbal communication", "nods")),
    ]


@pytest.mark.parametrize(
    "name", ["Zoë Müller", "Jean-Luc Picard", "Ludwig van Beethoven", "R2 D2", "o'Neil", "李 雷"]
)
def test_a_name_may_be_any_name(name: str) -> None:
    (turn,) = read_script(f'Turn #1\n{name} said: "Hey"', ["Ann", name])
    assert turn == ScriptTurn(1, name, AgentAction("speak", "Hey"))


def test_the_longer_of_two_names_is_meant() -> None:
    text = 'Turn #1\nAnn Lee said: "Hey"\nTurn #2\nAnn said: "Ho"'
    assert [turn.name for turn in read_script(text, ["Ann", "Ann Lee"])] == ["Ann Lee", "Ann"]


def test_an_unknown_name_stands_for_the_one_whose_turn_it_would_be() -> None:
    text = 'Turn #1\nThe stranger said: "A"\nTurn #2\nSomebody [action] waves\nTurn #3\nX said: "C"'
    assert [turn.name for turn in read_script(text, BOTH)] == [OLIVER, ESME, OLIVER]


def test_a_block_in_which_two_act_is_refused() -> None:
    block = f'Turn #1\n{OLIVER} said: "Hey"\n{ESME} said: "Hi"\n'
    with pytest.raises(FormatError, match="turn 1: Only one agent can act per turn"):
        read_script(f"{block}Turn #2\n{ESME} did nothing", BOTH)
    with pytest.raises(FormatError, match="Only one agent can act per turn"):
        read_script(f'Turn #1\n{OLIVER} [action] a\nand so on\nTurn #2\n{ESME} said: "x"', BOTH)


def test_the_last_block_is_cut_to_its_action() -> None:
    text = f'Turn #1\n{OLIVER} said: "Hey"\n{ESME} said: "Hi"\nTurn #2'
    assert read_script(text, BOTH) == [ScriptTurn(1, OLIVER, AgentAction("speak", "Hey"))]


def test_f4_words_that_look_like_an_action_stay_words() -> None:
    for words in ("I did nothing", "left the conversation", "[action] jumps", 'a "b" c', "x\ny"):
        text = f'Turn #1\n{OLIVER} said: "{words}"\nTurn #2\n{ESME} did nothing'
        assert read_script(text, BOTH)[0].action == AgentAction("speak", words)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no 'Turn #1' in ''"),
        ("Once upon a time", "no 'Turn #1'"),
        (f"Turn #1\n{OLIVER} is happy", "turn 1: ' is happy' is no action"),
        (f'Turn #1\n{OLIVER} said: "Hey', "turn 1: .* is no action"),
        ("Turn #1\n\n", "turn 1: '' is no action"),
    ],
)
def test_a_text_without_actions_is_refused(text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read_script(text, BOTH)
    with pytest.raises(FormatError, match="nobody takes part"):
        read_script(text, [])


SPOKEN: list[ActionType] = ["speak", "action", "non-verbal communication"]
WORDS = st.text(max_size=20) | st.sampled_from(['a\n"b"', "Turn #2\n", 'x"\nAnn did nothing'])
DONE = st.one_of(
    st.builds(AgentAction, st.sampled_from(SPOKEN), WORDS, st.just(())),
    st.sampled_from([AgentAction(), AgentAction("leave")]),
)
NAMES = st.sampled_from(["Ann", "Ann Lee", "Zoë D'Arcy", "Jean-Luc"])
TURNS = st.lists(
    st.builds(ScriptTurn, st.integers(0, 999_999_999), NAMES, DONE), min_size=1, max_size=4
)


@given(turns=TURNS)
def test_a_script_that_is_written_is_read_back_exactly(turns: list[ScriptTurn]) -> None:
    try:
        text = write_script(turns)
    except FormatError:
        return  # there are words with no form in a script; see below
    assert read_script(text, [*dict.fromkeys(turn.name for turn in turns)]) == turns


@given(
    words=st.text(
        alphabet=st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=30
    )
)
def test_any_words_of_one_line_have_a_form_in_a_script(words: str) -> None:
    turns = [ScriptTurn(1, "Ann", AgentAction("speak", words))]
    assert read_script(write_script(turns), ["Ann"]) == turns


def test_a_turn_that_would_be_read_otherwise_is_not_written() -> None:
    for unwritable in ("a\nTurn #2\nb", 'a"\nb', "a\nAnn did nothing"):
        with pytest.raises(FormatError, match="has no form in a script; change its words"):
            write_script([ScriptTurn(1, "Ann", AgentAction("speak", unwritable))])
    with pytest.raises(FormatError, match="has no form in a script"):
        write_script([ScriptTurn(1, "Ann", AgentAction("speak", "psst", ("Bo",)))])


def test_b13_whole_numbers_are_read_where_count_and_bounds_hold() -> None:
    assert read_integers("1 2 3 4 5", 5, (-10, 10)) == (1, 2, 3, 4, 5)
    assert read_integers(" [-1, 2,\n3] ") == (-1, 2, 3)
    for text, reason in (
        ("1 2 3 4", "has 4 numbers, not 5"),
        ("1 2 3 4 11", r"leaves -10\.\.10"),
        ("1 2 3 4 x", "is no list of whole numbers"),
        ("1 2 3 4 5.0", "is no list of whole numbers"),
        ("", "has 0 numbers, not 5"),
    ):
        with pytest.raises(FormatError, match=reason):
            read_integers(text, 5, (-10, 10))
