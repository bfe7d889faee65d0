"""Sampled traces of a formal problem, verified: what a model wrote on one problem, judged by the rules of its domain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokenworth import __version__
from tokenworth.core.document import Provenance, TraceDoc
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.core.tokens import TokenSequence, Trace
from tokenworth.core.verification import FormalText
from tokenworth.errors import InvalidInput
from tokenworth.methods.confusion.document import VerifiedDoc
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.forced.document import ForcedDoc
from tokenworth.methods.sample.document import SampleSetDoc
from tokenworth.tasks.maze.problems import DIALECT, given_size
from tokenworth.workbench.case import Case, Samples
from tokenworth.workbench.formal import Checker, Tally, checker
from tokenworth.workbench.verdicts import Judged


def formal_text(case: Case, trace: Trace, name: str) -> FormalText:
    """A trace of a maze problem with its answer, as the text a verifier reads. Raises InvalidInput for a problem of another kind."""
    problem = case.problem
    if problem is None or problem.kind is not AnswerKind.PLAN:
        told = "an automaton" if problem is None else f"problem {problem.id!r}"
        raise InvalidInput(f"{told} is not of a formal domain, so its traces cannot be verified; use a task such as maze:searchformer/7")
    text = case.model.codec.decode(trace.sequence.completion).strip()
    return FormalText(id=name, prompt=problem.question, trace=text, given=given_size(problem.task))


def verified_samples(case: Case, samples: Samples, check: Checker, *, group: str) -> Iterator[Judged]:
    """Every sampled answer with its verdict, in the order of the draws; ``group`` is kept as the field ``model``."""
    result = samples.result
    for index, (rollout, n_trace) in enumerate(zip(result.rollouts, result.n_trace, strict=True)):
        sequence = TokenSequence(prompt=result.prompt, completion=rollout.ids)
        trace = Trace(sequence=sequence, n_trace=int(n_trace), stop=rollout.stop)
        text = formal_text(case, trace, f"draw {index}")
        yield Judged(id=text.id, fields={"model": group}, verification=check(text), text=text)


def verified_documents(documents: Sequence[CurveDoc | ForcedDoc | SampleSetDoc], *, level: float = 0.95) -> VerifiedDoc | None:
    """The verdicts on all traces of maze problems in the documents, each text once, grouped by model; None where there is none."""
    check = checker("maze", DIALECT.name, "strict", limit=1000)
    tally = Tally(group="model", keep=10_000)
    seen: set[tuple[str, str, str]] = set()
    for document in documents:
        problem = document.problem
        if problem is None or problem.kind != AnswerKind.PLAN:
            continue
        for number, trace in enumerate(document.traces if isinstance(document, SampleSetDoc) else (document.trace,)):
            text = _text_of(problem, trace, number)
            if (key := (document.model.name, text.prompt, text.trace)) not in seen:
                seen.add(key)
                tally.add(Judged(id=text.id, fields={"model": document.model.name}, verification=check(text), text=text))
    return tally.document(check, level=level, provenance=Provenance(version=__version__)) if tally.n else None


def _text_of(problem: Problem, trace: TraceDoc, number: int) -> FormalText:
    text = "".join((*trace.pieces, *trace.answer_pieces)).strip()
    return FormalText(id=f"{problem.id} draw {number}", prompt=problem.question, trace=text, given=given_size(problem.task))
