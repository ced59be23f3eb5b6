"""Script-writing mode: one model writes the whole conversation, which is then played as it stands.

The model knows everything about everybody, so what it writes is no evidence of what agents do who
do not; it is a baseline, and cheap data.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from .actions import NO_ACTION, AgentAction
from .clients import ModelClient, ModelRequest, client_for
from .episode import Episode, Evaluation, Message, Transcript
from .errors import FormatError, SotopiaError
from .formats.reading import refusal
from .formats.scripts import ScriptTurn, read_script
from .make import RewardLike, parallel_env
from .profiles import AgentProfile, EnvironmentProfile
from .prompts import Conversation
from .runner import Task, record_of
from .visibility import introduction

TEMPLATE: Final = """\
{background}

Write the conversation that follows, of at most {max_turns} turns, from beginning to end. \
Everybody stays in character, pursues their own goal, and knows of the others only what they are \
told. Each turn is two lines, with exactly one action:

Turn #1
{first} said: "Good morning!"
Turn #2
{second} [action] closes the door
Turn #3
{first} [non-verbal communication] nods
Turn #4
{second} left the conversation

Write nothing else."""

UNPLAYED: Final = "unplayed_turns"
"""Key of the metadata: how many turns the script has beyond the end of the episode."""


async def write_episode(
    scenario: str | EnvironmentProfile,
    characters: Sequence[AgentProfile] = (),
    *,
    model: str,
    client: ModelClient | None = None,
    reward: RewardLike = "auto",
    max_turns: int = 20,
    temperature: float | None = 0.7,
    seed: int = 0,
) -> Episode:
    """One episode written by `model`.

    It ends where the script does, where fewer than two are left, or after `max_turns` turns; what
    the script tells beyond that is counted in `metadata["unplayed_turns"]`. A script that cannot be
    read, or lets somebody act who is not on turn or has left, makes a failed episode whose `error`
    names the turn. In a game in phases, turns of a phase in which all act at once are one turn.

    Args:
        scenario: what `parallel_env` takes.
        characters: who sits where; none leaves it to `parallel_env`.
        model: `<provider>/<model>`; with a `client`, its name for the model.
        client: who is asked; by default the provider's own.
        reward: as in `parallel_env`.
        max_turns: of the script.
        temperature: `None` leaves it to the server.
        seed: of the scenario instance, and sent with the request.

    Raises:
        ConfigurationError: if the scenario or the model cannot work.
    """
    task = Task(
        scenario=scenario,
        characters=tuple(characters),
        agents=(f"script:{model}",),
        seed=seed,
        action_order="simultaneous",
        max_turns=max_turns,
    )
    end = _EndOfScript()
    env = _environment(task, reward, end)
    prompt = Message(role="user", content=_prompt(env, max_turns))
    asked, name = client_for(model) if client is None else (client, model)
    request = ModelRequest(model=name, messages=(prompt,), temperature=temperature, seed=seed)
    try:
        written = await _written(env, asked, request, max_turns, end)
    finally:
        if client is None:
            await asked.close()
    seats = {seat: _Seat(seat, [prompt, *written.replies]) for seat in env.possible_agents}
    task = replace(task, agents=task.agents * len(seats))
    episode = record_of(task, env, seats, written.problem)
    return episode.model_copy(update={"metadata": written.metadata})


def _environment(task: Task, reward: RewardLike, end: "_EndOfScript") -> Any:
    """In which anybody may act at any time, unless a game says otherwise."""
    env = parallel_env(
        task.scenario,
        agents=task.characters or None,
        reward=reward,
        action_order=task.action_order,
        max_turns=task.max_turns,
        max_stale_turns=None,
        terminators=[end],
    )
    env.reset(seed=task.seed)
    return env


def _prompt(env: Any, max_turns: int) -> str:
    names = env.scene.names
    background = introduction(env.scene.facts, names, None)
    return TEMPLATE.format(
        background=background, max_turns=max_turns, first=names[0], second=names[1]
    )


@dataclass(slots=True)
class _Written:
    """What came of asking the model."""

    replies: list[Message] = field(default_factory=list)
    problem: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


async def _written(
    env: Any, client: ModelClient, request: ModelRequest, max_turns: int, end: "_EndOfScript"
) -> _Written:
    """Ask for a script and play it, as far as that goes."""
    written = _Written()
    try:
        reply = (await client.complete(request)).text
        written.replies.append(Message(role="assistant", content=reply))
        script = read_script(reply, env.scene.names)
        unplayed = len(script) - await _play(env, script[:max_turns], end)
        if unplayed:
            written.metadata[UNPLAYED] = f"{unplayed}"
    except SotopiaError as error:
        written.problem = f"{type(error).__name__}: {error}"
    return written


async def _play(env: Any, script: Sequence[ScriptTurn], end: "_EndOfScript") -> int:
    """Play a script up to the end of the episode; how many of its turns that were.

    Raises:
        FormatError: for a turn of somebody who is not on turn, or has left.
    """
    seats = dict(zip(env.scene.names, env.possible_agents, strict=True))
    told = deque(script)
    while told and env.agents:
        actions = dict.fromkeys(env.turn_order, NO_ACTION) | _acted(env, seats, told)
        end.is_reached = not told
        if getattr(env, "is_async", False):
            await env.step_async(actions)
        else:
            env.step(actions)
    for turn in told:
        if seats[turn.name] in env.transcript.left:
            raise _out_of_turn(env, turn)
    return len(script) - len(told)


def _acted(env: Any, seats: Mapping[str, str], told: deque[ScriptTurn]) -> dict[str, AgentAction]:
    """Take what is done next: by one, or in a game in phases by all who are on turn at once."""
    first = told[0]
    actions: dict[str, AgentAction] = {}
    while told and seats[told[0].name] in env.turn_order:
        seat = seats[told[0].name]
        if actions and (seat in actions or not env.scene.is_phased):
            break
        actions[seat] = told.popleft().action
    if not actions:
        raise _out_of_turn(env, first)
    return actions


def _out_of_turn(env: Any, turn: ScriptTurn) -> FormatError:
    names = env.transcript.names
    if turn.name in [names[seat] for seat in env.transcript.left]:
        problem = f"{turn.name} has left"
    else:
        problem = f"{turn.name} is not on turn, but {', '.join(names[s] for s in env.turn_order)}"
    return refusal(f"the script, turn {turn.number}", problem, "ask for another script")


@dataclass(slots=True)
class _EndOfScript:
    """Ends the episode with the last turn of the script."""

    name: str = "script"
    is_reached: bool = False

    def evaluate(self, transcript: Transcript) -> Evaluation:
        reason = "The script ends here; " if self.is_reached else ""
        return Evaluation(source=self.name, terminated=reason)


@dataclass(slots=True)
class _Seat:
    """A seat whose words somebody else wrote: its context is what that somebody was asked."""

    seat: str
    written: list[Message]
    conversation: Conversation = field(init=False)

    def __post_init__(self) -> None:
        self.conversation = Conversation(self.seat)
        self.conversation.messages += self.written
