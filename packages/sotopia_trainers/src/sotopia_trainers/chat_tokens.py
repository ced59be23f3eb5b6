"""Chat templates taken apart, so that a conversation's tokens are only ever appended to.

Training and sampling share this one tokenisation. A template that rewrites what came before
(thinking stripped from history, say) cannot be used: the tokens a model is trained on would not be
those it saw.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sotopia_env.episode import Message
from sotopia_env.errors import ConfigurationError

_MARK: Final = "\ue000"
"""Stands for a message in a rendered template; a private character that no template holds."""
_PROBES: Final = (
    ("assistant", "Hello there."),
    ("user", "OFFER 55\nIs that fair?"),
    ("assistant", "<think>\nToo much?\n</think>\n\nNo."),
    ("user", "a"),
    ("assistant", "A long story: " + "and then they met again, " * 20 + "the end."),
    ("user", "Hello there."),
)
"""What a template must leave as it is. White space at the ends of a message is not among it."""


@dataclass(slots=True)
class ChatTokens:
    """Token ids of one chat template, piece by piece.

    Words that look like one of the special tokens stay words: nobody ends a turn, or begins
    another's, by naming its token.

    Raises:
        ConfigurationError: when the tokenizer has no chat template, or one that rewrites history.
    """

    tokenizer: Any
    stop_id: int
    """Ends an assistant turn; the model emits it."""
    _specials: tuple[str, ...] = ()
    _after_stop: str = ""
    _before_user: str = ""
    _after_user: str = ""
    _opening: str = ""
    """Of an assistant turn."""

    @classmethod
    def of(cls, tokenizer: Any) -> "ChatTokens":
        """Take the tokenizer's template apart and check that the pieces reproduce it."""
        if not getattr(tokenizer, "chat_template", None):
            raise ConfigurationError(
                f"{tokenizer.name_or_path or 'the tokenizer'} has no chat template; use an "
                "instruction-tuned model, or set tokenizer.chat_template and save it"
            )
        turns = [("user", _MARK), ("assistant", _MARK), ("user", _MARK)]
        opened = _render(tokenizer, turns[:1], prompt=True)
        said = _render(tokenizer, turns[:2], prompt=False)
        heard = _render(tokenizer, turns, prompt=False)
        answered = _render(tokenizer, turns, prompt=True)
        grows = said.startswith(opened + _MARK) and heard.startswith(said)
        if not grows or not answered.startswith(heard):
            raise _rewrites(tokenizer)
        specials = {
            token.content: index
            for index, token in tokenizer.added_tokens_decoder.items()
            if token.special and token.content
        }
        stop = _stop_text(tokenizer, specials, said[len(opened) + len(_MARK) :])
        rest = said[len(opened) + len(_MARK) + len(stop) :]
        before, _, after = heard[len(said) :].partition(_MARK)
        chat = cls(
            tokenizer,
            int(specials[stop]),
            tuple(specials),
            _after_stop=rest,
            _before_user=before,
            _after_user=after,
            _opening=answered[len(heard) :],
        )
        chat._check(stop)
        return chat

    def open(self, messages: Sequence[Message]) -> list[int]:
        """Ids of a conversation up to the first assistant turn, its opening included."""
        turns = [(message.role, _MARK) for message in messages]
        return self._encode(_render(self.tokenizer, turns, prompt=True), messages)

    def between(self, messages: Sequence[Message]) -> list[int]:
        """Ids after an assistant turn's stop token, up to the opening of the next one."""
        return self._encode(self._frame(len(messages)), messages)

    def completion(self, text: str) -> list[int]:
        """Ids of an assistant turn, its stop token included."""
        return [*self._words(text), self.stop_id]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of a completion, without its stop token."""
        kept = [i for i in ids if i != self.stop_id]
        return str(
            self.tokenizer.decode(
                kept, skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )

    def _encode(self, frame: str, messages: Sequence[Message]) -> list[int]:
        """Ids of `frame` with the messages in the places of its marks."""
        first, *others = frame.split(_MARK)
        parts = list(zip([message.content for message in messages], others, strict=True))
        if not any(special in words for words, _ in parts for special in self._specials):
            return self._ids("".join([first, *(words + after for words, after in parts)]))
        ids = self._ids(first)
        for words, after in parts:
            ids += self._words(words) + self._ids(after)
        return ids

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def _words(self, text: str) -> list[int]:
        return list(
            self.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
        )

    def _check(self, stop: str) -> None:
        """The pieces must add up to what the template renders for a longer conversation."""
        opening = [("system", _MARK), ("user", _MARK)]
        text = _render(self.tokenizer, opening, prompt=True)
        if text.count(_MARK) != len(opening):
            raise ConfigurationError(
                f"the chat template of {self.tokenizer.name_or_path} leaves out the system message"
            )
        for role, probe in _PROBES:
            text += probe + stop if role == "assistant" else self._frame(1).replace(_MARK, probe)
        if text != _render(self.tokenizer, [*opening, *_PROBES], prompt=True):
            raise _rewrites(self.tokenizer)

    def _frame(self, count: int) -> str:
        """What stands between two assistant turns, with marks for `count` messages."""
        turn = self._before_user + _MARK + self._after_user
        return self._after_stop + turn * count + self._opening


def _render(tokenizer: Any, turns: Sequence[tuple[str, str]], *, prompt: bool) -> str:
    from jinja2 import TemplateError

    messages = [{"role": role, "content": content} for role, content in turns]
    try:
        return str(
            tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompt)
        )
    except TemplateError as error:
        roles = ", ".join(role for role, _ in turns)
        raise ConfigurationError(
            f"the chat template of {tokenizer.name_or_path} refuses messages of {roles}: {error}"
        ) from error


def _stop_text(tokenizer: Any, specials: dict[str, int], tail: str) -> str:
    """The special token at the head of what follows the words of an assistant turn."""
    for text in sorted(specials, key=len, reverse=True):
        if tail.startswith(text):
            return text
    raise ConfigurationError(
        f"the chat template of {tokenizer.name_or_path} ends an assistant turn by {tail!r}, which "
        "does not begin with a special token; a model could not end its turn"
    )


def _rewrites(tokenizer: Any) -> ConfigurationError:
    return ConfigurationError(
        f"the chat template of {tokenizer.name_or_path} rewrites earlier turns, so token-exact "
        "training is impossible; use a prefix-preserving template"
    )
