"""Script-writing mode: one model writes the whole conversation, which is then played as it stands.

The model knows everything about everybody, so what it writes is no evidence of what agents do who
do not; it is a baseline, and cheap data.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from .actions import NO_ACTION
from .clients import ModelClient, ModelRequest, client_for
from .episode import Episode, Evaluation, Message, Transcript
from .errors import SotopiaError
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

    It ends where the script does, where fewer than two are left, or after `max_turns` turns. A
    script that cannot be read, or lets somebody act who has left, makes a failed episode.

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
    env = parallel_env(
        scenario,
        agents=task.characters or None,
        reward=reward,
        action_order="simultaneous",
        max_turns=max_turns,
        max_stale_turns=None,
        terminators=[end],
    )
    env.reset(seed=seed)
    names = env.scene.names
    asked = Message(role="user", content=_prompt(env, names, max_turns))
    own = client is None
    if client is None:
        client, model = client_for(model)
    try:
        reply = await client.complete(
            ModelRequest(model=model, messages=(asked,), temperature=temperature, seed=seed)
        )
        written = [asked, Message(role="assistant", content=reply.text)]
        turns = read_script(reply.text, names)[:max_turns]
        await _play(env, turns, end)
        problem = None
    except SotopiaError as error:
        written, problem = [asked], f"{type(error).__name__}: {error}"
    finally:
        if own:
            await client.close()
    seats = {seat: _Seat(seat, written) for seat in env.possible_agents}
    return record_of(replace(task, agents=task.agents * len(seats)), env, seats, problem)


def _prompt(env: Any, names: Sequence[str], max_turns: int) -> str:
    background = introduction(env.scene.facts, names, None)
    return TEMPLATE.format(
        background=background, max_turns=max_turns, first=names[0], second=names[1]
    )


async def _play(env: Any, turns: Sequence[ScriptTurn], end: "_EndOfScript") -> None:
    seats = dict(zip(env.scene.names, env.possible_agents, strict=True))
    for number, turn in enumerate(turns, start=1):
        if not env.agents:
            return
        end.is_reached = number == len(turns)
        actions: dict[str, Any] = dict.fromkeys(env.agents, NO_ACTION)
        actions[seats[turn.name]] = turn.action
        if getattr(env, "is_async", False):
            await env.step_async(actions)
        else:
            env.step(actions)


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
