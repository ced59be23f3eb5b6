"""Configurations, the phase machine and its moves, secrets, and whole random plays."""

import copy
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parlour import ROLES, Play, at_random, published, village

from sotopia_env import AgentProfile, EnvironmentProfile, SotopiaEnv, parallel_env
from sotopia_env.errors import ConfigurationError, ScenarioError
from sotopia_env.games.deduction import (
    GameConfig,
    SpyfallParams,
    UndercoverParams,
    Werewolf,
    WerewolfParams,
    read_config,
)
from sotopia_env.games.deduction.targets import Move, NameGrammar, folded, resolve
from sotopia_env.games.protocol import Game, PhasedGame
from sotopia_env.moves import FormalMove, Invalid
from sotopia_env.scenarios.deduction import SPYFALL, UNDERCOVER, WEREWOLF, profile_of
from sotopia_env.testing import check_env, check_game

FAMILIES = {"werewolf": WEREWOLF, "spyfall": SPYFALL, "undercover": UNDERCOVER}
GRAMMAR = NameGrammar("kill", "inspect", "save", "poison", "vote")


def as_json(**changes: object) -> dict[str, Any]:
    value: dict[str, Any] = village().model_dump(mode="json", exclude_unset=True)
    return value | changes


def simple(
    phases: dict[str, dict[str, object]], teams: str = "AAABB", **changes: object
) -> GameConfig:
    """Players of two teams in a ring of phases, without anything that the rules know."""
    names = list(phases)
    return read_config(
        {
            "scenario": "Council",
            "agents": [
                {"name": f"Player{i}", "role": f"Role{team}", "team": team}
                for i, team in enumerate(teams)
            ],
            "initial_state": names[0],
            "state_transition": dict(zip(names, [*names[1:], names[0]], strict=True)),
            "state_properties": phases,
            "end_conditions": [
                {"type": "team_eliminated", "team": "B", "winner": "A", "message": "A wins."},
                {"type": "parity", "team": "B", "other": "A", "winner": "B", "message": "B wins."},
            ],
            **changes,
        }
    )


TALK: dict[str, object] = {"actions": ["speak"], "action_order": "round-robin"}
VOTE: dict[str, object] = {"actions": ["action"], "action_order": "simultaneous"}


# -- configurations -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["werewolves", "spyfall", "undercover"])
def test_a_published_configuration_is_read_and_written_without_loss(name: str) -> None:
    value = published(name)
    config = read_config(json.dumps(value))
    assert config == read_config(value)
    assert config.model_dump(mode="json", exclude_unset=True) == value


@pytest.mark.parametrize("name", ["werewolves", "spyfall", "undercover"])
def test_a_published_configuration_is_played_to_its_end(name: str) -> None:
    for seed in range(10):
        play = Play(profile_of(read_config(published(name))), seed=seed)
        rng = np.random.default_rng(seed)
        while play.env.agents:
            at_random(play, rng)
        assert play.core.transcript.outcome == "over"


def test_our_own_configuration_is_read_and_written_without_loss() -> None:
    assert read_config(as_json()).model_dump(mode="json", exclude_unset=True) == as_json()


def with_state(state: str, **properties: object) -> dict[str, Any]:
    value = as_json()
    value["state_properties"][state] |= properties
    return value


def with_end(number: int, **changes: object) -> dict[str, Any]:
    value = as_json()
    value["end_conditions"][number] |= changes
    return value


