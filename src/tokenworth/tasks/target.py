"""What a value is the probability of: V(c) = P(*target*) for a rollout from cut c."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tokenworth.core.grade import RESERVED_OUTCOMES, Grade, Grader, Verdict
from tokenworth.core.problem import Problem
from tokenworth.errors import InvalidInput, unknown_name
from tokenworth.tasks.grade.option import option
from tokenworth.tasks.user_code import first_line, user_callable

GOLD, OWN, LABEL = "gold", "own", "label:"
_USAGE = "expected gold, own, label:X or module:callable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A target, ready to be asked."""

    name: str
    """As the user gave it."""
    label: str
    """What a value is called on a page: ``P(correct)``."""
    hits: Callable[[Grade, Callable[[], str]], bool]
    """(grade, text of the whole completion) -> whether a rollout meets the target; a rollout without a verdict does not."""
    option: str | None = None
    """The outcome that meets it, where that is one label alone."""


def check_target(name: str) -> None:
    """Refuses what names no target; nothing is imported. Raises InvalidInput."""
    if name not in (GOLD, OWN) and (":" not in name or not all(name.partition(":")[::2])):
        raise InvalidInput(f"target {name!r}: {_USAGE}")


def check_label(name: str, problem: Problem | None, grader: Grader | None) -> None:
    """Refuses ``label:X`` where answers are graded by option, and X is neither one nor an outcome without an answer. Raises UnknownName."""
    label = name.removeprefix(LABEL)
    if not name.startswith(LABEL) or problem is None or grader is not option:
        return
    if label not in (known := (*problem.labels, *RESERVED_OUTCOMES)):
        raise unknown_name("outcome of the target", label, known)


def target_of(name: str, base: Grade) -> Target:
    """The target of this name on a trace whose own answer has the grade ``base``.

    ``gold``: the grader says correct. ``own``: the base's own answer, whatever is right. ``label:X``: the outcome X. ``module:callable``:
    a function of the completion's text that returns True, False, or None where it cannot tell.

    Raises: InvalidInput for ``own`` where the base has no answer, and what `user_callable` raises.
    """
    check_target(name)
    if name == GOLD:
        return Target(name=name, label="P(correct)", hits=lambda grade, _: grade.verdict is Verdict.CORRECT)
    if name == OWN:
        if base.outcome in RESERVED_OUTCOMES:
            raise InvalidInput(f"target own: the base trace has no answer ({base.outcome}); choose another base, or another target")
        return Target(
            name=name,
            label=f"P(own answer {base.outcome})",
            hits=lambda grade, _: grade.outcome == base.outcome,
            option=base.outcome,
        )
    if name.startswith(LABEL):
        wanted = name.removeprefix(LABEL)
        return Target(name=name, label=f"P({wanted})", hits=lambda grade, _: grade.outcome == wanted, option=wanted)
    call = user_callable(name, "target", "a text")
    return Target(name=name, label=f"P({name.partition(':')[2]})", hits=lambda _, text: _asked(call, name, text()))


def _asked(call: Callable[[str], object], name: str, text: str) -> bool:
    try:
        found = call(text)
    except Exception as error:  # the user's code may raise anything, and the run must end in one line
        raise InvalidInput(f"target {name!r} raised {first_line(error)}; expected True, False or None") from error
    if found is not None and not isinstance(found, bool):
        raise InvalidInput(f"target {name!r} returned a {type(found).__name__}; expected True, False or None")
    return found is True
