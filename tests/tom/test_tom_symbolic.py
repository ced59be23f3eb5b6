"""Beliefs worked out by hand, and the tracker against the simulator on random stories."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sotopia_tom import Announcement, BeliefTracker, Entry, Exit, Move, StoryError, read_story
from sotopia_tom import symbolic as symbolic_module
from sotopia_tom.stories.acts import Enter, Leave, Place, Put, Remark
from sotopia_tom.stories.world import World

ADA, BEN, CARL = "Ada", "Ben", "Carl"
TOGETHER = [Entry(ADA, "attic"), Entry(BEN, "attic"), Announcement("coin", "jar", "attic")]
MOVED = Move(ADA, "coin", "sack")


def test_docstring_example_holds():
    assert doctest.testmod(symbolic_module).failed == 0


def test_who_stays_sees_the_move():
    tracker = BeliefTracker([*TOGETHER, MOVED])
    assert tracker.belief("coin", [BEN]) == "sack"
    assert tracker.belief("coin", [ADA, BEN]) == "sack"


def test_who_left_keeps_the_old_belief_and_others_know_it():
    tracker = BeliefTracker([*TOGETHER, Exit(BEN), MOVED])
    assert tracker.belief("coin", [BEN]) == "jar"
    assert tracker.belief("coin", [ADA]) == "sack"
    assert tracker.belief("coin", [ADA, BEN]) == "jar"
    assert tracker.belief("coin", [BEN, ADA]) == "jar"


def test_coming_back_shows_the_contents_to_all_present():
    tracker = BeliefTracker([*TOGETHER, Exit(BEN), MOVED, Entry(BEN, "attic")])
    assert tracker.belief("coin", [BEN]) == "sack"
    assert tracker.belief("coin", [ADA, BEN]) == "sack"


def test_closed_containers_show_nothing_on_entry():
    events = [*TOGETHER, Exit(BEN), MOVED, Entry(BEN, "attic")]
    assert BeliefTracker(events, open_containers=False).belief("coin", [BEN]) == "jar"


def test_second_order_false_belief_when_the_mover_has_gone_before_the_return():
    tracker = BeliefTracker([*TOGETHER, Exit(BEN), MOVED, Exit(ADA), Entry(BEN, "attic")])
    assert tracker.belief("coin", [BEN]) == "sack"
    assert tracker.belief("coin", [ADA, BEN]) == "jar"
    assert tracker.belief("coin", [BEN, ADA]) == "jar"


def test_another_room_shows_nothing():
    tracker = BeliefTracker([*TOGETHER, Exit(BEN), Entry(BEN, "shed"), MOVED])
    assert tracker.belief("coin", [BEN]) == "jar"


def test_order_zero_is_the_start_and_the_end():
    tracker = BeliefTracker([*TOGETHER, Exit(BEN), MOVED])
    assert tracker.first_container("coin") == "jar"
    assert tracker.belief("coin") == "sack"


def test_reality_is_known_even_when_nobody_is_there_to_see_it():
    tracker = BeliefTracker([Announcement("coin", "jar", "attic"), Entry(ADA, "shed")])
    assert tracker.belief("coin") == "jar"
    assert tracker.belief("coin", [ADA]) is None


def test_third_order_belief_is_the_last_sight_of_all_three():
    # jar: Ada, Ben, Carl. box: Ada, Ben. sack: Ada alone.
    tracker = BeliefTracker(
        [
            Entry(CARL, "attic"),
            *TOGETHER,
            Exit(CARL),
            Move(ADA, "coin", "box"),
            Exit(BEN),
            MOVED,
        ]
    )
    assert tracker.belief("coin", [ADA, BEN, CARL]) == "jar"
    assert tracker.belief("coin", [CARL, ADA, BEN]) == "jar"
    assert tracker.belief("coin", [ADA, BEN, ADA]) == "box"
    assert tracker.belief("coin", [ADA, ADA]) == "sack"


def test_a_bystander_changes_nothing_between_the_others():
    events = [*TOGETHER, Exit(BEN), MOVED, Exit(ADA), Entry(BEN, "attic")]
    for position in range(len(events) + 1):
        with_carl = [*events[:position], Entry(CARL, "attic"), *events[position:]]
        tracker = BeliefTracker(with_carl)
        assert tracker.belief("coin", [ADA, BEN]) == "jar"
        assert tracker.belief("coin", [BEN]) == "sack"


def test_unnamed_room_is_that_of_the_first_mover():
    # Carl enters the shed last, yet the coin is where Ada later moves it: in the attic.
    events = [Entry(ADA, "attic"), Entry(CARL, "shed"), Announcement("coin", "jar"), MOVED]
    tracker = BeliefTracker(events)
    assert tracker.belief("coin", [ADA]) == "sack"
    assert tracker.belief("coin", [CARL]) is None


def test_unnamed_room_of_a_thing_never_moved_is_the_last_one_entered():
    events = [Entry(ADA, "attic"), Entry(CARL, "shed"), Announcement("coin", "jar")]
    tracker = BeliefTracker(events)
    assert tracker.belief("coin", [CARL]) == "jar"
    assert tracker.belief("coin", [ADA]) is None


def test_deleting_an_unseen_move_leaves_the_absent_belief():
    with_move = [*TOGETHER, Exit(BEN), MOVED]
    without_move = [*TOGETHER, Exit(BEN)]
    assert BeliefTracker(with_move).belief("coin", [BEN]) == "jar"
    assert BeliefTracker(without_move).belief("coin", [BEN]) == "jar"


def test_a_thing_the_story_never_places_is_an_error_that_names_the_known():
    with pytest.raises(StoryError, match="never says where the hat is; it places coin"):
        BeliefTracker(TOGETHER).belief("hat", [ADA])


def test_a_mover_who_is_nowhere_is_an_error():
    with pytest.raises(StoryError, match="Ada moves the coin but is in no room"):
        BeliefTracker([*TOGETHER, Exit(ADA), MOVED])


PEOPLE, ROOMS, THINGS, CONTAINERS = (ADA, BEN, CARL), ("attic", "shed"), ("coin", "hat"), "uvwxyz"


@st.composite
def stories(draw: st.DrawFn):
    """Acts in which only people who are in a room move things; every thing is placed first."""
    acts = [
        Place(thing, draw(st.sampled_from("uv")), draw(st.sampled_from(ROOMS))) for thing in THINGS
    ]
    inside: dict[str, str] = {}
    for _ in range(draw(st.integers(0, 14))):
        person = draw(st.sampled_from(PEOPLE))
        what = draw(st.sampled_from(["enter", "leave", "put", "place", "remark"]))
        if what == "enter":
            inside[person] = draw(st.sampled_from(ROOMS))
            acts.append(Enter(person, inside[person]))
        elif what == "leave" and person in inside:
            acts.append(Leave(person, inside.pop(person)))
        elif what == "put" and person in inside:
            thing, container = draw(st.sampled_from(THINGS)), draw(st.sampled_from(CONTAINERS))
            acts.append(Put(person, thing, container))
        elif what == "place":
            thing, container = draw(st.sampled_from(THINGS)), draw(st.sampled_from(CONTAINERS))
            acts.append(Place(thing, container, draw(st.sampled_from(ROOMS))))
        elif what == "remark":
            acts.append(Remark(person, "admires", "hat"))
    return acts


CHAINS = st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3)


@given(stories(), CHAINS, st.sampled_from(THINGS))
def test_tracker_and_simulator_agree_on_any_story_and_chain(acts, chain, thing):
    world = World(order=3)
    for act in acts:
        act.happen(world)
    tracker = BeliefTracker(read_story("\n".join(act.sentence() for act in acts)))
    assert tracker.belief(thing, chain) == world.believed(thing, *chain)
    assert tracker.belief(thing) == world.now[thing]
    assert tracker.first_container(thing) == world.first[thing]


@given(stories(), CHAINS, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_in_a_chain_matters(acts, chain, random):
    tracker = BeliefTracker(read_story("\n".join(act.sentence() for act in acts)))
    other = [*chain, random.choice(chain)]
    random.shuffle(other)
    assert tracker.belief("coin", other) == tracker.belief("coin", chain)
