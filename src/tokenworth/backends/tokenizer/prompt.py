"""The prompt that asks one question, as text and as ids: the same for a model that runs here and for one that is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tokenworth.backends.tokenizer.codec import TokenizerCodec
from tokenworth.backends.tokenizer.template import THINKING_ON, ChatTemplate
from tokenworth.errors import InvalidInput


class Prompter(Protocol):
    """What a prompt is made with: a tokenizer and, if it has one, its chat template."""

    @property
    def template(self) -> ChatTemplate | None:
        """The chat template; None where the files hold none."""
        ...

    @property
    def codec(self) -> TokenizerCodec:
        """Ids to text."""
        ...

    def encode(self, text: str, *, add_special_tokens: bool) -> Sequence[int]:
        """Ids of a whole text; with ``add_special_tokens`` those that the tokenizer always adds (such as a BOS token)."""
        ...


def render_prompt(
    prompter: Prompter,
    asked: str | Sequence[Mapping[str, str]],
    switches: Mapping[str, Any] = THINKING_ON,
    *,
    allow_control: bool = False,
) -> tuple[str, tuple[int, ...]]:
    """Text and ids of the turns and the beginning of the model's, written by the chat template; its ids get nothing added.

    ``asked``: the turns (role, content), or the text of the user's alone. Without a template there is room for that one only: the text as
    it is, with the special tokens that the tokenizer always adds. Control tokens that the turns spell are text, unless ``allow_control``.

    Raises: `InvalidInput` when the template fails or a text is not Unicode.
    """
    turns = [{"role": "user", "content": asked}] if isinstance(asked, str) else list(asked)
    for turn in turns:
        check_unicode(turn["content"])
    if prompter.template is None:
        if len(turns) > 1:
            raise InvalidInput(
                f"the model has no chat template, and so no turn of the {turns[0]['role']}; write all of it into one prompt (--prompt)"
            )
        return plain_prompt(prompter, turns[0]["content"], allow_control=allow_control)
    codec = prompter.codec
    if allow_control or not any(codec.controls_in(turn["content"]) for turn in turns):
        text = prompter.template.render(turns, switches=switches)
        return text, tuple(prompter.encode(text, add_special_tokens=False))
    marked = [{**turn, "content": codec.control.marked(turn["content"])} for turn in turns]
    text = prompter.template.render(marked, switches=switches)
    return codec.control.unmarked(text), codec.control.encode(text)


def plain_prompt(prompter: Prompter, text: str, *, allow_control: bool = False) -> tuple[str, tuple[int, ...]]:
    """Text and ids of a prompt without chat template, with the special tokens that the tokenizer always adds."""
    check_unicode(text)
    codec = prompter.codec
    if allow_control or not codec.controls_in(text):
        ids = tuple(prompter.encode(text, add_special_tokens=True))
    else:
        ids = codec.control.encode(codec.control.marked(text), add_special_tokens=True)
    return codec.decode(ids), ids


def check_unicode(text: str) -> None:
    """Refuses half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"prompt: half a surrogate pair at character {error.start}; expected Unicode text") from error