def with_agent(number: int, **changes: object) -> dict[str, Any]:
    value = as_json()
    value["agents"][number] |= changes
    return value


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (as_json(rounds=3), "rounds: Extra inputs"),
        (with_state("Day_vote", colour="red"), "state_properties.Day_vote.colour: Extra inputs"),
        (with_agent(0, age=30), "agents.0.age: Extra inputs"),
        (as_json(agents=as_json()["agents"][:1]), "agents: Tuple should have at least 2"),
        (with_agent(1, name="aurora"), "agents.1.name: 'aurora' stands twice"),
        (with_agent(1, name=" "), "agents.1.name: must be one line"),
        (with_agent(1, team="Villagers"), "agents.3.team: role 'Werewolf' is of team 'Villagers'"),
        (as_json(initial_state="Noon"), "initial_state: unknown state 'Noon'"),
        (
            as_json(state_transition={**as_json()["state_transition"], "Day_vote": "Noon"}),
            "state_transition.Day_vote: unknown state 'Noon'",
        ),
        (
            as_json(state_properties={**as_json()["state_properties"], "Noon": {}}),
            "state_properties: unknown state 'Noon'",
        ),
        (
            with_state("Night_seer", acting_roles=["Sear"]),
            "state_properties.Night_seer.acting_roles: unknown role 'Sear'. Did you mean 'Seer'",
        ),
        (as_json(role_goals={"Hunter": "Hunt."}), "role_goals: unknown role 'Hunter'"),
        (as_json(role_secrets={"Hunter": "Hush."}), "role_secrets: unknown role 'Hunter'"),
        (with_state("Day_vote", actions=["shout"]), "state_properties.Day_vote.actions.0: Input"),
        (
            with_state("Day_vote", visibility="secret"),
            "state_properties.Day_vote.visibility: Input should be 'public', 'team' or 'private'",
        ),
        (
            with_state("Day_vote", action_order="agent-chosen"),
            "state_properties.Day_vote.action_order: Input should be 'round-robin'",
        ),
        (with_end(0, type="turns"), "end_conditions.0.type: Input"),
        (with_end(0, team="Wolves"), "end_conditions.0.team: unknown team 'Wolves'"),
        (with_end(0, winner="Nobody"), "end_conditions.0.winner: unknown team 'Nobody'"),
        (with_end(1, other=None), "end_conditions.1.other: parity needs"),
        (with_end(1, other="Wolves"), "end_conditions.1.other: unknown team"),
        (
            with_end(1, team="Villagers", other="Werewolves"),
            "end_conditions.1: parity holds before the game has begun",
        ),
        ([], "Input should be a valid dictionary"),
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_a_broken_configuration_is_refused_with_its_field(value: Any, told: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read_config(value)
    assert told in str(caught.value)
    assert isinstance(caught.value, ConfigurationError)


NOBODY: list[dict[str, object]] = [{"acting_roles": []}, {"actions": []}, {"actions": ["none"]}]


@pytest.mark.parametrize("nobody", NOBODY)
def test_a_cycle_in_which_nobody_can_ever_act_is_refused(nobody: dict[str, object]) -> None:
    phases = {"Dawn": TALK, "Noon": {**TALK, **nobody}, "Dusk": {**TALK, **nobody}}
    assert simple(phases).initial_state == "Dawn"  # a cycle through Dawn
    with pytest.raises(ScenarioError, match="nobody can ever act in the cycle Noon -> Dusk"):
        simple(phases, state_transition={"Dawn": "Noon", "Noon": "Dusk", "Dusk": "Noon"})


def test_the_team_the_others_look_for_is_the_one_that_can_be_eliminated() -> None:
    assert village().hidden_team == "Werewolves"
    assert simple({"Vote": VOTE}).hidden_team == "B"
    assert simple({"Vote": VOTE}, "ABB", end_conditions=[]).hidden_team == "A"


# -- the machine ----------------------------------------------------------------------------------


def test_the_families_keep_the_contract_of_a_phased_game() -> None:
    game: Game[Any, Any, Any, Any] = Werewolf()
    phased: PhasedGame[Any, Any, Any, Any] = Werewolf()
    assert game.seats == 0
    assert phased.is_phased


def test_a_configuration_that_no_rules_know_is_played_by_votes() -> None:
    play = Play(profile_of(simple({"Talk": TALK, "Choice": VOTE})))
    for number in range(5):
        assert play.acting == [f"Player{number}"]
        play.passes()
    play.does(Player0="vote Player4", Player1="vote Player4")
    assert "[Game] Player4 was voted out!" in play.text("Player0")
    play.passes(4)
    play.does(Player0="vote Player3")
    assert play.core.transcript.ending == "A wins."


def test_a_state_called_a_vote_is_one_in_any_order() -> None:
    play = Play(profile_of(simple({"Last_vote": {"actions": ["action"]}})))
    play.does(Player0="vote Player3")
    play.does(Player1="vote Player3")
    assert play.is_alive("Player3")
    play.passes(3)
    assert not play.is_alive("Player3")


def test_a_state_without_properties_is_one_of_public_speech() -> None:
    play = Play(profile_of(simple({"Talk": {}, "Choice": VOTE}, state_properties={"Choice": VOTE})))
    assert play.may("Player0") == [1, 1, 0, 0, 0]
    play.does(Player0="Good morning.")
    assert play.text("Player4") == 'Player0 said: "Good morning."'


@pytest.mark.parametrize("order", ["round-robin", "simultaneous", "random"])
def test_states_without_an_order_take_that_of_the_environment(order: str) -> None:
    play = Play(profile_of(simple({"Talk": {}, "Choice": VOTE})), action_order=order)
    if order == "simultaneous":
        assert len(play.acting) == 5
        play.passes()
    else:
        acted = []
        for _ in range(5):
            (name,) = play.acting
            acted.append(name)
            play.passes()
        assert sorted(acted) == [f"Player{i}" for i in range(5)]
        assert (acted == sorted(acted)) == (order == "round-robin")
    assert play.phase == "Choice"


def test_a_random_order_picks_everybody_once_a_phase_and_differs_between_phases() -> None:
    play = Play(profile_of(simple({"Talk": {**TALK, "action_order": "random"}})))
    rounds = []
    for _ in range(6):
        seats = []
        for _ in range(5):
            seats += play.acting
            play.passes()
        assert len(set(seats)) == 5
        rounds.append(tuple(seats))
    assert len(set(rounds)) > 1


def test_a_phase_in_which_nobody_can_act_takes_no_turn() -> None:
    phases = {"Choice": VOTE, "Dream": {**TALK, "acting_roles": ["RoleC"]}, "Talk": TALK}
    config = simple(
        phases,
        agents=[
            {"name": f"Player{i}", "role": f"Role{role}", "team": "B" if role == "B" else "A"}
            for i, role in enumerate("AAACB")
        ],
    )
    play = Play(profile_of(config))
    play.does(Player0="vote Player3")
    assert play.phase == "Talk"
    assert play.text("Player0").endswith("Entering state: Dream\n[Game] Entering state: Talk")


def test_a_game_in_which_nobody_can_act_any_more_ends_without_a_winner() -> None:
    config = simple(
        {"Choice": {**VOTE, "acting_roles": ["RoleC"]}},
        agents=[
            {"name": f"Player{i}", "role": f"Role{role}", "team": "B" if role == "B" else "A"}
            for i, role in enumerate("AAACCB")
        ],
    )
    play = Play(profile_of(config))
    play.does(Player3="vote Player4")
    play.does(Player3="vote Player0")
    assert play.env.agents
    state = play.core.transcript.game_state
    gone = Werewolf().depart(state, [3])
    assert gone.verdict == "Nobody can act any more, and nobody has won."
    assert Werewolf().utilities(gone) == (0.0,) * 6
    assert Werewolf().acting(gone) == ()


def test_private_words_stay_private_in_a_public_phase() -> None:
    play = Play(profile_of(simple({"Talk": TALK, "Choice": VOTE})))
    play.does(Player0={"action_type": "speak", "argument": "psst", "to": ["Player2"]})
    assert "psst" in play.text("Player2")
    assert all("psst" not in play.text(f"Player{i}") for i in (1, 3, 4))


def test_a_message_cannot_leave_the_team_in_a_phase_of_the_team() -> None:
    play = Play(profile_of(village()))
    play.does(Bram={"action_type": "action", "argument": "kill Finn", "to": ["Aurora"]})
    assert play.text("Aurora") == ""
    assert play.text("Dorian") == ""
    play.passes()
    assert play.core.transcript.game_state.victim == 5


def test_what_is_said_plainly_in_a_phase_of_actions_is_an_action() -> None:
    play = Play(profile_of(village()))
    play.does(Bram="kill Finn")
    assert play.text("Dorian") == "Bram [action] kill Finn"
    assert play.core.transcript.turns[-1].move == "kill Finn"


def test_the_limit_of_turns_is_enough_and_cut_off_games_are_drawn() -> None:
    params = WerewolfParams.of(village())
    assert params.round_turns == 2 + 1 + 1 + 6 + 1
    assert Werewolf().max_turns(params) == 11 * 12
    play = Play(profile_of(village()), max_turns=3)
    play.passes(3)
    assert play.core.transcript.outcome == "turn limit"
    assert set(play.core.final_rewards.values()) == {0.0}


def test_stakes_and_solution_are_those_of_a_game_that_one_team_wins() -> None:
    params = WerewolfParams.of(village())
    stakes, solution = Werewolf().stakes(params), Werewolf().solution(params)
    assert stakes.disagreement == solution.disagreement == (0.0,) * 6
    assert stakes.ideal == solution.ideal == (1.0,) * 6
    assert solution.frontier == ((1, -1, 1, -1, 1, 1), (-1, 1, -1, 1, -1, -1))
    assert solution.nash is None


def test_a_parameter_set_with_a_name_too_few_is_refused() -> None:
    params = WerewolfParams.of(village()).model_dump()
    with pytest.raises(ValueError, match="6 agents, 5 names and 6 seats"):
        WerewolfParams.model_validate({**params, "names": params["names"][:5]})


def test_characters_take_the_seats_with_their_names() -> None:
    people = [AgentProfile(first_name=f"Ann{i}", last_name="van der Berg") for i in range(6)]
    env = parallel_env(profile_of(village()), agents=people)
    observations, _ = env.reset(seed=0)
    assert "On your side: Ann3 van der Berg." in observations["agent_1"]["text"]
    assert "Bram" not in observations["agent_1"]["text"]
    env.step({"agent_1": "kill ann5 van der Berg."})
    assert env.transcript.turns[-1].move == "kill Ann5 van der Berg"


# -- moves in text --------------------------------------------------------------------------------

PEOPLE = ("Aurora", "Bram Stoker", "Bram Kolb", "O'Neil", 'Jack "the Hat" Vie', "Jos\u00e9 Cruz")
NAMES = dict.fromkeys(("kill", "inspect", "save", "poison", "vote"), PEOPLE)


def read(text: str) -> Any:
    return GRAMMAR.read(text, NAMES, is_lenient=False)


@pytest.mark.parametrize(
    ("text", "move"),
    [
        ("vote Aurora", ("vote", "Aurora")),
        ("VOTE aurora!", ("vote", "Aurora")),
        ("  Vote: Aurora.  ", ("vote", "Aurora")),
        ("**vote Aurora**", ("vote", "Aurora")),
        ("vote for Aurora", ("vote", "Aurora")),
        ("vote bram stoker", ("vote", "Bram Stoker")),
        ("kill Bram   Kolb", ("kill", "Bram Kolb")),
        ("vote o'neil", ("vote", "O'Neil")),
        ("vote jack", ("vote", 'Jack "the Hat" Vie')),
        ('vote Jack "the Hat" Vie', ("vote", 'Jack "the Hat" Vie')),
        ("vote JOS\u00c9", ("vote", "Jos\u00e9 Cruz")),
        ("I have thought about it.\nvote Aurora\nThat is all.", ("vote", "Aurora")),
        ("vote Aurora\nvote O'Neil", ("vote", "O'Neil")),
        ("vote Aurora\nVote with your heads, my friends", ("vote", "Aurora")),
    ],
)
def test_moves_are_read(text: str, move: tuple[str, str]) -> None:
    assert read(text) == Move(*move)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("vote Bram", "may be Bram Stoker or Bram Kolb; use the full name"),
        ("vote Zorro", "nobody and nothing here is called 'Zorro'"),
        ("vote Aurora, kill O'Neil", "two different moves on one line"),
        ("vote Aurora vote O'Neil", "two different moves on one line"),
        ("vote Aurora and O'Neil", "two different moves on one line"),
        ("vote Aurora because she lies", "write `vote Aurora` alone on a line"),
        ("I vote for Aurora", "write `vote Aurora` alone on a line"),
        ("I vote Bram Kolb, sorry", "write `vote Bram Kolb` alone on a line"),
    ],
)
def test_near_moves_are_answered(text: str, told: str) -> None:
    found = read(text)
    assert isinstance(found, Invalid)
    assert told in found.reason


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Good morning.",
        "I shall vote later.",
        "Aurora is kind.",
        'He said "vote Aurora".',
        '"vote Aurora"',
        "```\nvote Aurora\n```",
        "> vote Aurora",
        "Vote as you like, but do not forget the night",
        "votes Aurora",
        "vote",
    ],
)
def test_what_is_no_move_is_left_alone(text: str) -> None:
    assert read(text) is None


