"""The rules of werewolf, step by step and by hand."""

import pytest
from parlour import ROLES, Play, published, village

from sotopia_env.episode import Evaluation
from sotopia_env.formats import response_of, termination_entry
from sotopia_env.games.deduction import GameConfig, read_config
from sotopia_env.moves import Invalid
from sotopia_env.scenarios.deduction import profile_of
from sotopia_env.scenarios.social_games import werewolf_config

LIVING_AFTER_A_NIGHT = ["Bram", "Celeste", "Dorian", "Elise", "Finn"]


def play_of(config: GameConfig | None = None, *, seed: int = 0, **settings: object) -> Play:
    return Play(profile_of(config or village()), seed=seed, **settings)


def night(play: Play, **moves: str) -> None:
    """Play a night; wolves, seer and witch do what is said, or nothing."""
    while play.env.agents and play.phase.startswith("Night"):
        play.does(**{name: text for name, text in moves.items() if name in play.acting})


def day(play: Play, *votes: str) -> None:
    """Everybody has spoken; then votes such as `Bram:Finn`."""
    while play.phase == "Day_discussion":
        play.does()
    play.does(**{pair.split(":")[0]: f"vote {pair.split(':')[1]}" for pair in votes})


def own_config() -> GameConfig:
    return werewolf_config("Night falls.", list(ROLES), list(ROLES.values()))


# -- the published course of a game ----------------------------------------------------------------


VERDICT = "Villagers win; no werewolves remain."


@pytest.mark.parametrize("source", ["published", "generated", "test"])
def test_b24_the_captured_game_of_six_goes_as_published_but_for_its_rewards(source: str) -> None:
    verdict = VERDICT
    if source == "published":
        play = play_of(read_config(published("werewolves")))
    elif source == "generated":
        play = play_of(own_config())
        verdict = play.core.transcript.game_state.params.config.end_conditions[0].message
    else:
        conditions = village().model_dump()["end_conditions"]
        conditions[0]["message"] = VERDICT
        play = play_of(village(end_conditions=conditions))
    assert "[Game] State: Night_werewolf. The game begins!" in play.text("Aurora")
    assert play.acting == ["Bram"]
    assert play.may("Bram") == [1, 0, 0, 1, 0]
    assert all(play.may(name) == [1, 0, 0, 0, 0] for name in ROLES if name != "Bram")

    play.does(Bram="kill Aurora")
    assert "Bram [action] kill Aurora" in play.text("Dorian")
    assert all(play.text(name) == "" for name in ("Aurora", "Celeste", "Elise", "Finn"))
    assert play.acting == ["Dorian"]

    play.does(Dorian="kill Aurora")
    assert play.acting == ["Celeste"]
    assert play.text("Finn") == "[Game] Entering state: Night_seer"

    play.does(Celeste="inspect Finn")
    assert play.acting == ["Elise"]
    assert "[Private to Celeste] Finn is on team: Villagers" in play.text("Celeste")

    play.passes()
    assert play.text("Finn") == (
        "[Game] Aurora was killed by werewolves!\n[Game] Entering state: Day_discussion"
    )
    for name in LIVING_AFTER_A_NIGHT:
        assert play.acting == [name]
        assert play.may(name) == [1, 1, 0, 0, 0]
        play.does(**{name: f"{name} speaks."})
        assert name == "Finn" or f'{name} said: "{name} speaks."' in play.text("Aurora")

    assert play.phase == "Day_vote"
    assert play.acting == LIVING_AFTER_A_NIGHT
    assert play.may("Aurora") == [1, 0, 0, 0, 0]
    play.does(
        Bram="vote Finn",
        Celeste="vote Bram",
        Dorian="vote Bram",
        Elise="vote Bram",
        Finn="vote Bram",
    )
    assert "[Game] Bram was voted out!" in play.text("Aurora")
    assert play.acting == ["Dorian"]

    play.does(Dorian="kill Finn")
    assert play.text("Bram").startswith("Dorian [action] kill Finn")
    assert play.acting == []  # the turn of Bram passes, so that nobody can count the wolves
    play.passes()
    play.does(Celeste="inspect Dorian")
    line = "[Private to Celeste] Dorian is on team: Werewolves"
    assert line in play.text("Celeste")
    assert all(line not in play.text(name) for name in ROLES if name != "Celeste")
    assert set(play.observations) == set(play.core.possible_agents)
    assert all(play.may(dead) == [1, 0, 0, 0, 0] for dead in ("Aurora", "Bram"))
    assert set(play.rewards.values()) == {0.0}

    play.does(Elise="poison Dorian")
    assert play.core.transcript.ending == verdict
    assert play.core.transcript.outcome == "over"
    assert list(play.terminations.values()) == [True] * 6
    ending = Evaluation(source="game", terminated=play.core.transcript.ending)
    comments = response_of([termination_entry(ending)]).comments
    assert comments == f"Environment comments: terminated: {verdict}\n"
    assert play.rewards == {
        "agent_0": 1.0,
        "agent_1": -1.0,
        "agent_2": 1.0,
        "agent_3": -1.0,
        "agent_4": 1.0,
        "agent_5": 1.0,
    }


