"""What must hold inside a result document beyond its types: parallel lists, cuts in range, probabilities in [0, 1]."""

from __future__ import annotations

import math
from collections.abc import Sequence, Sized

from tokenworth.core.documents import CurveDoc, Document, ExitDoc, ForcedDoc, Number, ProvenanceDoc, SampleSetDoc, TraceDoc
from tokenworth.core.verified import ANSWER_STATES, LINK_STATES, TRACE_STATES, OddsDoc, ShareDoc, TableDoc, VerifiedDoc, VerifiedTraceDoc
from tokenworth.errors import InvalidInput

_VERDICTS = ("correct", "incorrect", "unknown")
_ROUNDING = 1e-6


def check_document(doc: Document, source: str) -> None:
    """Raises InvalidInput, naming ``source`` and the field, where a document contradicts itself."""
    _check_provenance(doc.provenance, f"{source}: provenance")
    if isinstance(doc, CurveDoc):
        _check_curve(doc, source)
    elif isinstance(doc, ForcedDoc):
        _check_trace(doc.trace, f"{source}: trace")
        for reading in doc.exits:
            _check_exit(reading, len(doc.trace.pieces), f"{source}: exit {reading.name!r}")
    elif isinstance(doc, SampleSetDoc):
        _check_samples(doc, source)
    else:
        _check_verified(doc, source)


def _check_provenance(doc: ProvenanceDoc, where: str) -> None:
    counts = {name: getattr(doc, name) for name in ("drawn", "reused", "retried", "errors", "tokens_cached", "cost")}
    for name, count in counts.items():
        if count is not None and count < 0:
            raise InvalidInput(f"{where}.{name} is {count}, expected a number ≥ 0")


def _same_length(values: Sized | None, count: int, where: str, other: str) -> None:
    if values is not None and len(values) != count:
        raise InvalidInput(f"{where} has {len(values)} entries, expected {count}, one for each of {other}")


def _unit(values: Sequence[Number] | None, where: str) -> None:
    for value in values or ():
        if value is not None and not -_ROUNDING <= value <= 1 + _ROUNDING:
            raise InvalidInput(f"{where} holds {value}, expected numbers from 0 to 1 or null")


def _check_level(level: float, source: str) -> None:
    if not (math.isfinite(level) and 0 < level < 1):
        raise InvalidInput(f"{source}: level is {level}, expected a number between 0 and 1")


def _check_cuts(cuts: Sequence[int], n_trace: int, where: str) -> None:
    before = -1
    for cut in cuts:
        if not before < cut <= n_trace:
            raise InvalidInput(f"{where}: cut {cut} after {before}; expected rising cuts from 0 to {n_trace}, the length of the trace")
        before = cut


def _check_trace(trace: TraceDoc, where: str) -> None:
    count = len(trace.pieces)
    _same_length(trace.ids, count, f"{where}.ids", "trace.pieces")
    _same_length(trace.answer_ids, len(trace.answer_pieces), f"{where}.answer_ids", "trace.answer_pieces")
    _same_length(trace.probabilities, count, f"{where}.probabilities", "trace.pieces")
    _same_length(trace.logprobs, count, f"{where}.logprobs", "trace.pieces")
    _unit(trace.probabilities, f"{where}.probabilities")
    if trace.verdict not in _VERDICTS:
        raise InvalidInput(f"{where}.verdict is {trace.verdict!r}, expected {', '.join(_VERDICTS)}")


def _check_curve(doc: CurveDoc, source: str) -> None:
    _check_trace(doc.trace, f"{source}: trace")
    n_trace, count = len(doc.trace.pieces), len(doc.cuts)
    length = n_trace + len(doc.trace.answer_pieces)  # rollouts and forks go on into the answer, curves do not
    _check_cuts(doc.cuts, n_trace, f"{source}: cuts")
    _check_level(doc.level, source)
    lists = {"value": doc.value, "low": doc.low, "high": doc.high, "leave": doc.leave, "unsampled": doc.unsampled}
    lists["widened"] = doc.widened
    for group in ("outcomes", "outcomes_low", "outcomes_high"):
        lists.update({f"{group}[{label!r}]": values for label, values in getattr(doc, group).items()})
    for name, values in lists.items():
        _same_length(values, count, f"{source}: {name}", "cuts")
        _unit(values, f"{source}: {name}")
    _same_length(doc.n_effective, count, f"{source}: n_effective", "cuts")
    _same_length(doc.n_started, count, f"{source}: n_started", "cuts")
    for name, things in (("branches", doc.branches), ("samples", doc.samples), ("events", doc.events)):
        for thing in things:
            if not 0 <= thing.cut <= length:
                raise InvalidInput(f"{source}: {name} at cut {thing.cut}, expected 0 to {length}, the length of trace and answer")
    for sample in doc.samples:
        if sample.verdict not in _VERDICTS:
            raise InvalidInput(f"{source}: a sample's verdict is {sample.verdict!r}, expected {', '.join(_VERDICTS)}")


def _check_exit(reading: ExitDoc, n_trace: int, where: str) -> None:
    _check_cuts(reading.cuts, n_trace, f"{where}: cuts")
    count = len(reading.cuts)
    _same_length(reading.probability, len(reading.options), f"{where}: probability", "options")
    for option, values in zip(reading.options, reading.probability, strict=True):
        _same_length(values, count, f"{where}: probability of {option!r}", "cuts")
        _unit(values, f"{where}: probability of {option!r}")
    _check_bounds(reading, where)
    for name, values in (("mass", reading.mass), ("held", reading.held), ("top_token", reading.top_token)):
        _same_length(values, count, f"{where}: {name}", "cuts")
    _same_length(reading.top_probability, count, f"{where}: top_probability", "cuts")
    _unit(reading.top_probability, f"{where}: top_probability")


