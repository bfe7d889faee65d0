"""How a problem is put to a model where the default is not meant: a system message, one's own template, examples, first words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

from tokenworth.core.files import read_input
from tokenworth.core.measure import option
from tokenworth.core.problem import Problem
from tokenworth.errors import InvalidInput, MissingFile, unknown_name
from tokenworth.tasks.prompt import default_instruction, user_message

Message = Mapping[str, str]
_LONGEST = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSettings:
    """What a prompt is made of. Texts of files are read when a problem is put to a model, and stand in the run's record."""

    HEADING: ClassVar[str] = "Prompt"
    system: str | None = option(None, rare=True, metavar="TEXT")
    """System message."""
    prompt: str | None = option(None, rare=True, metavar="FILE")
    """Template of the user's turn (jinja2) with the problem's question, options (label, text), id and instruction, and message, which is
    what is asked by default."""
    examples: str | None = option(None, rare=True, metavar="FILE.jsonl")
    """Earlier turns: a line {"user": …, "assistant": …} for each."""
    prefill: str | None = option(None, rare=True, metavar="TEXT")
    """First words of the model's trace, which it goes on from."""
    raw_prompt: bool = option(False, rare=True)
    """Use no chat template: the prompt is the user's turn, and nothing else."""

    def __post_init__(self) -> None:
        given = [name for name in ("system", "examples") if getattr(self, name) is not None]
        if self.raw_prompt and given:
            raise InvalidInput(f"--raw-prompt has no turns, and so no place for --{given[0]}; write it into --prompt")

    def texts(self) -> Prompting:
        """What the files say. Raises MissingFile, InvalidInput."""
        return Prompting(
            system=self.system,
            template=None if self.prompt is None else _read(self.prompt, "a jinja2 template of the user's turn"),
            examples=() if self.examples is None else _examples(self.examples),
            prefill=(self.prefill or "").replace("\\n", "\n"),
            raw=self.raw_prompt,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompting:
    """What a prompt is made of, as texts."""

    system: str | None = None
    template: str | None = None
    """Of the user's turn."""
    examples: tuple[tuple[str, str], ...] = ()
    """Earlier turns: what was asked, and the answer."""
    prefill: str = ""
    raw: bool = False
    """Without the chat template."""

    def record(self) -> dict[str, Any]:
        """What differs from the default, for the record of a run."""
        return {f"prompt_{one.name}": value for one in fields(self) if (value := asdict(self)[one.name]) != one.default}

    def messages(self, problem: Problem, instruction: str | None) -> tuple[Message, ...]:
        """The turns before the model's. Raises InvalidInput where the template fails."""
        before = () if self.system is None else ({"role": "system", "content": self.system},)
        turns = [{"role": role, "content": text} for pair in self.examples for role, text in zip(("user", "assistant"), pair, strict=True)]
        return (*before, *turns, {"role": "user", "content": self.asked(problem, instruction)})

    def written(self, problem: Problem, instruction: str | None) -> tuple[str, ...]:
        """All texts of the prompt that the chat template does not write."""
        turns = (self.asked(problem, instruction),) if self.raw else (one["content"] for one in self.messages(problem, instruction))
        return (*turns, self.prefill)

    def asked(self, problem: Problem, instruction: str | None) -> str:
        """The user's turn."""
        message = user_message(problem, instruction)
        if self.template is None:
            return message
        # Only now: a plain install without jinja2 has automata, which are asked nothing.
        from tokenworth.backends.tokenizer.guarded import prompt_guard
        from tokenworth.backends.tokenizer.template import ChatTemplate

        values = {
            "question": problem.question,
            "options": [asdict(one) for one in problem.options],
            "id": problem.id,
            "instruction": default_instruction(problem) if instruction is None else instruction,
            "message": message,
        }
        try:
            return ChatTemplate(self.template, guard=prompt_guard()).fill(values)
        except InvalidInput as error:
            raise InvalidInput(f"the prompt of problem {problem.id!r}: {error}") from error


def _read(path: str, expected: str) -> str:
    try:
        return read_input(path, _LONGEST).decode()
    except FileNotFoundError:
        raise MissingFile(f"no file {path}; expected {expected}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: cannot be read as text ({getattr(error, 'strerror', None) or error}); expected {expected}") from error


def _examples(path: str) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    expected = 'expected a line {"user": "…", "assistant": "…"} for each example'
    for number, line in enumerate(_read(path, "earlier turns, one JSON object a line").splitlines(), 1):
        if not line.strip():
            continue
        try:
            record: object = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"{path}:{number}: {error}; {expected}") from None
        if not isinstance(record, dict) or not all(isinstance(record.get(name), str) for name in ("user", "assistant")):
            raise InvalidInput(f"{path}:{number}: {expected}")
        if more := record.keys() - {"user", "assistant"}:
            raise InvalidInput(f"{path}:{number}: {unknown_name('field', min(more), ('user', 'assistant'))}")
        found.append((record["user"], record["assistant"]))
    if not found:
        raise InvalidInput(f"{path}: no example in it; {expected}")
    return tuple(found)
