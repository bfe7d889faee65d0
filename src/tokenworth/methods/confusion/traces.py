"""Sampled traces of a formal problem, verified: what a model wrote on one problem, judged by the rules of its domain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokenworth.core.document import Document, Provenance, TraceDoc
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.core.verification import FormalText, Verification
from tokenworth.methods.confusion.document import VerifiedDoc
from tokenworth.methods.confusion.tally import Tally
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.forced.document import ForcedDoc
from tokenworth.methods.sample.document import SampleSetDoc
from tokenworth.methods.verify.lines import Judged
from tokenworth.methods.verify.records import checker
from tokenworth.tasks.maze.problems import DIALECT, given_size


def verdicts_of(document: CurveDoc | ForcedDoc | SampleSetDoc) -> tuple[Verification, ...]:
    """The verdict on each trace of a document, in order; empty where its problem is not of a formal domain."""
    return tuple(one.verification for one in _judged(document))


def _judged(document: Document) -> Iterator[Judged]:
    if not isinstance(document, CurveDoc | ForcedDoc | SampleSetDoc):
        return
    problem = document.problem
    if problem is None or problem.kind is not AnswerKind.PLAN:
        return
    check = checker("maze", DIALECT.name, "strict", limit=1000)
    for number, trace in enumerate(document.traces if isinstance(document, SampleSetDoc) else (document.trace,)):
        text = _text_of(problem, trace, number)
        yield Judged(id=text.id, fields={"model": document.model.name}, verification=check(text), text=text)


def verified_documents(documents: Sequence[Document], *, provenance: Provenance, level: float = 0.95) -> VerifiedDoc | None:
    """The verdicts on all traces of formal problems in the documents, each text once, grouped by model; None where there is none."""
    tally = Tally(group="model", keep=10_000)
    seen: set[tuple[object, str, str]] = set()
    for one in (one for document in documents for one in _judged(document)):
        assert one.text is not None
        if (key := (one.fields["model"], one.text.prompt, one.text.trace)) not in seen:
            seen.add(key)
            tally.add(one)
    return tally.document(checker("maze", DIALECT.name, "strict", limit=1000), level=level, provenance=provenance) if tally.n else None


def _text_of(problem: Problem, trace: TraceDoc, number: int) -> FormalText:
    text = "".join((*trace.pieces, *trace.answer_pieces)).strip()
    return FormalText(id=f"{problem.id} draw {number}", prompt=problem.question, trace=text, given=given_size(problem.task))