def test_what_only_resembles_a_move_is_left_alone_where_none_can_be_made() -> None:
    assert GRAMMAR.read("vote Zorro", NAMES, is_lenient=True) is None
    assert GRAMMAR.read("I vote for Aurora", NAMES, is_lenient=True) is None
    assert GRAMMAR.read("vote Aurora", NAMES, is_lenient=True) == Move("vote", "Aurora")


def test_the_grammar_answers_what_other_grammars_answer() -> None:
    text = "Well.\nvote Aurora\nDone."
    assert GRAMMAR.find(text) == FormalMove("vote", "Aurora")
    assert GRAMMAR.span(text) == (6, 17)
    assert text[6:17] == "vote Aurora"
    assert GRAMMAR.is_whole(" vote Aurora ")
    assert not GRAMMAR.is_whole(text)
    assert GRAMMAR.find("Well.") is GRAMMAR.span("Well.") is None


person = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Cf", "Zl", "Zp")), min_size=1, max_size=12
).map(str.strip)


@given(names=st.lists(person.filter(bool), min_size=1, max_size=6), data=st.data())
def test_a_full_name_is_found_among_names_that_differ(
    names: list[str], data: st.DataObject
) -> None:
    people = tuple({folded(name): name for name in names}.values())
    wanted = data.draw(st.sampled_from(people))
    assert resolve(wanted, people) == wanted


