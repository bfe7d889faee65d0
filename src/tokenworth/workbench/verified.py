"""Sampled traces of a formal problem, verified: what a model wrote on one problem, judged by the rules of its domain."""

from __future__ import annotations

from collections.abc import Iterator

from tokenworth.core.problem import AnswerKind
from tokenworth.core.tokens import TokenSequence, Trace
from tokenworth.core.verification import FormalText
from tokenworth.errors import InvalidInput
from tokenworth.tasks.maze.problems import given_size
from tokenworth.workbench.case import Case, Samples
from tokenworth.workbench.formal import Checker, Judged


def formal_text(case: Case, trace: Trace, name: str) -> FormalText:
    """A trace of a maze problem with its answer, as the text a verifier reads. Raises InvalidInput for a problem of another kind."""
    problem = case.problem
    if problem is None or problem.kind is not AnswerKind.PLAN:
        told = "an automaton" if problem is None else f"problem {problem.id!r}"
        raise InvalidInput(f"{told} is not of a formal domain, so its traces cannot be verified; use a task such as maze:searchformer/7")
    text = case.model.codec.decode(trace.sequence.completion).strip()
    return FormalText(id=name, prompt=problem.question, trace=text, given=given_size(problem))


def verified_samples(case: Case, samples: Samples, check: Checker, *, group: str) -> Iterator[Judged]:
    """Every sampled answer with its verdict, in the order of the draws; ``group`` is kept as the field ``model``."""
    result = samples.result
    for index, (rollout, n_trace) in enumerate(zip(result.rollouts, result.n_trace, strict=True)):
        sequence = TokenSequence(prompt=result.prompt, completion=rollout.ids)
        trace = Trace(sequence=sequence, n_trace=int(n_trace), stop=rollout.stop)
        text = formal_text(case, trace, f"draw {index}")
        yield Judged(id=text.id, fields={"model": group}, verification=check(text), text=text)
