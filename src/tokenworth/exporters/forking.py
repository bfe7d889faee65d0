"""Branches of a curve as the table of Forking Paths: outcomes of each token at each place, `idx_tok_df.csv`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tokenworth.core.document import Document
from tokenworth.errors import InvalidInput
from tokenworth.exporters.lines import one_of, write_text
from tokenworth.methods.curve.document import BranchDoc, CurveDoc

COLUMNS = ("idx", "tok", "ans", "tok_p", "ans_mean", "ext_p", "weighted")


def write_forking(document: Document | Sequence[Document], path: str | Path) -> None:
    """Writes a row for each place, token and outcome. ``ext_p``, the probability of a whole continuation, is not known and left empty.

    The outcomes of the base's token at cut c are those at cut c + 1, where no rollout began with it. Raises: InvalidInput for a result
    without branches; StoreError when the disk refuses.
    """
    doc = one_of(document, CurveDoc, "a table of branches", "the result of curve")
    rows = list(_rows(doc))
    if not rows:
        raise InvalidInput(
            "this curve has no branch with an outcome to write; expected a curve of tokens with rollouts that leave the trace"
        )
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    write_text(out.getvalue(), path)


def _rows(doc: CurveDoc) -> Iterator[tuple[object, ...]]:
    places = {cut: row for row, cut in enumerate(doc.cuts)}
    for branch in doc.branches:
        shares = _shares(doc, branch, places)
        for answer, share in sorted(shares.items()):
            weighted = None if branch.p is None else share * branch.p
            yield branch.cut, branch.text, answer, branch.p, share, None, weighted


def _shares(doc: CurveDoc, branch: BranchDoc, places: Mapping[int, int]) -> dict[str, float]:
    """The outcomes of going on with a token."""
    if branch.n:
        return {label: count / branch.n for label, count in branch.outcomes.items()}
    after = places.get(branch.cut + 1)
    if not branch.is_base or after is None:
        return {}
    return {label: share for label, values in doc.outcomes.items() if (share := values[after]) is not None and share > 0}
