"""The derivation of `prevalence`: results of `pivots` in, counts over traces out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.core.document import About, Document, numbers
from tokenworth.core.estimate import Estimate
from tokenworth.core.measure import Gather
from tokenworth.core.table import trace_id
from tokenworth.errors import InvalidInput
from tokenworth.methods.pivots.document import PivotDoc, PivotsDoc
from tokenworth.methods.prevalence.document import PivotGroup, PrevalenceDoc, TenthRow, TokenRow, TraceRow
from tokenworth.methods.prevalence.settings import PrevalenceSettings
from tokenworth.methods.survey.rows import question_key
from tokenworth.stats.by_cluster import mean_of, quantile_of, share_of

TENTHS = 10


def gathers(settings: PrevalenceSettings) -> Sequence[Gather]:
    """The pivots of the first sampled answer to every problem."""
    return (Gather(measure="pivots", settings=settings.search),)


def prevalence_document(documents: Iterable[Document], settings: PrevalenceSettings, about: About) -> PrevalenceDoc:
    """The prevalence of pivots over all searches among the documents; of one trace that was searched twice alike the last counts.

    Raises InvalidInput without any search.
    """
    groups: defaultdict[tuple[object, ...], dict[str, PivotsDoc]] = defaultdict(dict)
    passed = plans = again = 0
    for one in documents:
        if not isinstance(one, PivotsDoc):
            passed += 1
        elif one.plan.name != "search":
            plans += 1
        else:
            plan = one.plan
            group = groups[
                (one.model.name, one.model.fingerprint, one.target, one.value_label, plan.delta, plan.least, plan.false_discovery)
            ]
            name = trace_id(one.model.name, one.trace)
            again += name in group
            group[name] = one
    if not groups:
        raise InvalidInput("no searches for pivots among the documents; give results of pivots, or a task whose traces are to be searched")
    notes = [f"{passed:,} documents are not of pivots and are passed over"] if passed else []
    notes += [f"{plans:,} documents are of plans for comparison, which claim nothing, and are passed over"] if plans else []
    notes += [f"{again:,} traces were searched more than once; the last search of each counts"] if again else []
    made = tuple(_group(found, settings) for _, found in sorted(groups.items(), key=lambda pair: str(pair[0])))
    return PrevalenceDoc(level=settings.level, groups=made, provenance=about.provenance, notes=(*notes, *_notes(made)))


def _notes(groups: Sequence[PivotGroup]) -> Iterator[str]:
    q = max(group.false_discovery for group in groups)
    yield (
        f"each trace has its own false-discovery rate, so of traces without any pivot up to a share of {q:g} may have a claim: a share of "
        "traces that small says nothing"
    )
    if any(row.undecided for group in groups for row in group.rows):
        yield "undecided tokens are no claims: what is counted is the least that there is, and number_open the most"
    if any(group.n_bounded < group.traces for group in groups):
        yield "bases that were chosen or given can have more pivots than drawn ones, and are in no comparison with the bound"
    if any(group.questions == 1 for group in groups):
        yield "all traces are of one question: limits are over its traces and say nothing of other questions"


def _group(found: dict[str, PivotsDoc], settings: PrevalenceSettings) -> PivotGroup:
    docs, level, rng = list(found.values()), settings.level, np.random.default_rng(settings.seed)
    rows = tuple(_row(name, doc) for name, doc in found.items())
    questions = len({row.question for row in rows})
    cluster = _indices([row.question if questions > 1 else row.id for row in rows])
    claims, delta, open_ = (_counts(rows, name) for name in ("claims", "at_least_delta", "undecided"))
    bounded = np.asarray([row.most is not None for row in rows], dtype=bool)
    (bound,) = numbers([float(np.mean([row.most for row in rows if row.most is not None])) if bounded.any() else np.nan])
    same = mean_of(delta[bounded], cluster[bounded], level=level, rng=rng)
    each = _candidates(docs, cluster)
    first = docs[0]
    return PivotGroup(
        model=first.model,
        target=first.target,
        value_label=first.value_label,
        delta=first.plan.delta,
        least=first.plan.least,
        false_discovery=first.plan.false_discovery,
        traces=len(rows),
        questions=questions,
        clusters="questions" if questions > 1 else "traces",
        share=share_of(claims > 0, cluster, level),
        share_delta=share_of(delta > 0, cluster, level),
        number=mean_of(claims, cluster, level=level, rng=rng),
        number_delta=mean_of(delta, cluster, level=level, rng=rng),
        number_open=mean_of(claims + open_, cluster, level=level, rng=rng),
        position=each.quartiles(level, rng),
        bound=bound,
        n_bounded=int(bounded.sum()),
        bounded=same,
        exceeded=bound is not None and same.value is not None and same.value > bound,
        tenths=tuple(each.tenths(level)),
        tokens=tuple(each.tokens(level))[: settings.tokens],
        n_texts=len({row.text for row, is_claim in zip(each.docs, each.is_claim.tolist(), strict=True) if is_claim}),
        rows=rows,
    )


def _row(name: str, doc: PivotsDoc) -> TraceRow:
    problem = "" if doc.problem is None else doc.problem.id
    return TraceRow(
        id=name,
        problem=problem,
        question=question_key(doc.problem, doc.trace.prompt),
        tokens=len(doc.trace.pieces),
        candidates=doc.family,
        claims=len(doc.claims),
        at_least_delta=sum(row.at_least_delta for row in doc.claims),
        undecided=len(doc.undecided),
        most=doc.most,
    )


def _counts(rows: Sequence[TraceRow], name: str) -> Float[np.ndarray, " trace"]:
    return np.asarray([getattr(row, name) for row in rows], dtype=np.float64)


def _indices(names: Sequence[str]) -> Int[np.ndarray, " item"]:
    return np.unique(np.asarray(names, dtype=np.str_), return_inverse=True)[1].astype(np.int64)


class _Candidates:
    """All candidates of a group, claimed or not. Arrays run parallel to ``docs``."""

    def __init__(
        self, docs: Sequence[PivotDoc], place: Sequence[float], claim: Sequence[bool], trace: Sequence[int], cluster: Sequence[int]
    ):
        self.docs = docs
        self.place: Float[np.ndarray, " item"] = np.asarray(place, dtype=np.float64)
        self.is_claim: Bool[np.ndarray, " item"] = np.asarray(claim, dtype=bool)
        self.trace: Int[np.ndarray, " item"] = np.asarray(trace, dtype=np.int64)
        self.cluster: Int[np.ndarray, " item"] = np.asarray(cluster, dtype=np.int64)

    def quartiles(self, level: float, rng: np.random.Generator) -> tuple[Estimate, ...]:
        """Of the places of claims."""
        where = self.is_claim
        return tuple(quantile_of(self.place[where], self.cluster[where], q, level=level, rng=rng) for q in (0.25, 0.5, 0.75))

    def tenths(self, level: float) -> Iterator[TenthRow]:
        """Each tenth of the traces."""
        number = np.minimum((self.place * TENTHS).astype(np.int64), TENTHS - 1)
        for tenth in range(TENTHS):
            inside = number == tenth
            share = share_of(self.is_claim[inside], self.cluster[inside], level)
            yield TenthRow(tenth=tenth, candidates=int(inside.sum()), claims=int(self.is_claim[inside].sum()), share=share)

    def tokens(self, level: float) -> list[TokenRow]:
        """Each text that is claimed somewhere, those with most claims first."""
        by_text: defaultdict[str, list[int]] = defaultdict(list)
        for index, row in enumerate(self.docs):
            by_text[row.text].append(index)
        made: list[TokenRow] = []
        for text, several in by_text.items():
            which = np.asarray(several)
            claimed = which[self.is_claim[which]]
            if len(claimed):
                change = np.asarray([self.docs[i].delta or 0.0 for i in map(int, claimed)])
                row = TokenRow(
                    text=text,
                    candidates=len(which),
                    claims=len(claimed),
                    up=int((change > 0).sum()),
                    traces=len(np.unique(self.trace[claimed])),
                    size=float(np.abs(change).mean()),
                    share=share_of(self.is_claim[which], self.cluster[which], level),
                )
                made.append(row)
        return sorted(made, key=lambda row: (-row.claims, -row.traces, row.text))


def _candidates(docs: Sequence[PivotsDoc], cluster: Int[np.ndarray, " trace"]) -> _Candidates:
    found: list[tuple[PivotDoc, float, bool, int, int]] = []
    for trace, doc in enumerate(docs):
        size = len(doc.trace.pieces)
        for is_claim, rows in ((True, doc.claims), (False, (*doc.excluded, *doc.undecided))):
            found += [
                (replace(row, text=doc.trace.pieces[row.token]), (row.token + 0.5) / size, is_claim, trace, int(cluster[trace]))
                for row in rows
            ]
    docs_, place, claim, number, group = zip(*found, strict=True) if found else ((), (), (), (), ())
    return _Candidates(docs_, place, claim, number, group)
