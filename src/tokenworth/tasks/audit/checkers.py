"""What can be audited: the graders by name, and any function of a problem and a text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tokenworth.core.problem import Problem
from tokenworth.errors import InvalidInput, unknown_name
from tokenworth.tasks.audit.attack import Checker, Surface, grading
from tokenworth.tasks.audit.figures import NUMERIC
from tokenworth.tasks.audit.formulas import LATEX
from tokenworth.tasks.audit.hands import EXPRESSION
from tokenworth.tasks.audit.options import OPTION
from tokenworth.tasks.audit.words import EXACT
from tokenworth.tasks.critics.expression import CountdownCritic
from tokenworth.tasks.graders import grader_for

SURFACES: Mapping[str, Surface[Any]] = {surface.name: surface for surface in (OPTION, EXACT, NUMERIC, LATEX, EXPRESSION)}
"""Every kind of answer that can be attacked; each names the checker of the package that judges it."""


def _makes_target(problem: Problem, text: str) -> bool:
    """What the critic of expressions says of an answer to the hand that a problem states; the target is its last number."""
    *numbers, target = (int(number) for number in re.findall(r"[0-9]+", problem.question))
    return CountdownCritic(numbers=tuple(numbers), target=target).check(text).accepted


def checker_for(name: str, *, kind: str | None = None) -> Checker:
    """The checker of this name: a built-in grader, the critic of expressions, or ``module:callable``.

    ``kind``: the kind of answers that ``module:callable`` is for; the others know theirs.

    Raises: UnknownName with close matches; InvalidInput for a callable without a kind, or a kind that does not fit; MissingExtra.
    """
    if kind is not None and kind not in SURFACES:
        raise unknown_name("kind of answer", kind, SURFACES)
    if ":" in name:
        if kind is None:
            raise InvalidInput(f"audit of {name}: name the kind of its answers, one of {', '.join(SURFACES)}, with --kind")
        try:
            grader = grader_for(name)
        except SystemExit as error:
            raise InvalidInput(f"audit of {name}: importing it ended with sys.exit({error.code!r}); expected a module to import") from error
        return Checker(name=name, version="unknown", surface=SURFACES[kind], check=grading(grader))
    if name not in SURFACES:
        raise unknown_name("grader", name, (*SURFACES, "all", "module:callable"))
    surface = SURFACES[name]
    if kind is not None and kind != name:
        raise InvalidInput(f"audit of {name}: it judges answers of the kind {name}, not {kind}; leave --kind away")
    if surface is EXPRESSION:
        version = f"countdown critic {CountdownCritic(numbers=(1,), target=1).version}"
        return Checker(name=name, version=version, surface=surface, check=_makes_target)
    return Checker(name=name, version="tokenworth", surface=surface, check=grading(grader_for(name)))
