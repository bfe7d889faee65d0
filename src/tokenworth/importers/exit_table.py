"""The table of published exit curves, ``all-questions.csv``: a row of features for each trace, without its curve."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tokenworth import __version__
from tokenworth.core.document import About, Provenance
from tokenworth.errors import InvalidInput
from tokenworth.importers.exit_curves import MODEL
from tokenworth.importers.files import read_table
from tokenworth.importers.importer import Importer
from tokenworth.methods.survey.derive import survey_of
from tokenworth.methods.survey.document import SurveyDoc, SurveyRow
from tokenworth.methods.survey.features import COMMITTED, NAMES
from tokenworth.methods.survey.settings import SurveySettings
from tokenworth.tasks.sources.files import text_lines

COLUMNS = (
    "id", "subject", "correct", "n_thinking_tokens", "n_answer_tokens", "thinking_closed", "p_correct_first", "p_correct_end",
    "p_correct_min", "p_correct_max", "argmax_first", "argmax_end", "argmax_flips", "stated_choice",
)  # fmt: skip
_ROUNDING = 0.01
"""By how much a difference of two numbers of two decimals can be off."""


def exit_table(path: Path) -> SurveyDoc:
    """The survey of a table of exit curves. Raises InvalidInput, naming file and line, for a damaged one."""
    rows = tuple(_row(where, fields) for where, fields in read_table(path, COLUMNS))
    if not rows:
        raise InvalidInput(f"{path}: a header and no rows; expected one row a trace")
    about = About(provenance=Provenance(version=__version__, source=path.name))
    return survey_of(rows, SurveySettings(), about)


def _row(where: str, fields: dict[str, str]) -> SurveyRow:
    first, end, least, most = (
        _number(where, fields, name, 1.0) for name in ("p_correct_first", "p_correct_end", "p_correct_min", "p_correct_max")
    )
    tokens = int(_number(where, fields, "n_thinking_tokens", 1e9))
    gold, start, own = (fields[name] for name in ("correct", "argmax_first", "argmax_end"))
    if not (gold and start and own and fields["id"]):
        raise InvalidInput(f"{where}: an empty id, correct, argmax_first or argmax_end; expected all of them")
    found = {
        "start": first,
        "end": end,
        "gain": end - first,
        "range": max(most - least, 0.0),
        "slack": _ROUNDING,
        "starts_right": float(start == gold),
        "ends_right": float(own == gold),
        "same_option": float(start == own),
        "flips": _number(where, fields, "argmax_flips", 1e9),
        "tokens": float(tokens),
    }
    ident, stated = fields["id"], fields["stated_choice"] or None
    return SurveyRow(
        id=ident.replace("@", "#"),
        problem=ident,
        # The same question under two subjects has an @ in its second id.
        question=ident.partition("@")[0],
        subject=fields["subject"],
        title=ident,
        model=MODEL,
        kind="table",
        gold=gold,
        own=own,
        stated=stated,
        correct=own == gold,
        verdict="unknown" if stated is None else "correct" if stated == gold else "incorrect",
        tokens=tokens,
        answer_tokens=int(_number(where, fields, "n_answer_tokens", 1e9)),
        closed=fields["thinking_closed"] == "1",
        label=None,
        margin=None,
        is_open=False,
        twin=None,
        twin_margin=None,
        features=tuple(found.get(name) for name in NAMES),
        committed_after=(None,) * len(COMMITTED),
        relapsed=(False,) * len(COMMITTED),
    )


def _number(where: str, fields: dict[str, str], name: str, most: float) -> float:
    text = fields[name]
    try:
        value = float(text) if len(text) <= 20 else -1.0
    except ValueError:
        value = -1.0
    if not 0 <= value <= most:
        raise InvalidInput(f"{where}: {name} is {text[:20]!r}, expected a number from 0 to {most:g}")
    return value


def _is_table(path: Path) -> bool:
    if not path.name.casefold().endswith((".csv", ".csv.gz")):
        return False
    _, header = next(text_lines(path), (1, ""))
    return set(COLUMNS) <= set(header.strip().split(","))


def _read(path: Path) -> Iterator[SurveyDoc]:
    yield exit_table(path)


TABLE = Importer(
    reads="the table of exit curves, all-questions.csv[.gz], as a survey",
    claims=_is_table,
    read=_read,
)
