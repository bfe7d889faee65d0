"""A model's chat template: messages in, the prompt's text out. The template is a file of unknown origin and is treated so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jinja2 import Template, TemplateSyntaxError
from jinja2.exceptions import SecurityError

from tokenworth.backends.tokenizer.sandbox import MeteredEnvironment, full_size
from tokenworth.errors import InvalidInput

if TYPE_CHECKING:
    from tokenworth.backends.tokenizer.guarded import GuardedFiles

THINKING_ON: Mapping[str, Any] = {"enable_thinking": True, "thinking": True}
"""Switches a template's thinking on by both names in use: some templates close the block at once where the switch is unset."""
THINKING_OFF: Mapping[str, Any] = {"enable_thinking": False, "thinking": False}

LONGEST_TEMPLATE = 200_000
"""Characters; the longest of real models have about 20,000."""
_WORK = 5_000_000
_WORK_PER_CHARACTER = 100
_RESERVED = ("messages", "tools", "documents", "add_generation_prompt")


def local_now() -> datetime:
    """This machine's time, which some templates write into the prompt."""
    return datetime.now().astimezone()


class ChatTemplate:
    """A chat template with the special tokens it may name. ``now``: the clock behind ``strftime_now``; give a fixed one to pin a prompt.

    ``guard``: the process that renders it; without one it is rendered here, metered but with no limit of memory.

    The text is compiled at the first rendering. Differs from transformers' renderer, with which it otherwise agrees byte by
    byte: filters that no chat template needs are missing (``random``, ``center`` and the like), work is limited, and messages
    go in as they are (transformers copies ``reasoning`` to ``reasoning_content``).
    """

    def __init__(
        self,
        text: str,
        special_tokens: Mapping[str, str] | None = None,
        *,
        now: Callable[[], datetime] = local_now,
        guard: GuardedFiles | None = None,
    ) -> None:
        self.text = text
        self.special_tokens = dict(special_tokens or {})
        self.now, self._guard = now, guard
        self._environment: MeteredEnvironment | None = None
        self._compiled: Template | None = None
        self._one_at_a_time = threading.Lock()

    def at(self, now: Callable[[], datetime]) -> ChatTemplate:
        """The same template with another clock."""
        return ChatTemplate(self.text, self.special_tokens, now=now, guard=self._guard)

    def render(self, messages: Sequence[Mapping[str, Any]], *, add_generation_prompt: bool = True, switches: Mapping[str, Any]) -> str:
        """The text of ``messages``, and with ``add_generation_prompt`` the beginning of the model's turn.

        ``switches`` are variables of the template, such as `THINKING_ON`; they win over special tokens.

        Raises: `InvalidInput` when the template cannot be compiled, refuses the messages, breaks out of the sandbox, does
        not end within its work, or writes what is not Unicode; and for messages or switches that are not plain JSON values.
        """
        taken = [name for name in _RESERVED if name in switches]
        if taken:
            raise InvalidInput(f"template switch {taken[0]!r}: this name is the template's own; expected another")
        variables = _plain({**self.special_tokens, **switches, "messages": list(messages)}, "a template's input")
        variables.update(tools=None, documents=None, add_generation_prompt=add_generation_prompt)
        try:
            return self._rendered(variables)
        except InvalidInput as error:
            raise InvalidInput(f"the chat {error}" if str(error).startswith("template ") else str(error)) from error

    def fill(self, values: Mapping[str, Any]) -> str:
        """The text with these variables alone. Raises `InvalidInput`, as `render` does."""
        return self._rendered(_plain(values, "a template's input"))

    def _rendered(self, variables: dict[str, Any]) -> str:
        return self.written(variables) if self._guard is None else self._guard.render(self.text, variables, self.now())

    def written(self, variables: dict[str, Any]) -> str:
        """What the template writes of these variables, here in this process. Raises: `InvalidInput`."""
        with self._one_at_a_time:
            try:
                text = self._written(variables, _WORK + _WORK_PER_CHARACTER * full_size(variables, _WORK))
                text.encode()
            except Exception as error:
                raise InvalidInput(f"template fails: {_fault(error)}") from error
        return text

    def _written(self, variables: dict[str, Any], allowance: int) -> str:
        if self._environment is None or self._compiled is None:
            if len(self.text) > LONGEST_TEMPLATE:
                raise InvalidInput(f"it has {len(self.text)} characters; expected at most {LONGEST_TEMPLATE}")
            self._environment = MeteredEnvironment(lambda: self.now())
            self._environment.left = allowance
            self._compiled = self._environment.from_string(self.text)
        self._environment.left = allowance
        return "".join(self._compiled.generate(variables))


def _plain(value: Any, what: str) -> Any:
    """A copy made of JSON types only: no object with methods reaches a template."""
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Mapping):
        return {str(_plain(key, what)): _plain(item, what) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, what) for item in value]
    raise InvalidInput(f"{what}: got a {type(value).__name__}; expected text, numbers, lists and mappings only")


def _fault(error: Exception) -> str:
    """What the template did wrong, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[0] if lines else type(error).__name__
    said = said if len(said) <= 300 else said[:297] + "…"
    if isinstance(error, TemplateSyntaxError):
        return f"line {error.lineno}: {said}"
    if isinstance(error, RecursionError):
        return "it calls itself without end, or is nested too deeply"
    if isinstance(error, MemoryError):
        return "it needs more memory than a chat template needs"
    if isinstance(error, SecurityError):
        return f"it leaves its sandbox: {said}"
    if isinstance(error, UnicodeEncodeError):
        return "it writes half a surrogate pair, which is not Unicode text"
    return said
