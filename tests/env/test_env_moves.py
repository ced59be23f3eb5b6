"""Formal moves in free text: what is one, what is not, and what is answered with a reason."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sotopia_env.games.price_negotiation import (
    GRAMMAR,
    PriceMove,
    PriceNegotiation,
    PriceParams,
    PriceState,
)
from sotopia_env.games.resource_allocation import GRAMMAR as CLAIMS
from sotopia_env.moves import FormalMove, Invalid, MoveGrammar, Operand, clean_text, read_amount

GAME = PriceNegotiation()
PARAMS = PriceParams(
    item="lamp",
    currency="euros",
    roles=("seller", "buyer"),
    reservations=(100, 1500),
    targets=(1800, 200),
    low=1,
    high=2000,
    deadline=8,
)
OPEN = PriceState(PARAMS, turn=2, offers=(150, 90))

PIECES = [
    *"FINAL_BID:OFER ACPTJ\n\t\r.,;!>`\"'*<>-+$0159=/",
    *("FINAL_BID", "OFFER ", "ACCEPT", "I_CLAIM: ", "```", "<think>", "\u201c", "\u2212"),
    *("\u0412", "\u200b", "\uff10", "\u0301", "\ud800"),
]
PRICE_KEYWORDS: dict[str, Operand] = {
    "OFFER": "amount",
    "FINAL_BID": "amount",
    "ACCEPT": "nothing",
    "REJECT": "nothing",
}
CLAIM_KEYWORDS: dict[str, Operand] = {
    "PROPOSE": "amounts",
    "I_CLAIM": "amounts",
    "ACCEPT": "nothing",
    "REJECT": "nothing",
}
TEXTS = st.text(max_size=200) | st.lists(st.sampled_from(PIECES), max_size=60).map("".join)


def price_of(text: str, state: PriceState = OPEN, seat: int = 0) -> int:
    move = GAME.parse(text, state, seat)
    assert isinstance(move, PriceMove), move
    return move.amount


def reason(text: str, state: PriceState = OPEN, seat: int = 0) -> str:
    move = GAME.parse(text, state, seat)
    assert isinstance(move, Invalid), move
    return move.reason


# -- the cases of the specification: 23 to 28 ---------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "FINAL_BID: $1,200",
        "final_bid:1200.",
        "\uff26\uff29\uff2e\uff21\uff2c\uff3f\uff22\uff29\uff24\uff1a\uff11\uff12\uff10\uff10",
        "**FINAL_BID: 1200**",
        "FINAL_BID: 1200\r",
        "\tFINAL_BID:\t1200",
        "FINAL_BID 1200",
        "My last word. FINAL_BID: 1200",
        "FINAL_BID: 1200. I cannot go lower.",
        "\U0001d405\U0001d408\U0001d40d\U0001d400\U0001d40b_BID: 1200",
    ],
)
def test_a_final_bid_is_read_in_every_ordinary_spelling(text: str) -> None:
    assert GAME.parse(text, OPEN, 0) == PriceMove("FINAL_BID", 1200)


def test_a_look_alike_letter_is_told_apart_from_silence() -> None:
    assert reason("FINAL_\u0412ID: 5").startswith("mixed-script")


@pytest.mark.parametrize("text", ["\u0410CCEPT", "REJE\u0421T", "\u039fFFER 50"])
def test_look_alike_letters_in_plain_keywords_are_reported_too(text: str) -> None:
    assert reason(text).startswith("mixed-script")


def test_ordinary_russian_and_greek_are_no_look_alike_moves() -> None:
    text = "\u0414\u043e\u0431\u0440\u043e\u0435 \u0443\u0442\u0440\u043e\n\u03ba\u03b1\u03bb\u03ac"
    assert GAME.parse(text, OPEN, 0) is None


def test_an_invisible_character_inside_a_keyword_is_dropped() -> None:
    assert price_of("FINAL\u200b_BID: 5") == 5


@pytest.mark.parametrize("text", ["You said: FINAL_BID: 90", "Well, FINAL_BID: 90"])
def test_a_bid_within_a_sentence_is_answered_and_does_not_count(text: str) -> None:
    assert reason(text) == "FINAL_BID must stand on a line of its own"


def test_an_own_bid_after_a_quoted_one_counts() -> None:
    assert price_of('You said "FINAL_BID: 90". FINAL_BID: 120') == 120
    assert price_of('You said "FINAL_BID: 90." FINAL_BID: 120') == 120


@pytest.mark.parametrize(
    "text",
    [
        'You said "FINAL_BID: 90".',
        "You said \u201cFINAL_BID: 90\u201d.",
        "You said \u2018FINAL_BID: 90\u2019.",
        "\u2018He said\nOFFER 40\nand left.\u2019",
        "You said 'FINAL_BID: 90'.",
        "You said 'Fine. FINAL_BID: 50; take it'. I refuse.",
        "You wrote: 'I can't wait. FINAL_BID: 50. Take it.' No way.",
        "<blockquote>\nOFFER 50\n</blockquote>",
        "Sie sagten \u201eFINAL_BID: 90\u201c.",
        "Sie sagten \u00bbFINAL_BID: 90\u00ab.",
        "Vous avez dit \u00abFINAL_BID: 90\u00bb.",
        "Vous avez dit \u2039FINAL_BID: 90\u203a.",
        "\u300cFINAL_BID: 90\u300d",
        "You said \uff02FINAL_BID: 90\uff02.",
        "`FINAL_BID: 90`",
        "```\nFINAL_BID: 90\n```",
        "```text\nFINAL_BID: 90",
        "<think>\nFINAL_BID: 90\n</think>\nLet me see.",
        "<THINK>FINAL_BID: 90",
        "> FINAL_BID: 90",
        "  > FINAL_BID: 90",
        "\uff1e FINAL_BID: 90",
        '"ACCEPT"',
        "> ACCEPT",
        "```\nACCEPT\n```",
    ],
)
def test_a_quoted_move_is_no_move(text: str) -> None:
    assert GAME.parse(text, OPEN, 0) is None


@pytest.mark.parametrize(
    "text",
    [
        "```\nFINAL_BID: 90\n```\nFINAL_BID: 120",
        "<think>FINAL_BID: 90</think>\nFINAL_BID: 120",
        "> FINAL_BID: 90\nFINAL_BID: 120",
        "FINAL_BID: 120\n> FINAL_BID: 90",
    ],
)
def test_a_move_beside_quoted_ones_counts(text: str) -> None:
    assert price_of(text) == 120


def test_each_side_is_bound_by_its_own_unquoted_line() -> None:
    seller = 'You wrote "FINAL_BID: 90"\nFINAL_BID: 120'
    buyer = "> FINAL_BID: 120\nFINAL_BID: 90"
    assert price_of(seller, seat=0) == 120
    assert price_of(buyer, seat=1) == 90


def test_the_last_line_counts() -> None:
    assert price_of("FINAL_BID: 90\nFINAL_BID: 120") == 120
    assert GAME.parse("OFFER 60\nNo, wait.\nACCEPT", OPEN, 0) == PriceMove("ACCEPT")
    assert reason("OFFER 60\nOFFER nothing") == (
        "OFFER must be followed by one plain number and nothing else"
    )


def test_two_different_bids_on_one_line_are_invalid() -> None:
    assert reason("FINAL_BID: 90 FINAL_BID: 120") == "two different moves on one line"
    assert reason("FINAL_BID: 90. FINAL_BID: 120") == "two different moves on one line"


def test_the_same_bid_twice_on_one_line_is_one_bid() -> None:
    assert price_of("FINAL_BID: 90. FINAL_BID: 90.") == 90


@pytest.mark.parametrize("text", ["-50", "\u221250"])
def test_a_negative_bid_is_read_and_refused_by_its_range(text: str) -> None:
    assert reason(f"FINAL_BID: {text}") == "-50 is outside 1 to 2000"


@pytest.mark.parametrize(
    "text",
    ["(50)", "1e9", "nan", "inf", "1_000", "1.2k", "1" * 400, "\u0661\u0662", "1/2", "\u00bd"],
)
def test_what_is_no_plain_number_is_invalid(text: str) -> None:
    assert "plain number" in reason(f"FINAL_BID: {text}")


def test_an_ambiguous_separator_is_invalid() -> None:
    assert "ambiguous separator" in reason("FINAL_BID: 1.200")


def test_an_endless_number_with_commas_is_invalid_and_not_computed() -> None:
    assert "plain number" in reason("FINAL_BID: 1" + ",000" * 4900)


# -- whole lines ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["ACCEPT", "accept", "Accept.", "ACCEPT!", "  ACCEPT  ", "We have a deal.\nACCEPT\nThank you!"],
)
def test_a_word_alone_on_its_line_is_a_move(text: str) -> None:
    assert GAME.parse(text, OPEN, 0) == PriceMove("ACCEPT")


@pytest.mark.parametrize("text", ["OFFER 60", "offer: 60", "OFFER:60", "Offer $60.", "OFFER +60"])
def test_an_offer_is_a_word_and_one_number(text: str) -> None:
    assert GAME.parse(text, OPEN, 0) == PriceMove("OFFER", 60)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t\n",
        "I would ACCEPT if you came closer.",
        "Accept it, please.",
        "Offer me something better.",
        "Reject? No.",
        "offer 60 dollars and I am yours",
        "What would you OFFER 60 people?",
        "unacceptable",
        "ACCEPTED",
        "Is that your FINAL_BID?",
        "I shall not make a FINAL_BID yet, and no I_CLAIM either.",
        "My final bid is 60.",
        "MYFINAL_BID: 60",
        "Hello \U0001f600\u3000\u00a0caf\u00e9",
        "Offer 2 of us a ride to the station.",
        "1. be fair",
        "2 lamps, no more",
        "- acceptance",
    ],
)
def test_prose_that_mentions_moves_is_no_move(text: str) -> None:
    assert GAME.parse(text, OPEN, 0) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ACCEPT, thanks", "ACCEPT must stand alone on its line, with nothing after it"),
        ('ACCEPT "it"', "ACCEPT must stand alone on its line, with nothing after it"),
        ("OFFER 60 dollars", "OFFER must be followed by one plain number and nothing else"),
        ("OFFER", "OFFER must be followed by one plain number and nothing else"),
        ("FINAL_BID", "FINAL_BID must be followed by one plain number and nothing else"),
        ('FINAL_BID: "60"', "'\\x00' is not a plain number"),
        ("So my FINAL_BID: 60", "FINAL_BID must stand on a line of its own"),
        ("OFFER 60.5", "prices are whole numbers, not 60.5"),
    ],
)
def test_an_attempt_that_is_no_move_gets_a_reason(text: str, why: str) -> None:
    assert reason(text) == why


@pytest.mark.parametrize(
    "text",
    [
        *("offer 60 dollars", "Offer 60, please", "OFFER60", "Offer: 60 euros, then."),
        *("- OFFER 60", "1. OFFER 60", "# OFFER 60", "(OFFER 60)", "[offer 60]"),
        *("ACCEPT?", "accept?", "- ACCEPT", "(accept)", "2) accept."),
    ],
)
def test_a_line_that_is_nearly_a_move_is_answered(text: str) -> None:
    assert " and nothing else" in reason(text) or "must stand alone" in reason(text)
    assert reason(f"Good day.\n{text}") == reason(text)


@pytest.mark.parametrize(
    ("text", "operand"),
    [
        ("PROPOSE 2 1 0", "2 1 0"),
        ("propose: 2,1,0.", "2,1,0"),
        ("PROPOSE books=2 hats=1", "books=2 hats=1"),
        ("I think so. I_CLAIM: 2 1 0", "2 1 0"),
    ],
)
def test_several_amounts_are_kept_as_they_stand(text: str, operand: str) -> None:
    found = CLAIMS.find(text)
    assert isinstance(found, FormalMove)
    assert found.operand == operand


@pytest.mark.parametrize("text", ["PROPOSE fairness", "PROPOSE 2 books", "PROPOSE"])
def test_amounts_are_numbers(text: str) -> None:
    assert CLAIMS.find(text) == Invalid("PROPOSE must be followed by its amounts and nothing else")


def test_a_grammar_without_tokens_reads_its_words() -> None:
    grammar = MoveGrammar({"VOTE": "amount", "PASS": "nothing"})
    assert grammar.find("I am done.\nPASS") == FormalMove("PASS", "")
    assert grammar.find("VOTE 3") == FormalMove("VOTE", "3")


# -- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("007", 7),
        ("+12", 12),
        ("-$5", -5),
        ("1,234,567", 1234567),
        ("2.5", 2.5),
        ("1,200.50", 1200.5),
        ("\u00a33", 3),
        ("999999999999", 999999999999),
    ],
)
def test_plain_numbers_have_their_value(text: str, value: float) -> None:
    amount = read_amount(text)
    assert amount == value
    assert type(amount) is type(value)


@pytest.mark.parametrize(
    "text", ["", "-", "$", "1,20", "12,00", ",5", "5.", ".5", "1 0", "0x1", "5$"]
)
def test_other_spellings_are_no_numbers(text: str) -> None:
    assert isinstance(read_amount(text), Invalid)


# -- hostile text --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "piece",
    [
        "\u201c",
        "\u201e\u201c",
        "\u00ab",
        "\u00bb\u00ab",
        '"',
        "`",
        "```",
        "<think>",
        "> ",
        " ",
        "*",
        "\ufdfa",
        "\u0301\u0323",
        "\u200b",
        "FINAL_BID ",
        "FINAL_BID: ",
        "FINAL_BID: 1. ",
        ". ",
        "PROPOSE 1",
        "1",
        "1 ",
        "a=1",
        "- 1 ",
        ",000",
        "\u0412",
        "OFFER 1\n",
    ],
)
@pytest.mark.parametrize("start", ["", "OFFER ", "PROPOSE ", "FINAL_BID: ", "a\n"])
def test_hostile_text_of_full_length_is_answered(start: str, piece: str) -> None:
    text = (start + piece * 20_000)[:19_998] + " x"
    GRAMMAR.find(text)
    CLAIMS.find(text)


@given(TEXTS)
@example("FINAL_BID: 1" + ",000" * 2000)
@example("OFFER \ud800")
def test_reading_never_raises_and_gives_the_same_twice(text: str) -> None:
    for grammar in (GRAMMAR, CLAIMS):
        assert grammar.find(text) == grammar.find(text)
    for seat in (0, 1):
        move = GAME.parse(text, OPEN, seat)
        assert move is None or isinstance(move, PriceMove | Invalid)
        assert move == GAME.parse(text, OPEN, seat)


@given(st.text(st.characters(max_codepoint=127), max_size=120) | TEXTS)
@example("OFFER 5\nFINAL_BID: 7")
@example("OFFER 5*0")
@example("OFFER\t5")
@example('"OFFER 5" OFFER 6')
def test_ascii_text_reads_the_same_with_and_without_folding(text: str) -> None:
    folded_too = GRAMMAR.find(f"{text}\n\u00e9")
    if text.isascii() and "```" not in text and "<think>" not in text.lower():
        assert GRAMMAR.find(text) == folded_too


@given(TEXTS)
def test_cleaning_leaves_no_invisible_characters_and_keeps_lines(text: str) -> None:
    clean = clean_text(text)
    assert not set(clean) & set("\r\t*\u200b\u2212")
    assert "\n" not in text or "\n" in clean or "```" in text or "<think>" in text.lower()


KEYWORDS = re.compile(r"OFFER|FINAL_BID|PROPOSE|I_CLAIM|ACCEPT|REJECT", re.IGNORECASE)
LINES = st.lists(
    TEXTS | st.sampled_from(["OFFER 5", "accept", "Hm.", "So. FINAL_BID: 7", "PROPOSE 1 0", ""]),
    max_size=6,
).map("\n".join)


@given(LINES)
@example("OFFER 5\nOFFER five")
@example("I_CLAIM: 1 0\n_")
@example(" accept\n\n")
def test_only_the_last_line_that_attempts_a_move_decides(text: str) -> None:
    text = "".join(c for c in text if c.isascii() and c not in '"`<>*\r\t\x00')
    for grammar, keywords in ((GRAMMAR, PRICE_KEYWORDS), (CLAIMS, CLAIM_KEYWORDS)):
        fresh = MoveGrammar(keywords)  # has read nothing before
        found = None
        for line in text.split("\n"):
            read = fresh.find(line)
            assert read is None or KEYWORDS.search(line)
            found = found if read is None else read
        assert grammar.find(text) == found


@pytest.mark.parametrize(
    "text",
    [
        'You said: "well,\nOFFER 50\nthat is it"',
        "Bram said: \u201cWell,\nOFFER 50\nbye\u201d",
        "\u201eGut,\nOFFER 50\nja\u201c",
        "~~~\nOFFER 50\n~~~",
        'He said: "\nOFFER 50\n"',
        'You said "\nACCEPT\n" but I did not',
        "You said \u201c\nACCEPT\n\u201d to me",
        "\u2039\nOFFER 50\n\u203a",
        "\u300e\nOFFER 50\n\u300f",
        "He said: 'well\nOFFER 50\nplease'",
        "He said: '\nOFFER 50\n'",
        '"""\nOFFER 50\n"""',
        "'''\nOFFER 50\n\nACCEPT\n'''",
        "<quote>\nOFFER 50\n</quote>",
        "<thinking>\nOFFER 50\n</thinking>",
        "<reasoning>\nOFFER 50\n</reasoning>",
    ],
)
def test_a_move_quoted_over_several_lines_is_no_move(text: str) -> None:
    assert GRAMMAR.find(text) is None
    assert GRAMMAR.span(text) is None
    own = f"{text}\nOFFER 60"
    assert GRAMMAR.find(own) == FormalMove("OFFER", "60")
    assert own[slice(*GRAMMAR.span(own) or ())] == "OFFER 60"


@pytest.mark.parametrize(
    "text",
    [
        'The lamp is 5" tall\nOFFER 40\nand 6" wide',
        'He said "no.\n\nOFFER 40\n\nThat is all"',
        "I can't go on.\nOFFER 40\nThat isn't the boys' fault",
        "It was 'no.\n\nOFFER 40\n\nThat is all'",
        "OFFER 40\n```\nOFFER 50\n```",
        "<think>\nOFFER 30\n</think>\nOFFER 40\nbye",
    ],
)
def test_marks_that_quote_nothing_leave_a_move_standing_where_it_is(text: str) -> None:
    assert GRAMMAR.find(text) == FormalMove("OFFER", "40")
    assert text[slice(*GRAMMAR.span(text) or ())] == "OFFER 40"
