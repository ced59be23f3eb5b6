"""Spyfall and undercover by hand, and the instances of all three families."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parlour import Play, published
from pydantic import ValidationError

from sotopia_env.errors import ScenarioError
from sotopia_env.games.deduction import SpyfallParams, UndercoverParams, read_config
from sotopia_env.games.deduction.targets import folded
from sotopia_env.games.deduction.undercover import says
from sotopia_env.profiles import EnvironmentProfile
from sotopia_env.scenarios.deduction import SPYFALL, UNDERCOVER, WEREWOLF, profile_of
from sotopia_env.scenarios.families import SPLITS, Split, load_family
from sotopia_env.scenarios.places import FEATURES, PLACES
from sotopia_env.scenarios.social_games import spyfall_config, undercover_config
from sotopia_env.scenarios.words import PAIRS

NAMES = ("Ada", "Bram", "Chloe", "Dario")
FAMILIES = {"werewolf": WEREWOLF, "spyfall": SPYFALL, "undercover": UNDERCOVER}
PLACE_LIST = ("beach", "zoo", "space station")
DESCRIPTION = "Round_description"


def spyfall(
    spy: int = 1, location: str = "zoo", *, rounds: int = 3, names: tuple[str, ...] = NAMES
) -> EnvironmentProfile:
    config = spyfall_config("They meet.", names, spy, location, places=PLACE_LIST, rounds=rounds)
    params = SpyfallParams.of(config, location=location, places=PLACE_LIST, rounds=rounds)
    return EnvironmentProfile(scenario="They meet.", agent_names=names, game=params)


def undercover(
    hidden: tuple[int, ...] = (1,),
    *,
    words: tuple[str, str] = ("cat", "dog"),
    rounds: int = 4,
    names: tuple[str, ...] = NAMES,
) -> EnvironmentProfile:
    config = undercover_config("They meet.", names, hidden, words, rounds)
    own = tuple(words[seat in hidden] for seat in range(len(names)))
    params = UndercoverParams.of(config, words=own, rounds=rounds)
    return EnvironmentProfile(scenario="They meet.", agent_names=names, game=params)


def talk(play: Play) -> None:
    while play.env.agents and play.phase != "Round_vote":
        play.does()


def vote(play: Play, **votes: str) -> None:
    talk(play)
    play.does(**{name: f"vote {target}" for name, target in votes.items()})


# -- spyfall --------------------------------------------------------------------------------------


def test_a_right_guess_wins_at_once_whatever_the_votes_are() -> None:
    play = Play(spyfall())
    talk(play)
    play.does(Ada="vote Bram", Bram="guess the Zoo!", Chloe="vote Bram", Dario="vote Bram")
    assert play.core.transcript.ending == "The spy named the location."
    assert play.core.final_rewards == {
        "agent_0": -1.0,
        "agent_1": 1.0,
        "agent_2": -1.0,
        "agent_3": -1.0,
    }


def test_a_wrong_guess_loses() -> None:
    play = Play(spyfall())
    talk(play)
    play.does(Bram="guess space station")
    assert play.core.final_rewards["agent_1"] == -1.0
    assert play.core.final_rewards["agent_0"] == 1.0


def test_a_place_that_is_not_listed_is_no_guess() -> None:
    play = Play(spyfall())
    talk(play)
    play.does(Bram="guess moon")
    assert play.core.invalid_moves == [0, 1, 0, 0]
    assert play.env.agents


def test_only_the_spy_may_guess_and_only_in_the_vote() -> None:
    play = Play(spyfall())
    assert play.view("Bram").options == ()
    talk(play)
    assert "guess zoo" in play.view("Bram").options
    assert all("guess" not in text for text in play.view("Ada").options)
    play.does(Ada="guess zoo")
    assert "only the spy may guess the place" in play.text("Ada")


def test_the_others_win_when_the_spy_is_voted_out() -> None:
    play = Play(spyfall())
    vote(play, Ada="Bram", Chloe="Bram", Bram="Ada")
    assert "[Game] Bram was voted out!" in play.text("Ada")
    assert play.core.final_rewards["agent_2"] == 1.0
    assert play.core.final_rewards["agent_1"] == -1.0


def test_the_spy_wins_when_one_other_is_left() -> None:
    play = Play(spyfall())
    vote(play, Ada="Dario", Bram="Dario")
    assert play.env.agents
    vote(play, Ada="Chloe", Bram="Chloe")
    assert play.core.transcript.ending == "The spy has not been found; the spy wins."
    assert play.core.final_rewards["agent_1"] == 1.0
    assert play.core.final_rewards["agent_3"] == -1.0


def test_the_spy_wins_after_the_last_round() -> None:
    play = Play(spyfall(rounds=2))
    assert play.view("Ada").rounds_left == 2
    vote(play)
    assert play.view("Ada").rounds_left == 1
    assert play.env.agents
    vote(play)
    assert play.core.transcript.ending == "The spy stayed hidden to the end."
    assert play.core.transcript.outcome == "over"
    assert play.core.final_rewards["agent_1"] == 1.0
    assert play.core.turn == SPYFALL.game.max_turns(spyfall(rounds=2).game) == 10


def test_a_spy_voted_out_in_the_last_round_has_lost() -> None:
    play = Play(spyfall(rounds=1))
    vote(play, Ada="Bram")
    assert play.core.final_rewards["agent_1"] == -1.0


def test_the_place_is_known_to_all_but_the_spy() -> None:
    play = Play(spyfall())
    assert play.view("Ada").location == "zoo"
    assert play.view("Ada").known == ("The location is zoo.",)
    assert play.view("Bram").location is None
    assert play.view("Bram").known == ()
    assert play.view("Bram").places == PLACE_LIST


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"location": "moon"}, "not among the places"),
        ({"places": ["zoo", "Zoo"]}, "places must differ"),
        ({"rounds": 0}, "rounds must be at least 1"),
        ({"seats": 5}, "5 seats"),
        ({"spies": 1}, "spies"),
    ],
)
def test_a_broken_game_of_spyfall_is_refused(changes: dict[str, Any], told: str) -> None:
    game = spyfall().model_dump(mode="json")["game"]
    with pytest.raises(ValidationError, match=told):
        SpyfallParams.model_validate(game | changes)


# -- undercover -----------------------------------------------------------------------------------


def test_nobody_is_told_a_role_only_a_word() -> None:
    play = Play(undercover())
    for name, word in (("Ada", "cat"), ("Bram", "dog")):
        view = play.view(name)
        assert (view.role, view.team, view.partners) == ("", "", ())
        assert view.word == word
        assert view.known == (f"Your word is {word}.",)


def test_the_first_round_of_descriptions_goes_in_the_order_of_the_seats() -> None:
    play = Play(undercover())
    for name in NAMES:
        assert play.acting == [name]
        play.does(**{name: "It has legs."})
    assert "Dario [action] It has legs." in play.text("Ada")
    assert play.acting == list(NAMES)


def test_who_says_the_own_word_is_out_at_once() -> None:
    play = Play(undercover())
    play.does(Ada="Well, everybody likes CATS.")
    assert "[Game] Ada said the word and is out!" in play.text("Bram")
    assert not play.is_alive("Ada")
    assert play.core.transcript.turns[-1].move == "say cat"
    assert play.acting == ["Bram"]
    assert play.core.invalid_moves == [0, 0, 0, 0]


def test_the_word_of_others_may_be_said() -> None:
    play = Play(undercover())
    play.does(Ada="It is no dog.")
    assert play.is_alive("Ada")


def test_an_undercover_who_says_the_own_word_has_lost() -> None:
    play = Play(undercover())
    play.does()
    play.does(Bram="a d-o-g")
    assert play.core.final_rewards["agent_1"] == -1.0
    assert play.core.final_rewards["agent_0"] == 1.0


def test_the_word_cannot_be_slipped_into_a_vote() -> None:
    play = Play(undercover(names=(*NAMES, "Elif")))
    talk(play)
    play.does(
        Ada="vote Bram\nBelieve me, it is a cat.",
        Bram="vote Ada",
        Chloe="vote Ada",
        Dario="vote Chloe",
    )
    assert [play.is_alive(name) for name in play.names] == [False, True, False, True, True]


def test_saying_the_word_never_pays_for_those_who_share_it() -> None:
    """Two who prove their word are gone; the last pair is a lost game."""
    play = Play(undercover())
    play.does(Ada="cat")
    play.does()
    play.does(Chloe="cat")
    assert play.core.transcript.ending == "The other word has not been found; it wins."
    assert play.core.final_rewards["agent_0"] == -1.0


def test_the_common_word_wins_when_both_others_are_out() -> None:
    names = (*NAMES, "Elif", "Farid")
    play = Play(undercover((1, 4), names=names))
    vote(play, Ada="Bram", Chloe="Bram")
    assert play.env.agents
    vote(play, Ada="Elif", Chloe="Elif")
    assert play.core.transcript.ending == "Nobody with another word is left; the common word wins."
    assert [play.core.final_rewards[key] for key in play.core.possible_agents] == [
        1.0, -1.0, 1.0, 1.0, -1.0, 1.0,
    ]  # fmt: skip


def test_an_undercover_among_the_last_two_has_won() -> None:
    play = Play(undercover())
    vote(play, Ada="Dario", Bram="Dario")
    vote(play, Ada="Chloe", Bram="Chloe")
    assert play.core.final_rewards["agent_1"] == 1.0


def test_an_undercover_who_lasts_all_rounds_has_won() -> None:
    play = Play(undercover(rounds=2))
    vote(play)
    vote(play)
    assert play.core.transcript.ending == "The undercover stayed hidden to the end."


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("My cat sleeps.", "cat"),
        ("CAT", "cat"),
        ("two cats", "cat"),
        ("a cat's tail", "cat"),
        ("c a t", "cat"),
        ("C.A.T.", "cat"),
        ("ca-t", "cat"),
        ('"cat"', "cat"),
        ("c\u200bat", "cat"),
        ("\uff43\uff41\uff54", "cat"),
        ("c\u00e0t", "cat"),
        ("wolves", "wolf"),
        ("knives", "knife"),
        ("cherries", "cherry"),
        ("an ice-cream", "ice cream"),
        ("ice\ncream", "ice cream"),
        ("boxes", "box"),
    ],
)
def test_a_word_is_said_in_any_form(text: str, word: str) -> None:
    assert says(text, word)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a category", "cat"),
        ("concat", "cat"),
        ("there is land", "island"),
        ("no at all", "cat"),
        ("", "cat"),
        ("dog", "cat"),
    ],
)
def test_other_words_are_not_taken_for_it(text: str, word: str) -> None:
    assert not says(text, word)


@given(before=st.text(max_size=20), after=st.text(max_size=20), pair=st.sampled_from(PAIRS))
def test_the_word_is_found_in_any_text_in_which_it_stands_alone(
    before: str, after: str, pair: tuple[str, str]
) -> None:
    assert says(f"{before} . {pair[0].upper()} . {after}", pair[0])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"words": ["cat", "dog", "cat"]}, "one for each of 4 seats"),
        ({"words": ["cat", "dog", "cat", " "]}, "one for each of 4 seats"),
        ({"rounds": 0}, "rounds must be at least 1"),
    ],
)
def test_a_broken_game_of_undercover_is_refused(changes: dict[str, Any], told: str) -> None:
    game = undercover().model_dump(mode="json")["game"]
    with pytest.raises(ValidationError, match=told):
        UndercoverParams.model_validate(game | changes)


# -- published configurations ---------------------------------------------------------------------


def test_the_published_spyfall_is_played_with_its_place_among_others() -> None:
    profile = profile_of(read_config(published("spyfall")))
    params = profile.game
    assert isinstance(params, SpyfallParams)
    assert params.location == "space station"
    assert len(params.places) == 12
    assert ", ".join(params.places) in profile.scenario
    assert all(place == place.lower() for place in params.places)
    assert "The location is: Space Station." in profile.agent_goals[0]
    assert "Space Station" not in profile.agent_goals[1]
    play = Play(profile)
    talk(play)
    play.does(Bob="guess Space Station")
    assert play.core.final_rewards["agent_1"] == 1.0


def test_the_published_undercover_is_played_with_its_words_and_roles() -> None:
    profile = profile_of(read_config(published("undercover")))
    params = profile.game
    assert isinstance(params, UndercoverParams)
    assert params.words == ("Cat", "Dog", "Cat", "Cat")
    assert "Your role: Undercover" in profile.agent_goals[1]
    play = Play(profile)
    assert play.view("Bob").role == "Undercover"
    vote(play, Alice="Bob", Charlie="Bob")
    assert play.core.transcript.ending == (
        "[Game] The Undercover has been eliminated! Civilians win."
    )
    assert play.text("Alice").endswith("[Game] The Undercover has been eliminated! Civilians win.")
    assert "[Game] [Game]" not in play.text("Alice")


# -- generated instances --------------------------------------------------------------------------


def hidden_values(profile: EnvironmentProfile) -> tuple[object, ...]:
    game: Any = profile.game
    roles = tuple(player.role for player in game.config.agents)
    return (roles, getattr(game, "location", None), getattr(game, "words", None))


@pytest.mark.parametrize("name", FAMILIES)
def test_the_families_are_registered(name: str) -> None:
    assert load_family(name) is FAMILIES[name]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("split", SPLITS)
def test_an_instance_is_the_same_every_time(name: str, split: Split) -> None:
    family = FAMILIES[name]
    for number in (0, 7, 2**31 - 1):
        assert family.draw(split, number, {}) == family.draw(split, number, {})


@pytest.mark.parametrize("name", FAMILIES)
def test_no_secret_arrangement_occurs_in_two_splits(name: str) -> None:
    seen = {
        split: {hidden_values(FAMILIES[name].draw(split, n, {})) for n in range(300)}
        for split in SPLITS
    }
    assert all(len(values) > 10 for values in seen.values())
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["validation"]
    assert not seen["validation"] & seen["test"]


@pytest.mark.parametrize(
    ("name", "options", "seats"),
    [
        *[("werewolf", {"players": str(n)}, n) for n in range(6, 13)],
        *[("spyfall", {"players": str(n)}, n) for n in range(4, 9)],
        *[("undercover", {"players": str(n)}, n) for n in range(4, 9)],
        ("undercover", {"players": "5", "undercovers": "2"}, 5),
        ("spyfall", {"places": "4", "rounds": "1"}, 4),
    ],
)
def test_options_set_the_number_of_players(
    name: str, options: Mapping[str, str], seats: int
) -> None:
    profile = FAMILIES[name].draw("train", 3, options)
    assert len(profile.agent_names) == len(profile.agent_goals) == seats
    assert len(set(profile.agent_names)) == seats
    game: Any = profile.game
    roles = [player.role for player in game.config.agents]
    if name == "werewolf":
        assert roles.count("Werewolf") == (2 if seats <= 8 else 3)
        assert roles.count("Seer") == roles.count("Witch") == 1
    else:
        hidden = "Spy" if name == "spyfall" else "Undercover"
        assert roles.count(hidden) == int(options.get("undercovers", 1))
    assert all(player in profile.scenario for player in profile.agent_names)


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("werewolf", {"players": "5"}, "unknown players of werewolf '5'"),
        ("spyfall", {"spies": "2"}, "unknown option of spyfall 'spies'"),
        ("undercover", {"undercovers": "2"}, "needs players=5 or more"),
    ],
)
def test_wrong_options_are_refused(name: str, options: dict[str, str], told: str) -> None:
    with pytest.raises(ScenarioError, match=told):
        FAMILIES[name].draw("train", 0, options)


@pytest.mark.parametrize("name", FAMILIES)
def test_an_instance_survives_json(name: str) -> None:
    profile = FAMILIES[name].draw("test", 5, {})
    read = EnvironmentProfile.model_validate_json(profile.model_dump_json())
    assert read.game is not None
    assert FAMILIES[name].params_type.model_validate(read.game.model_dump()) == profile.game
    play = Play(read)
    assert play.core.scene.params == profile.game


@pytest.mark.parametrize("name", FAMILIES)
def test_the_configuration_of_an_instance_stands_for_itself(name: str) -> None:
    profile = FAMILIES[name].draw("train", 1, {})
    game: Any = profile.game
    text = json.dumps(game.config.model_dump(mode="json", exclude_unset=True))
    assert read_config(text) == game.config


@pytest.mark.parametrize("number", range(20))
def test_goals_hold_the_own_secrets_and_no_others(number: int) -> None:
    for profile in (SPYFALL.draw("train", number, {}), UNDERCOVER.draw("train", number, {})):
        game: Any = profile.game
        for seat, goal in enumerate(profile.agent_goals):
            if isinstance(game, SpyfallParams):
                assert (f"The location is: {game.location}." in goal) != game.is_spy(seat)
            else:
                assert f"Your secret word is: {game.words[seat]}." in goal
                assert all(role not in goal for role in ("Civilian", "Undercover"))
                assert len({goal.partition("Your secret")[0] for goal in profile.agent_goals}) == 1


def test_the_pools_are_large_and_without_doubles() -> None:
    assert len(PLACES) >= 60
    assert len({folded(place) for place in PLACES}) == len(PLACES)
    assert all(features <= set(FEATURES) for features in PLACES.values())
    assert len(PAIRS) >= 120
    words = [word for pair in PAIRS for word in pair]
    assert len(set(words)) == len(words)
    assert not any(says(one, other) or says(other, one) for one, other in PAIRS)
