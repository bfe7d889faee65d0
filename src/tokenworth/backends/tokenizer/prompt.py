"""The prompt that asks one question, as text and as ids: the same for a model that runs here and for one that is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tokenworth.backends.tokenizer.template import THINKING_ON, ChatTemplate
from tokenworth.core.tokens import Codec
from tokenworth.errors import InvalidInput


class Prompter(Protocol):
    """What a prompt is made with: a tokenizer and, if it has one, its chat template."""

    @property
    def template(self) -> ChatTemplate | None:
        """The chat template; None where the files hold none."""
        ...

    @property
    def codec(self) -> Codec:
        """Ids to text."""
        ...

    def encode(self, text: str, *, add_special_tokens: bool) -> Sequence[int]:
        """Ids of a whole text; with ``add_special_tokens`` those that the tokenizer always adds (such as a BOS token)."""
        ...


def render_prompt(prompter: Prompter, user_text: str, switches: Mapping[str, Any] = THINKING_ON) -> tuple[str, tuple[int, ...]]:
    """Text and ids of the user's turn and the beginning of the model's, written by the chat template; its ids get nothing added.

    Without a template: the text as it is, with the special tokens that the tokenizer always adds.

    Raises: `InvalidInput` when the template fails or the text is not Unicode.
    """
    try:
        user_text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"prompt: half a surrogate pair at character {error.start}; expected Unicode text") from error
    if prompter.template is None:
        ids = tuple(prompter.encode(user_text, add_special_tokens=True))
        return prompter.codec.decode(ids), ids
    text = prompter.template.render([{"role": "user", "content": user_text}], switches=switches)
    return text, tuple(prompter.encode(text, add_special_tokens=False))
