"""Sampled traces of a formal problem, verified: what a model wrote on one problem, judged by the rules of its domain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tokenworth.core.document import Document, Provenance
from tokenworth.core.problem import AnswerKind
from tokenworth.core.verification import Verification
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.forced.document import ForcedDoc
from tokenworth.methods.sample.document import SampleSetDoc
from tokenworth.methods.verify.document import VerifiedDoc
from tokenworth.methods.verify.lines import Judged
from tokenworth.methods.verify.records import Verifier, verifier
from tokenworth.methods.verify.tally import Tally
from tokenworth.tasks.domains import domain_of


def verdicts_of(document: CurveDoc | ForcedDoc | SampleSetDoc) -> tuple[Verification, ...]:
    """The verdict on each trace of a document, in order; empty where its problem is not of a formal domain."""
    return tuple(one.verification for _, one in _judged(document))


def _judged(document: Document) -> Iterator[tuple[Verifier, Judged]]:
    if not isinstance(document, CurveDoc | ForcedDoc | SampleSetDoc):
        return
    problem, domain = document.problem, domain_of(document.problem)
    if problem is None or domain is None or problem.kind is not AnswerKind.PLAN:
        return
    check = verifier(domain.name, domain.dialect_of(problem), None, max_errors=1000)
    for number, trace in enumerate(document.traces if isinstance(document, SampleSetDoc) else (document.trace,)):
        written = "".join((*trace.pieces, *trace.answer_pieces)).strip()
        text = domain.answered(problem, written, f"{problem.id} draw {number}")
        yield check, Judged(id=text.id, fields={"model": document.model.name}, verification=check(text), text=text)


def verified_documents(documents: Sequence[Document], *, provenance: Provenance, level: float = 0.95) -> tuple[VerifiedDoc, ...]:
    """The verdicts on all traces of formal problems in the documents, grouped by model; one document for each dialect.

    Draws of one sample count each, equal ones too; a text that another document holds as well is not counted again.
    """
    tallies: dict[tuple[str, str], tuple[Verifier, Tally]] = {}
    seen: Counter[tuple[object, str, str]] = Counter()
    for document in documents:
        here: Counter[tuple[object, str, str]] = Counter()
        for check, one in _judged(document):
            assert one.text is not None
            key = (one.fields["model"], one.text.prompt, one.text.trace)
            here[key] += 1
            if here[key] > seen[key]:
                seen[key] = here[key]
                tallies.setdefault((check.domain.name, check.dialect), (check, Tally(group="model", keep=10_000)))[1].add(one)
    return tuple(tally.document(check, level=level, provenance=provenance) for check, tally in tallies.values())
