"""What can be audited: graders by name, and the answer checks of the formal domains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokenworth import catalog
from tokenworth.errors import InvalidInput, unknown_name
from tokenworth.tasks.audit.attack import Checker, Surface, grading
from tokenworth.tasks.audit.figures import NUMERIC
from tokenworth.tasks.audit.formulas import LATEX
from tokenworth.tasks.audit.options import OPTION
from tokenworth.tasks.audit.words import EXACT
from tokenworth.tasks.domains import domain_named
from tokenworth.tasks.graders import grader_for

_GRADED: Mapping[str, Surface[Any]] = {surface.name: surface for surface in (OPTION, EXACT, NUMERIC, LATEX)}


def _formal_checkers() -> Mapping[str, Checker]:
    places = {name: domain_named(name).attacks for name in catalog.DOMAINS}
    return {one.name: one for name, place in places.items() if place for one in catalog.load(places, "attacks", name)}


def checkers() -> tuple[str, ...]:
    """Names of all checkers that come with the package."""
    return (*_GRADED, *_formal_checkers())


def surfaces() -> Mapping[str, Surface[Any]]:
    """Every kind of answer that can be attacked."""
    return {**_GRADED, **{one.surface.name: one.surface for one in _formal_checkers().values()}}


def checker_for(name: str, *, kind: str | None = None) -> Checker:
    """The checker of this name: a built-in grader, ``module:callable``, or a formal domain (an answer is accepted iff its plan is valid).

    ``kind``: the kind of answers that ``module:callable`` is for; the others know theirs.

    Raises: UnknownName with close matches; InvalidInput for a callable without a kind, or a kind that does not fit; MissingExtra.
    """
    if kind is not None and kind not in surfaces():
        raise unknown_name("kind of answer", kind, surfaces())
    if ":" in name:
        if kind is None:
            raise InvalidInput(f"audit of {name}: name the kind of its answers, one of {', '.join(surfaces())}, with --kind")
        try:
            grader = grader_for(name)
        except SystemExit as error:
            raise InvalidInput(f"audit of {name}: importing it ended with sys.exit({error.code!r}); expected a module to import") from error
        return Checker(name=name, version="unknown", surface=surfaces()[kind], check=grading(grader))
    if name not in checkers():
        raise unknown_name("grader", name, (*checkers(), "all", "module:callable"))
    found = _formal_checkers().get(name)
    if found is None:
        found = Checker(name=name, version="tokenworth", surface=_GRADED[name], check=grading(grader_for(name)))
    if kind is not None and kind != found.surface.name:
        raise InvalidInput(f"audit of {name}: it judges answers of the kind {found.surface.name}, not {kind}; leave --kind away")
    return found