def test_wolves_are_told_their_partners_and_nobody_else_is() -> None:
    play = play_of()
    assert "On your side: Dorian." in play.text("Bram")
    assert "On your side: Bram." in play.text("Dorian")
    assert play.view("Bram").partners == ("Dorian",)
    for name in ("Aurora", "Celeste", "Elise", "Finn"):
        assert "On your side" not in play.text(name)
        assert play.view(name).partners == ()


# -- the wolves -----------------------------------------------------------------------------------


def test_a_dead_wolf_still_hears_the_wolves() -> None:
    play = play_of()
    night(play)
    day(play, "Aurora:Bram", "Celeste:Bram")
    play.does(Dorian="kill Finn")
    assert "Dorian [action] kill Finn" in play.text("Bram")
    assert play.text("Finn") == ""
    play.passes()
    assert play.text("Finn") == "[Game] Entering state: Night_seer"


@pytest.mark.parametrize("target", ["Bram", "Dorian"])
def test_wolves_cannot_kill_wolves(target: str) -> None:
    play = play_of()
    play.does(Bram=f"kill {target}")
    assert play.infos["agent_1"]["note"] == (
        f"Your last move does not count: you cannot kill {target} now."
    )
    night(play, Dorian="kill Finn")
    assert not play.is_alive("Finn")


def test_the_majority_of_three_wolves_decides() -> None:
    roles = {**ROLES, "Gwen": "Werewolf", "Hugo": "Villager", "Ida": "Villager"}
    for seed in range(5):
        play = play_of(village(roles), seed=seed)
        night(play, Bram="kill Finn", Dorian="kill Hugo", Gwen="kill Hugo")
        assert not play.is_alive("Hugo")
        assert play.is_alive("Finn")


def test_wolves_who_disagree_leave_it_to_a_seeded_lot_between_their_choices() -> None:
    def killed(seed: int) -> str:
        play = play_of(seed=seed)
        night(play, Bram="kill Finn", Dorian="kill Aurora")
        (dead,) = [name for name in ROLES if not play.is_alive(name)]
        return dead

    drawn = [killed(seed) for seed in range(20)]
    assert set(drawn) == {"Finn", "Aurora"}
    assert drawn == [killed(seed) for seed in range(20)]


def test_without_a_choice_nobody_dies() -> None:
    play = play_of()
    play.until("Day_discussion")
    assert play.text("Finn") == (
        "[Game] Nobody died last night.\n[Game] Entering state: Day_discussion"
    )
    assert all(play.is_alive(name) for name in ROLES)


# -- the seer -------------------------------------------------------------------------------------


def test_an_inspection_is_seen_by_nobody_else_and_kept() -> None:
    play = play_of()
    play.passes(2)
    play.does(Celeste="inspect Bram")
    assert play.view("Celeste").inspected == (("Bram", "Werewolves"),)
    assert play.view("Celeste").known == ("Bram is on team: Werewolves",)
    for name in ROLES:
        if name != "Celeste":
            assert play.view(name).inspected == ()
            assert "inspect" not in play.text(name)


