"""What traces are called where several of them, or several problems, share a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tokenworth.core.problem import Problem
from tokenworth.report.sections.traces.model import SetView, TracesView, TraceView
from tokenworth.tasks.domains import domain_of

Key = tuple[str, str]
"""Id and question: what makes two problems the same."""
_LONGEST = 28


def short_title(problem: Problem | None) -> str:
    """The id of a problem whose question is written for machines; empty for other problems."""
    domain = domain_of(problem)
    return problem.id if problem is not None and domain is not None and domain.is_machine_text else ""


def page_title(problem: Problem | None) -> str:
    """What a page about one problem is called: its short title, else the first line of its question; empty without a problem."""
    return short_title(problem) or (problem.question.strip().split("\n")[0] if problem is not None else "")


def problem_names(view: TracesView) -> Mapping[Key, str]:
    """A short name of each problem, no two the same: its id, else the start of its question. Empty where there is one problem."""
    keys = list(dict.fromkeys([*map(key, view.traces), *map(key, view.sets)]))
    if len(keys) < 2:
        return dict.fromkeys(keys, "")
    return dict(zip(keys, _numbered(_short(name or question) or "problem unknown" for name, question in keys), strict=True))


def key(of: TraceView | SetView) -> Key:
    """Which problem a trace or a sample set is about."""
    return of.problem_id, of.question


def trace_labels(view: TracesView) -> tuple[str, ...]:
    """The name of each trace on its page, no two the same; it begins with the problem's where there are several."""
    problems = problem_names(view)
    return tuple(_numbered(" · ".join(x for x in (problems[key(t)], t.name) if x) for t in view.traces))


def loose_sets(view: TracesView) -> tuple[SetView, ...]:
    """The sample sets that no trace of the page belongs to."""
    owned = {t.sample_set for t in view.traces}
    return tuple(s for i, s in enumerate(view.sets) if i not in owned)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1].rstrip() + "…"


def _numbered(names: Iterable[str]) -> list[str]:
    """The names; one that was there before gets a number."""
    taken: set[str] = set()
    found: list[str] = []
    for name in names:
        fresh, k = name, 1
        while fresh in taken:
            k += 1
            fresh = f"{name} ({k})"
        taken.add(fresh)
        found.append(fresh)
    return found