def _check_bounds(reading: ExitDoc, where: str) -> None:
    """Upper bounds come together, lie in [0, 1] and are not below what they bound."""
    if (reading.probability_high is None) != (reading.mass_high is None):
        raise InvalidInput(f"{where} has one of probability_high and mass_high; expected both or neither")
    if reading.probability_high is None or reading.mass_high is None:
        return
    _same_length(reading.probability_high, len(reading.options), f"{where}: probability_high", "options")
    _same_length(reading.mass_high, len(reading.cuts), f"{where}: mass_high", "cuts")
    _not_below(reading.mass, reading.mass_high, f"{where}: mass_high")
    for option, low, high in zip(reading.options, reading.probability, reading.probability_high, strict=True):
        _same_length(high, len(reading.cuts), f"{where}: probability_high of {option!r}", "cuts")
        _unit(high, f"{where}: probability_high of {option!r}")
        _not_below(low, high, f"{where}: probability_high of {option!r}")


def _not_below(low: Sequence[Number], high: Sequence[Number], where: str) -> None:
    for least, most in zip(low, high, strict=False):
        if least is not None and most is not None and most < least - _ROUNDING:
            raise InvalidInput(f"{where} holds {most} where the lower bound is {least}, expected no less than that")


def _check_samples(doc: SampleSetDoc, source: str) -> None:
    for number, trace in enumerate(doc.traces):
        _check_trace(trace, f"{source}: trace {number}")
    if doc.chosen is not None and not 0 <= doc.chosen < len(doc.traces):
        raise InvalidInput(f"{source}: chosen is {doc.chosen}, expected 0 to {len(doc.traces) - 1} or null")
    _unit((doc.accuracy, doc.low, doc.high), f"{source}: accuracy")


def _check_verified(doc: VerifiedDoc, source: str) -> None:
    _check_level(doc.level, source)
    for table in doc.tables:
        _check_table(table, f"{source}: table {table.group!r}")
    for number, trace in enumerate(doc.traces):
        where = f"{source}: trace {number}"
        if trace.answer not in ANSWER_STATES:
            raise InvalidInput(f"{where}: answer is {trace.answer!r}, expected {', '.join(ANSWER_STATES)}")
        found = trace.verification
        made_with = (found.domain, found.dialect, str(found.level))
        if made_with != (doc.domain, doc.dialect, doc.strictness):
            wanted = f"{doc.domain}, {doc.dialect}, {doc.strictness}"
            raise InvalidInput(f"{where}: verified as {', '.join(made_with)}, expected {wanted} as the document says")
        _check_places(trace, where)


def _check_places(trace: VerifiedTraceDoc, where: str) -> None:
    steps = () if trace.drawing is None else trace.drawing.steps
    for name, things in (("violation", trace.verification.violations), ("step", steps)):
        for thing in things:
            first, end = thing.chars
            # Verdicts that were read without their texts keep the places.
            if not 0 <= first <= end or (trace.text and end > len(trace.text)):
                raise InvalidInput(f"{where}: a {name} is at characters {first} to {end} of a text of {len(trace.text)}")


def _check_table(table: TableDoc, where: str) -> None:
    seen: set[tuple[str, str, str]] = set()
    for cell in table.cells:
        state = (cell.trace, cell.link, cell.answer)
        if cell.trace not in TRACE_STATES or cell.link not in LINK_STATES or cell.answer not in ANSWER_STATES or state in seen:
            raise InvalidInput(f"{where}: cell {', '.join(state)} has a state that does not exist, or comes twice")
        seen.add(state)
        _unit((cell.share, cell.low, cell.high), f"{where}: cell {', '.join(state)}")
    for name, count, expected in (
        ("n", table.n, sum(cell.n for cell in table.cells)),
        ("n_unparsed", table.n_unparsed, sum(cell.n for cell in table.cells if cell.trace == "unparsed")),
        ("n_unknown", table.n_unknown, sum(cell.n for cell in table.cells if cell.answer == "unknown")),
    ):
        if count != expected:
            raise InvalidInput(f"{where}: {name} is {count}, expected {expected}, the sum of its cells")
    if min([cell.n for cell in table.cells] + list(table.first_errors.values()), default=0) < 0:
        raise InvalidInput(f"{where}: a count below 0")
    for share in table.shares:
        _check_share(share, where)
    for odds in table.odds:
        _check_odds(odds, where)


def _check_share(share: ShareDoc, where: str) -> None:
    name = f"{where}: share of {share.of!r} among {share.given!r}"
    _unit((share.value, share.low, share.high), name)
    if not 0 <= share.k <= share.n:
        raise InvalidInput(f"{name} is {share.k} of {share.n}, expected 0 to all of them")
    if (share.value is None) != (share.n == 0):
        raise InvalidInput(f"{name} has the value {share.value} of {share.n} texts; expected null for none, a number for some")


def _check_odds(odds: OddsDoc, where: str) -> None:
    name = f"{where}: odds ratio of {odds.rows!r} and {odds.columns!r}"
    _unit((odds.p,), f"{name}: p")
    if min(count for row in odds.counts for count in row) < 0:
        raise InvalidInput(f"{name}: a count below 0")
    if any(x is not None and x < 0 for x in (odds.value, odds.low, odds.high)):
        raise InvalidInput(f"{name} is negative")
    _not_below((odds.low,), (odds.value,), name)
    _not_below((odds.value,), (odds.high,), name)
