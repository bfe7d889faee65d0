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
    prompter: Prompter, user_text: str, switches: Mapping[str, Any] = THINKING_ON, *, allow_control: bool = False
) -> tuple[str, tuple[int, ...]]:
    """Text and ids of the user's turn and the beginning of the model's, written by the chat template; its ids get nothing added.

    Without a template: the text as it is, with the special tokens that the tokenizer always adds. Control tokens that the user's text
    spells are text, unless ``allow_control``.

    Raises: `InvalidInput` when the template fails or the text is not Unicode.
    """
    try:
        user_text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"prompt: half a surrogate pair at character {error.start}; expected Unicode text") from error
    codec, template = prompter.codec, prompter.template
    if allow_control or not codec.controls_in(user_text):
        text = user_text if template is None else _rendered(template, user_text, switches)
        ids = tuple(prompter.encode(text, add_special_tokens=template is None))
        return (codec.decode(ids) if template is None else text), ids
    marked = codec.control.marked(user_text)
    text = marked if template is None else _rendered(template, marked, switches)
    ids = codec.control.encode(text, add_special_tokens=template is None)
    return (codec.decode(ids) if template is None else codec.control.unmarked(text)), ids


def _rendered(template: ChatTemplate, user_text: str, switches: Mapping[str, Any]) -> str:
    return template.render([{"role": "user", "content": user_text}], switches=switches)