words = st.sampled_from(["vote", "kill", "Aurora", "O'Neil", "and", "the", ",", "\n", '"', "x", ""])


@given(st.one_of(st.text(max_size=200), st.lists(words, max_size=15).map(" ".join)))
def test_any_text_is_a_move_of_somebody_known_a_complaint_or_nothing(text: str) -> None:
    found = read(text)
    if isinstance(found, Move):
        assert found.keyword in NAMES
        assert found.target in PEOPLE
        assert read(f"{found.keyword} {found.target}") == found
    else:
        assert found is None or found.reason


@given(
    st.sampled_from(sorted(NAMES)),
    st.sampled_from(PEOPLE),
    st.sampled_from(["{} {}", "{}: {}", " {}  {} ", "{} {}.", "Listen.\n{} {}", "{} {}!\nBye."]),
    st.sampled_from([str, str.upper, str.lower, str.title]),
)
def test_a_full_name_in_any_case_is_read(keyword: str, name: str, form: str, case: Any) -> None:
    if case is str.title and name == "O'Neil":
        case = str
    assert read(form.format(case(keyword), case(name))) == Move(keyword, name)


# -- secrets --------------------------------------------------------------------------------------


def marked_village() -> GameConfig:
    """Every role and team has a name that occurs nowhere else."""
    roles = ["Xone", "Xtwo", "Xthree", "Xfour", "Xfive", "Xsix"]
    wolves = {"Xtwo", "Xfour"}
    states = as_json()["state_properties"]
    states["Night_werewolf"]["acting_roles"] = sorted(wolves)
    states["Night_seer"]["acting_roles"] = ["Xthree"]
    states["Night_witch"]["acting_roles"] = ["Xfive"]
    return read_config(
        as_json(
            agents=[
                {"name": name, "role": role, "team": "Qdark" if role in wolves else "Qlight"}
                for name, role in zip(ROLES, roles, strict=True)
            ],
            role_goals={role: f"Goal of {role}." for role in roles},
            role_secrets={role: f"Secret of {role}." for role in roles},
            state_properties=states,
            end_conditions=[
                {"type": "team_eliminated", "team": "Qdark", "winner": "Qlight", "message": "Over"},
                {"type": "parity", "team": "Qdark", "other": "Qlight", "winner": "Qdark"}
                | {"message": "Over"},
            ],
        )
    )


