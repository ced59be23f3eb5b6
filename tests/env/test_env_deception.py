"""Claims in utterances, and lies, errors and accusations against the hidden truth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parlour import ROLES, Play, village
from sales import sale

from sotopia_env import AgentAction, SotopiaEnv
from sotopia_env.evaluators.deception import Claim, DeceptionMetrics, claims_of
from sotopia_env.games.deduction import SpyfallParams, UndercoverParams, read_config
from sotopia_env.games.deduction.claims import WEREWOLF, Lexicon, read_claims
from sotopia_env.profiles import EnvironmentProfile
from sotopia_env.scenarios.deduction import profile_of
from sotopia_env.scenarios.social_games import spyfall_config, undercover_config

PEOPLE = ("Ada", "Bram Stoker", "Celeste", "Dorian", "O'Neil")
PLACES = ("space station", "zoo", "space")
ADA, BRAM, CELESTE, DORIAN, NEIL = range(5)


def claimed(text: str, speaker: int = DORIAN) -> list[tuple[object, ...]]:
    found = read_claims(text, PEOPLE, speaker, WEREWOLF, places=PLACES)
    return [(s.aspect, s.subject, s.value, s.is_asserted) for s in found]


# -- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("I am the seer.", ("role", DORIAN, "seer", True)),
        ("Trust me, I'm the witch!", ("role", DORIAN, "witch", True)),
        ("I\u2019m a villager", ("role", DORIAN, "villager", True)),
        ("I am not the seer", ("role", DORIAN, "seer", False)),
        ("I am not a werewolf!", ("side", DORIAN, "", False)),
        ("I am a wolf.", ("side", DORIAN, "", True)),
        ("I am innocent.", ("side", DORIAN, "", False)),
        ("Bram is a werewolf", ("side", BRAM, "", True)),
        ("bram stoker is a Werewolf", ("side", BRAM, "", True)),
        ("Ada's a werewolf", ("side", ADA, "", True)),
        ("Ada must be a werewolf because she lies", ("side", ADA, "", True)),
        ("I think Ada is a werewolf", ("side", ADA, "", True)),
        ("I do not think Ada is a werewolf.", ("side", ADA, "", False)),
        ("I doubt that Ada is the witch.", ("role", ADA, "witch", False)),
        ("It is not true that Ada is a werewolf", ("side", ADA, "", False)),
        ("Ada is innocent.", ("side", ADA, "", False)),
        ("Ada isn't a werewolf", ("side", ADA, "", False)),
        ("Ada is no werewolf", ("side", ADA, "", False)),
        ("Ada is a villager, too", ("side", ADA, "", False)),
        ("Ada is not innocent", ("side", ADA, "", True)),
        ("Ada is really not a werewolf", ("side", ADA, "", False)),
        ("O'Neil is the seer", ("role", NEIL, "seer", True)),
        ("the location is the space station.", ("location", None, "space station", True)),
        ("The location is not the Zoo, I swear", ("location", None, "zoo", False)),
        ("My word is Cat.", ("word", DORIAN, "cat", True)),
        ("my secret word isn't ice cream", ("word", DORIAN, "ice cream", False)),
    ],
)
def test_a_claim_is_read(text: str, claim: tuple[object, ...]) -> None:
    assert claimed(text) == [claim]


def test_several_claims_are_read_in_their_order() -> None:
    assert claimed("I am not the witch, but Ada is a wolf. Celeste and O'Neil are villagers!") == [
        ("role", DORIAN, "witch", False),
        ("side", ADA, "", True),
        ("side", CELESTE, "", False),
        ("side", NEIL, "", False),
    ]


def test_a_denial_reaches_no_further_than_its_clause() -> None:
    assert claimed("I do not think Ada is a werewolf, Celeste is a werewolf.") == [
        ("side", ADA, "", False),
        ("side", CELESTE, "", True),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "I inspected Bram: he is a werewolf.",
        "I have inspected Bram last night, and he is a werewolf!",
        "I checked Bram. He is a werewolf.",
        "I investigated Bram Stoker: Bram is a werewolf",
    ],
)
def test_an_inspection_is_two_claims(text: str) -> None:
    assert claimed(text) == [("inspection", BRAM, "", True), ("side", BRAM, "", True)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Good morning.",
        "Is Ada a werewolf?",
        "Ada is a werewolf?",
        'He said "Ada is a werewolf".',
        "'Ada is a werewolf'",
        "> Ada is a werewolf",
        "Celeste says Ada is a werewolf",
        "Celeste thinks that Ada is a werewolf",
        "You think I am a werewolf.",
        "If Ada is a werewolf, we have lost",
        "Maybe Ada is a werewolf.",
        "Either Ada is a werewolf or Celeste is the seer",
        "I am not sure that Ada is a werewolf",
        "I am a werewolf hunter",
        "I never inspected Ada",
        "Nobody is a werewolf",
        "He is a werewolf.",
        "You are a werewolf.",
        "Zorro is a werewolf",
        "my word is an animal",
        "my word is hard to describe",
        "my word is very long",
        "the location is nice",
        "The location is known to all of us",
    ],
)
def test_what_is_no_claim_is_left_alone(text: str) -> None:
    assert claimed(text) == []


@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(
    ["I", "am", "Ada", "and", "Celeste", "is", "not", "a", "werewolf", "the", "seer", "inspected",
     "he", ".", ",", "?", "my word is", "the location is", "zoo", '"', "\n"]), max_size=20,
).map(" ".join)))  # fmt: skip
def test_any_text_can_be_read(text: str) -> None:
    for aspect, subject, _, _ in claimed(text):
        assert (subject is None) == (aspect == "location")


def test_the_nouns_of_a_game_are_its_roles() -> None:
    lexicon = Lexicon.of(village())
    assert lexicon == WEREWOLF
    spies = spyfall_config("Here.", ("Ada", "Bram", "Cleo"), 0, "zoo", places=("zoo",), rounds=1)
    assert Lexicon.of(spies) == Lexicon(("spy",), ("non-spy",), ())
    found = read_claims("Bram and Cleo are spies. I am a non-spy.", ("Ada", "Bram", "Cleo"), 0,
                        Lexicon.of(spies))  # fmt: skip
    assert [(s.aspect, s.subject, s.value, s.is_asserted) for s in found] == [
        ("side", 1, "", True),
        ("side", 2, "", True),
        ("role", 0, "non-spy", True),
    ]


# -- against the truth ----------------------------------------------------------------------------


def claims(play: Play) -> list[tuple[object, ...]]:
    """Turn, speaker, aspect, truth as said, truth, and what the claim is."""
    names = play.core.transcript.names
    return [
        (c.turn, names[c.seat], c.aspect, c.asserted, c.actual, kind(c))
        for c in claims_of(play.core.transcript)
    ]


def kind(claim: Claim) -> str:
    return "lie" if claim.is_lie else "error" if claim.is_error else "true"


def test_a_day_in_the_village() -> None:
    """Bram and Dorian are wolves, Celeste is the seer and has inspected Bram."""
    play = Play(profile_of(village()))
    play.does(Bram="kill Finn\nI am the seer.")
    play.passes()
    play.does(Celeste="inspect Bram")
    play.passes()
    play.does(Aurora="I am a villager. Celeste is a werewolf. Bram is innocent.")
    play.does(Bram="I am the seer. I inspected Elise: she is a werewolf. Dorian is innocent.")
    play.does(Celeste="I am a villager. Bram is innocent. I checked Aurora. Dorian is innocent.")
    play.does(Dorian="Aurora is the witch. Finn is a villager.")
    assert claims(play) == [
        (4, "Aurora", "role", True, True, "true"),
        (4, "Aurora", "side", True, False, "error"),
        (4, "Aurora", "side", False, True, "error"),
        (5, "Bram", "role", True, False, "lie"),
        (5, "Bram", "inspection", True, False, "lie"),
        (5, "Bram", "side", True, False, "lie"),
        (5, "Bram", "side", False, True, "lie"),
        (6, "Celeste", "role", True, False, "lie"),
        (6, "Celeste", "side", False, True, "lie"),
        (6, "Celeste", "inspection", True, False, "lie"),
        (6, "Celeste", "side", False, True, "error"),
        (7, "Dorian", "role", True, False, "error"),
        (7, "Dorian", "side", False, False, "true"),
    ]


def test_a_seer_knows_only_after_the_inspection() -> None:
    play = Play(profile_of(village()))
    play.passes(2)
    play.does(Celeste="inspect Bram")
    play.passes(3)
    play.does(Celeste="Bram is innocent. Dorian is innocent. I inspected Dorian.")
    play.until("Night_seer")
    play.does(Celeste="inspect Dorian")
    play.until("Day_discussion")
    play.passes(2)
    play.does(Celeste="Dorian is innocent. I inspected Dorian.")
    assert [found[-1] for found in claims(play)] == ["lie", "error", "lie", "lie", "true"]


def test_a_claim_is_what_somebody_of_another_team_has_heard() -> None:
    play = Play(profile_of(village()))
    words = "I am the seer."
    play.does(Bram=f"kill Finn\n{words}", Dorian=words)  # the wolves among themselves
    play.passes()
    play.does(Celeste=f"inspect Bram\n{words}")  # nobody hears it
    play.passes(2)
    play.does(Bram=AgentAction("speak", words, ("Dorian",)))
    play.does(Celeste=AgentAction("speak", words, ("Aurora",)))
    play.does(Dorian=AgentAction("speak", words, ("Bram", "Aurora")))
    assert claims(play) == [(7, "Dorian", "role", True, False, "lie")]
    scores = DeceptionMetrics().evaluate(play.core.transcript).scores
    assert [scores[play.key(name)]["claims"] for name in ROLES] == [0, 0, 0, 1, 0, 0]


def test_who_acts_with_others_of_its_team_knows_them_and_not_the_rest() -> None:
    roles = {**ROLES, "Gwen": "Mason", "Hugo": "Mason"}
    value = village(roles).model_dump(mode="json", exclude_unset=True)
    value["state_transition"] |= {"Night_witch": "Night_masons", "Night_masons": "Day_discussion"}
    value["state_properties"]["Night_masons"] = {
        "acting_roles": ["Mason"],
        "actions": ["speak"],
        "visibility": "team",
    }
    play = Play(profile_of(read_config(value)))
    play.until("Night_masons")
    play.does(Gwen="Hugo is a werewolf.")  # they know better, and nobody else hears it
    play.until("Day_discussion")
    play.passes(6)
    play.does(Gwen="Hugo is a werewolf. Finn is a werewolf. Hugo is the seer.")
    assert [found[-1] for found in claims(play)] == ["lie", "error", "lie"]


def test_metrics_count_by_seat_and_are_silent_where_nothing_was_said() -> None:
    play = Play(profile_of(village()))
    play.passes(4)
    play.does(Aurora="Bram is a werewolf. Celeste is a werewolf. I am a villager.")
    play.does(Bram="I am a villager. Aurora is a werewolf.")
    play.does(Celeste="Good morning.")
    evaluation = DeceptionMetrics().evaluate(play.core.transcript)
    assert evaluation.source == "deception"
    assert evaluation.scores == {
        "agent_0": {
            "claims": 3.0, "accusations": 2.0, "lies": 0.0, "errors": 1.0, "right_accusations": 1.0,
        },
        "agent_1": {
            "claims": 2.0, "accusations": 1.0, "lies": 2.0, "errors": 0.0, "right_accusations": 0.0,
        },
        **{f"agent_{seat}": {"claims": 0.0, "accusations": 0.0} for seat in range(2, 6)},
    }  # fmt: skip
    assert evaluation.reasons["agent_1"] == (
        "turn 5: role villager of Bram (lie); turn 5: side of Aurora (lie)"
    )


def test_places_are_known_to_all_but_the_spy() -> None:
    names = ("Ada", "Bram", "Chloe", "Dario")
    places = ("beach", "zoo")
    config = spyfall_config("They meet.", names, 1, "zoo", places=places, rounds=3)
    params = SpyfallParams.of(config, location="zoo", places=places)
    play = Play(EnvironmentProfile(scenario="They meet.", agent_names=names, game=params))
    play.does(Ada="The location is the beach. I am not the spy. Bram is the spy.")
    play.does(Bram="The location is the beach. Ada is the spy. I am a non-spy.")
    play.does(Chloe="The location is not the beach. Dario is the spy. My word is zoo.")
    assert claims(play) == [
        (0, "Ada", "location", True, False, "lie"),
        (0, "Ada", "side", False, False, "true"),
        (0, "Ada", "side", True, True, "true"),
        (1, "Bram", "location", True, False, "error"),
        (1, "Bram", "side", True, False, "lie"),
        (1, "Bram", "role", True, False, "lie"),
        (2, "Chloe", "location", False, False, "true"),
        (2, "Chloe", "side", True, False, "error"),
    ]


def test_in_undercover_only_words_can_be_lied_about() -> None:
    names = ("Ada", "Bram", "Chloe", "Dario")
    config = undercover_config("They meet.", names, (1,), ("cat", "dog"), 4)
    words = ("cat", "dog", "cat", "cat")
    for is_blind, told in ((True, "error"), (False, "lie")):
        params = UndercoverParams.of(config, words=words, rounds=4, is_blind=is_blind)
        play = Play(EnvironmentProfile(scenario="They meet.", agent_names=names, game=params))
        play.does(Ada="My word is mouse. Bram is the undercover.")
        play.does(Bram="My word is cat. I am a civilian.")
        assert claims(play) == [
            (0, "Ada", "word", True, False, "lie"),
            (0, "Ada", "side", True, True, "true"),
            (1, "Bram", "word", True, False, "lie"),
            (1, "Bram", "role", True, False, told),
        ]


def test_other_scenarios_have_no_claims_and_no_scores() -> None:
    env = SotopiaEnv(lambda _: sale())
    env.reset(seed=0)
    env.step({"agent_0": "I am the seer."})
    assert claims_of(env.transcript) == ()
    evaluation = DeceptionMetrics().evaluate(env.transcript)
    assert evaluation.unscored == "the scenario is no game of hidden roles"
