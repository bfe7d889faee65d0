"""Sampled traces of a formal problem, verified: what a model wrote on one problem, judged by the rules of its domain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokenworth import __version__
from tokenworth.core.document import Provenance
from tokenworth.core.problem import AnswerKind
from tokenworth.core.tokens import TokenSequence, Trace
from tokenworth.core.verification import FormalText
from tokenworth.errors import InvalidInput
from tokenworth.methods.confusion.document import VerifiedDoc
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.forced.document import ForcedDoc
from tokenworth.methods.sample.document import SampleSetDoc
from tokenworth.tasks.domains import domain_of
from tokenworth.workbench.case import Case, Samples
from tokenworth.workbench.formal import Checker, Tally, checker
from tokenworth.workbench.verdicts import Judged


def formal_text(case: Case, trace: Trace, name: str) -> FormalText:
    """A trace with its answer, as the text a verifier reads. Raises InvalidInput for a problem that is of no formal domain."""
    problem, domain = case.problem, domain_of(case.problem)
    if problem is None or domain is None or problem.kind is not AnswerKind.PLAN:
        told = "an automaton" if problem is None else f"problem {problem.id!r}"
        raise InvalidInput(f"{told} is not of a formal domain, so its traces cannot be verified; use a task such as maze:searchformer/7")
    return domain.answered(problem, case.model.codec.decode(trace.sequence.completion).strip(), name)


def verified_samples(case: Case, samples: Samples, check: Checker, *, group: str) -> Iterator[Judged]:
    """Every sampled answer with its verdict, in the order of the draws; ``group`` is kept as the field ``model``."""
    result = samples.result
    for index, (rollout, n_trace) in enumerate(zip(result.rollouts, result.n_trace, strict=True)):
        sequence = TokenSequence(prompt=result.prompt, completion=rollout.ids)
        trace = Trace(sequence=sequence, n_trace=int(n_trace), stop=rollout.stop)
        text = formal_text(case, trace, f"draw {index}")
        yield Judged(id=text.id, fields={"model": group}, verification=check(text), text=text)


def verified_documents(documents: Sequence[CurveDoc | ForcedDoc | SampleSetDoc], *, level: float = 0.95) -> tuple[VerifiedDoc, ...]:
    """The verdicts on all traces of formal problems in the documents, each text once, grouped by model; one document for each dialect."""
    tallies: dict[tuple[str, str], tuple[Checker, Tally]] = {}
    seen: set[tuple[str, str, str]] = set()
    for document in documents:
        problem, domain = document.problem, domain_of(document.problem)
        if problem is None or domain is None or problem.kind != AnswerKind.PLAN:
            continue
        dialect = domain.dialect_named(domain.dialect_of(problem))
        key = (domain.name, dialect)
        check, tally = tallies.setdefault(key, (checker(*key, None, limit=1000), Tally(group="model", keep=10_000)))
        for number, trace in enumerate(document.traces if isinstance(document, SampleSetDoc) else (document.trace,)):
            written = "".join((*trace.pieces, *trace.answer_pieces)).strip()
            text = domain.answered(problem, written, f"{problem.id} draw {number}")
            if (place := (document.model.name, text.prompt, text.trace)) not in seen:
                seen.add(place)
                tally.add(Judged(id=text.id, fields={"model": document.model.name}, verification=check(text), text=text))
    made = Provenance(version=__version__)
    return tuple(tally.document(check, level=level, provenance=made) for check, tally in tallies.values() if tally.n)