@pytest.mark.parametrize("seed", range(15))
def test_no_seat_sees_a_role_a_team_or_a_private_word_of_others(seed: int) -> None:
    play = Play(profile_of(marked_village()), seed=seed)
    rng = np.random.default_rng(seed)
    roles = [player.role for player in marked_village().agents]
    wolves, seer = (1, 3), 2
    number = 0
    while play.env.agents:
        phase, number = play.phase, number + 1
        actions = {}
        for key in play.env.turn_order:
            options = play.infos[key]["game"].options
            move = options[int(rng.integers(len(options)))] if options else "Hello."
            actions[key] = f"{move}\nZ{phase}{number}."
        play.observations, _, _, _, play.infos = play.env.step(actions)
        for seat, key in enumerate(play.core.possible_agents):
            shown = "\n".join(
                [
                    play.observations[key]["text"],
                    repr(play.infos[key]),
                    play.core.history(key),
                    repr(play.view(play.names[seat])),
                ]
            )
            assert all(role not in shown for other, role in enumerate(roles) if other != seat)
            assert (seat in wolves) or "ZNight_werewolf" not in shown
            assert (seat == 2) or "ZNight_seer" not in shown
            assert (seat == 4) or "ZNight_witch" not in shown
            assert seat in (*wolves, seer) or "Qdark" not in shown
            assert seat not in wolves or "Qlight" not in shown