def test_the_seer_cannot_inspect_itself_or_the_dead() -> None:
    play = play_of()
    night(play, Bram="kill Finn", Dorian="kill Finn")
    day(play)
    play.passes(2)
    assert play.view("Celeste").options == (
        "inspect Aurora",
        "inspect Bram",
        "inspect Dorian",
        "inspect Elise",
    )
    play.does(Celeste="inspect Finn")
    assert "Finn is out of the game" in play.text("Celeste")


# -- the witch ------------------------------------------------------------------------------------


def test_only_the_witch_is_told_who_was_attacked() -> None:
    play = play_of()
    play.does(Bram="kill Finn")
    play.does(Dorian="kill Finn")
    play.passes()
    told = "[Private to Elise] Finn was attacked by werewolves tonight."
    assert told in play.text("Elise")
    assert all("attacked" not in play.text(name) for name in ROLES if name != "Elise")
    assert play.view("Elise").victim == "Finn"
    assert all(play.view(name).victim is None for name in ROLES if name != "Elise")


def test_the_witch_saves_tonights_victim_once_in_a_game() -> None:
    play = play_of()
    night(play, Bram="kill Finn", Dorian="kill Finn", Elise="save Finn")
    assert play.is_alive("Finn")
    assert play.text("Aurora").startswith("[Game] Nobody died last night.")
    day(play)
    night(play, Bram="kill Finn", Dorian="kill Finn", Elise="save Finn")
    assert not play.is_alive("Finn")
    assert "the potion to save with is used up" in play.text("Elise")


def test_the_witch_may_save_herself() -> None:
    play = play_of()
    night(play, Bram="kill Elise", Dorian="kill Elise", Elise="save Elise")
    assert play.is_alive("Elise")


def test_a_potion_for_somebody_who_was_not_attacked_is_not_spent() -> None:
    play = play_of()
    night(play, Bram="kill Finn", Dorian="kill Finn", Elise="save Aurora")
    assert "Aurora was not attacked tonight" in play.text("Elise")
    assert play.view("Elise").can_save
    assert not play.is_alive("Finn")


def test_nobody_can_be_saved_when_nobody_was_attacked() -> None:
    play = play_of()
    play.until("Night_witch")
    assert all(option.startswith("poison") for option in play.view("Elise").options)


def test_the_witch_poisons_once_and_not_herself_or_the_dead() -> None:
    play = play_of()
    night(play, Bram="kill Aurora", Dorian="kill Aurora", Elise="poison Elise")
    assert play.is_alive("Elise")
    assert play.view("Elise").can_poison
    day(play)
    night(play, Elise="poison Aurora")
    assert "Aurora is out of the game" in play.text("Elise")
    day(play)
    night(play, Elise="poison Bram")
    assert "[Game] Bram died during the night." in play.text("Finn")
    day(play)
    play.until("Night_witch")
    assert play.view("Elise").options == ()
    play.does(Elise="poison Dorian")
    assert "the potion to poison with is used up" in play.text("Elise")


def test_the_witch_uses_one_potion_a_night() -> None:
    play = play_of()
    night(
        play, Bram="kill Finn", Dorian="kill Finn", Elise="save Finn\npoison Bram"
    )  # the last line counts
    assert not play.is_alive("Finn")
    assert not play.is_alive("Bram")
    assert play.view("Elise").can_save
    assert not play.view("Elise").can_poison


def test_a_victim_of_wolves_and_witch_dies_once() -> None:
    play = play_of()
    night(play, Bram="kill Finn", Dorian="kill Finn", Elise="poison Finn")
    assert play.text("Aurora").startswith(
        "[Game] Finn was killed by werewolves!\n[Game] Entering state"
    )


def test_the_dead_of_a_night_fall_together_and_the_first_condition_decides() -> None:
    """One wolf and two others are left: his victim alone would give him the game."""
    play = play_of(village({"Bram": "Werewolf", "Celeste": "Seer", "Elise": "Witch"}))
    night(play, Bram="kill Celeste", Elise="poison Bram")
    assert play.core.transcript.ending == "The village wins."


