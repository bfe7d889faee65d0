"""How a model was trained to read what is wrong with an answer, as a file of the model says: ``feedback.json`` in its folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from tokenworth.core.problem import Problem
from tokenworth.errors import InvalidInput

SCHEMA = "tokenworth.feedback/1"
_MOST_BYTES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackForm:
    """The text of a second attempt: ``QUESTION rejected ANSWER``, then ``fault CODE PLACE`` for each fault that is shown.

    ``critic``: whose faults these are, as ``maze/compact``. ``rejected``, ``fault``: the words before the answer and before each fault.
    ``dropped``: an ending of questions that the model never saw, such as the word that begins a trace, where it writes none.
    """

    critic: str
    rejected: str
    fault: str
    dropped: str = ""

    def __post_init__(self) -> None:
        for name in ("critic", "rejected", "fault"):
            if not getattr(self, name).strip():
                raise InvalidInput(f"feedback form: {name} is empty; expected a word")

    def asked(self, problem: Problem) -> Problem:
        """The problem as the model is asked it, without the ending that it never saw."""
        return replace(problem, question=problem.question.removesuffix(self.dropped))

    def fits(self, critic: str, dialect: str | None) -> bool:
        """Whether the faults of a critic are those the model was trained on."""
        return self.critic in (critic, f"{critic}/{dialect}") or (dialect is None and self.critic.startswith(f"{critic}/"))

    def again(self, question: str, answer: str, messages: Sequence[str]) -> str:
        """The question, the rejected answer and the faults that messages of the critic tell; without messages the answer alone."""
        words = [question.removesuffix(self.dropped), self.rejected, " ".join(answer.split())]
        words += [f"{self.fault} {fault_words(message)}" for message in messages]
        return " ".join(words)


def fault_words(message: str) -> str:
    """The code of a fault and its place: ``PLAN_WALL 3,4`` of ``maze/compact: PLAN_WALL: expected a free cell of the grid; got 3,4``.

    The place is what was got, where that is two numbers; else the code stands alone.
    """
    told = message.partition(": ")[2] or message
    code = (told.split() or [""])[0].rstrip(":")
    got = told.rpartition("; got ")[2].replace(",", " ").split()
    is_place = len(got) == 2 and all(word.isascii() and word.isdecimal() for word in got)
    return f"{code} {','.join(got)}" if is_place else code


def feedback_form(data: bytes, source: str) -> FeedbackForm:
    """The form in a file's bytes. Raises InvalidInput, naming ``source``, for what is not such a form."""
    if len(data) > _MOST_BYTES:
        raise InvalidInput(f"{source}: {len(data):,} bytes; a feedback form has at most {_MOST_BYTES:,}")
    try:
        fields = msgspec.json.decode(data, type=dict[str, str])
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"{source}: {error}; expected a JSON object of texts") from error
    if fields.pop("schema", None) != SCHEMA:
        raise InvalidInput(f"{source}: expected the schema {SCHEMA!r}; this file is of another kind or version")
    known, needed = {"critic", "rejected", "fault", "dropped"}, {"critic", "rejected", "fault"}
    wrong = sorted((fields.keys() - known) | (needed - fields.keys()))
    if wrong:
        raise InvalidInput(f"{source}: key {wrong[0]!r} is unknown or missing; expected {', '.join(sorted(known))}")
    return FeedbackForm(**fields)


def written(form: FeedbackForm) -> str:
    """The text of the file of a form."""
    fields = {"schema": SCHEMA, "critic": form.critic, "rejected": form.rejected, "fault": form.fault, "dropped": form.dropped}
    return msgspec.json.format(msgspec.json.encode(fields), indent=2).decode() + "\n"