def played(profile: EnvironmentProfile, seed: int, watcher: int) -> list[Any]:
    """All that one seat is shown while everybody acts at random."""
    play = Play(profile, seed=seed)
    rng = np.random.default_rng(seed)
    key = play.core.possible_agents[watcher]
    shown: list[Any] = []
    while play.env.agents:
        own = play.infos[key]
        shown += [play.observations[key]["text"], own.get("game"), own["heard"]]
        actions = {}
        for other in play.env.turn_order:
            votes = [text for text in play.infos[other]["game"].options if text[:4] == "vote"]
            said = votes[int(rng.integers(len(votes)))] if votes else "Quite so."
            actions[other] = said
        play.observations, _, _, _, play.infos = play.env.step(actions)
    return shown


@pytest.mark.parametrize("seed", range(10))
def test_to_the_spy_all_places_look_alike(seed: int) -> None:
    profile = SPYFALL.draw("train", seed, {})
    params = profile.game
    assert isinstance(params, SpyfallParams)
    spy = next(seat for seat in range(4) if params.is_spy(seat))
    games = []
    for place in params.places[:3]:
        goals = tuple(
            goal.replace(f"is: {params.location}.", f"is: {place}.") for goal in profile.agent_goals
        )
        changed = params.model_copy(update={"location": place})
        other = profile.model_copy(update={"game": changed, "agent_goals": goals})
        games.append(played(other, seed, spy))
    assert games[0] == games[1] == games[2]