def test_deaths_are_told_in_the_morning_without_a_living_witch() -> None:
    play = play_of(village({**ROLES, "Gwen": "Villager"}))
    night(play, Bram="kill Elise", Dorian="kill Elise")
    day(play)
    play.does(Bram="kill Finn")
    play.does(Dorian="kill Finn")
    assert play.acting == ["Celeste"]
    play.passes()
    assert (play.phase, play.acting) == ("Night_witch", [])
    assert play.text("Aurora") == "[Game] Entering state: Night_witch"
    play.passes()
    assert play.phase == "Day_discussion"
    assert "[Game] Finn was killed by werewolves!" in play.text("Aurora")


def test_stocks_begin_as_the_configuration_says() -> None:
    config = village()
    states = config.model_dump(mode="json", exclude_unset=True)["state_properties"]
    states["Night_witch"]["internal_state"] = {"save_available": False}
    play = play_of(village(state_properties=states))
    assert play.view("Elise").can_save is False
    assert play.view("Elise").can_poison is True
    assert play.view("Finn").can_save is None


# -- votes ----------------------------------------------------------------------------------------


def test_a_tie_puts_nobody_out() -> None:
    play = play_of()
    night(play)
    day(play, "Aurora:Bram", "Celeste:Bram", "Bram:Aurora", "Dorian:Aurora", "Finn:Elise")
    assert "[Game] The vote was tied; nobody was voted out." in play.text("Finn")
    assert all(play.is_alive(name) for name in ROLES)


def test_without_votes_nobody_is_out() -> None:
    play = play_of()
    night(play)
    day(play)
    assert "[Game] Nobody was voted out." in play.text("Finn")


@pytest.mark.parametrize("target", ["Aurora", "Celeste"])
def test_the_dead_and_oneself_cannot_be_voted_for(target: str) -> None:
    play = play_of()
    night(play, Bram="kill Aurora", Dorian="kill Aurora")
    day(play, f"Celeste:{target}")
    assert play.core.invalid_moves == [0, 0, 1, 0, 0, 0]
    assert "[Game] Nobody was voted out." in play.text("Finn")


def test_votes_are_known_to_all_when_they_have_been_cast() -> None:
    play = play_of()
    night(play)
    day(play, "Aurora:Bram", "Finn:Bram")
    assert [(b.number, b.voter, b.target) for b in play.view("Elise").ballots] == [
        (0, "Aurora", "Bram"),
        (0, "Finn", "Bram"),
    ]


def test_wolves_win_at_parity() -> None:
    play = play_of()
    night(play, Bram="kill Finn", Dorian="kill Finn")
    day(play, "Bram:Aurora", "Dorian:Aurora")
    assert play.core.transcript.ending == "The wolves win."
    assert [play.rewards[key] for key in play.core.possible_agents] == [-1, 1, -1, 1, -1, -1]


# -- who has left ---------------------------------------------------------------------------------


def test_a_leaver_counts_as_out() -> None:
    config = village()
    states = config.model_dump(mode="json", exclude_unset=True)["state_properties"]
    states["Day_discussion"]["actions"] = ["speak", "leave"]
    play = play_of(village(state_properties=states))
    night(play)
    gone = [name for name, role in ROLES.items() if role == "Werewolf"]
    while play.env.agents:
        name = play.acting[0]
        action = {"action_type": "leave", "argument": ""} if name in gone else "Good morning."
        play.does(**{name: action})
    assert play.core.transcript.ending == "The village wins."
    assert play.core.final_rewards == {
        key: (-1.0 if name in gone else 1.0) for key, name in play.core.transcript.names.items()
    }


def test_a_victim_who_leaves_in_the_night_is_not_killed_as_well() -> None:
    roles = {**ROLES, "Gwen": "Villager"}
    play = play_of(village(roles))
    play.does(Bram="kill Elise")
    play.does(Dorian="kill Elise")
    play.passes()
    game, state = play.core.transcript.game, play.core.transcript.game_state
    after = game.apply(game.depart(state, [4]), {})
    assert after.phase == "Day_discussion"
    assert [news.text for news in after.news][-2:] == [
        "Nobody died last night.",
        "Entering state: Day_discussion",
    ]


def test_a_move_of_another_phase_does_not_count() -> None:
    play = play_of()
    game, state = play.core.transcript.game, play.core.transcript.game_state
    assert game.parse("vote Aurora", state, 1) == Invalid("vote is not possible now; use kill NAME")
    assert game.parse("kill Aurora", state, 3) == Invalid("you are not on turn")