@pytest.mark.parametrize("seed", range(10))
def test_a_player_of_undercover_knows_its_own_word_alone(seed: int) -> None:
    profile = UNDERCOVER.draw("train", seed, {})
    params = profile.game
    assert isinstance(params, UndercoverParams)
    for seat in range(params.seats):
        games = []
        for word in ("first", "second"):
            words = tuple(own if one == seat else word for one, own in enumerate(params.words))
            goals = tuple(
                goal if one == seat else word for one, goal in enumerate(profile.agent_goals)
            )
            changed = params.model_copy(update={"words": words})
            other = profile.model_copy(update={"game": changed, "agent_goals": goals})
            games.append(played(other, seed, seat))
        assert games[0] == games[1]


# -- whole plays ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_random_plays_end_by_the_rules_with_one_team_as_winner(name: str) -> None:
    family = FAMILIES[name]
    for seed in range(300):
        profile = family.draw("train", seed, {})
        game: Any = family.game
        params: Any = profile.game
        limit = game.max_turns(params)
        env = SotopiaEnv(lambda _, p=profile: p, seats=params.seats, max_turns=limit)
        env.reset(seed=seed)
        rng = np.random.default_rng(seed)
        alive = (True,) * params.seats
        while env.agents:
            state = env.transcript.game_state
            assert env.turn_order or state.phase.startswith("Night")
            assert all(state.alive[int(key.removeprefix("agent_"))] for key in env.turn_order)
            assert all(was or not now for was, now in zip(alive, state.alive, strict=True))
            alive = state.alive
            for key in env.turn_order:
                for move in family.game.legal_moves(state, int(key.removeprefix("agent_"))):
                    dead = [n for n, is_in in zip(params.names, alive, strict=True) if not is_in]
                    assert move.target not in dead
            env.step({key: env.sample_move(key, rng) for key in env.turn_order})
        assert env.transcript.outcome == "over"
        assert env.transcript.ending
        state = env.transcript.game_state
        utilities = family.game.utilities(state)
        size = sum(player.team == state.winner for player in params.config.agents)
        assert sum(utilities) == size - (params.seats - size)
        assert env.invalid_moves == [0] * params.seats


@pytest.mark.parametrize("name", FAMILIES)
def test_the_rules_keep_the_laws_of_a_game(name: str) -> None:
    check_game(FAMILIES[name].game, FAMILIES[name].draw("train", 2, {}).game)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_environment_keeps_its_contract_with_them(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check_env(lambda: parallel_env(name))


def course(play: Play, seed: int, turns: int = 10_000) -> list[str]:
    rng = np.random.default_rng(seed)
    texts = [play.text(name) for name in play.names]
    while play.env.agents and turns:
        at_random(play, rng)
        texts += [play.text(name) for name in play.names if play.key(name) in play.observations]
        turns -= 1
    return texts


@pytest.mark.parametrize("name", FAMILIES)
def test_the_second_game_in_an_environment_equals_the_first(name: str) -> None:
    profile = FAMILIES[name].draw("train", 0, {})
    play = Play(profile, seed=4)
    first = course(play, 1)
    for _ in range(2):
        play.observations, play.infos = play.env.reset(seed=4)
        assert course(play, 1) == first
    play.observations, play.infos = play.env.reset(seed=4)
    course(play, 1, turns=3)
    play.observations, play.infos = play.env.reset(seed=4)
    assert course(play, 1) == first


def test_another_seed_is_another_game() -> None:
    profile = profile_of(village())
    courses = {tuple(course(Play(profile, seed=seed), 1)) for seed in range(20)}
    assert len(courses) > 1


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_position_in_the_middle_of_a_phase_is_continued_exactly(name: str, turns: int) -> None:
    play = Play(FAMILIES[name].draw("train", 3, {}), seed=1)
    course(play, 2, turns)
    assert play.env.agents
    snapshot, shown = play.core.snapshot(), copy.deepcopy((play.observations, play.infos))
    first = course(play, 5)
    rewards, history = dict(play.core.final_rewards), play.core.history("agent_0")
    play.env.restore(snapshot)
    play.observations, play.infos = shown
    assert course(play, 5) == first
    assert play.core.final_rewards == rewards
    assert play.core.history("agent_0") == history
