"""Data sets by their Hugging Face name, when the ``datasets`` library is installed."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from typing import Any, cast

from tokenworth.core.problem import Problem
from tokenworth.errors import InvalidInput, MissingExtra
from tokenworth.tasks.sources.files import letters, text_field, text_list
from tokenworth.tasks.sources.maths import gsm8k_problem, math_problem
from tokenworth.tasks.sources.mmlu import choice_problem, mmlu_pro_problem
from tokenworth.tasks.sources.native import KEYS, native_problem

_SPLITS = ("train", "test", "validation", "dev", "auxiliary_train")
_CONFIGS = {"openai/gsm8k": "main", "gsm8k": "main", "cais/mmlu": "all"}


def parse_hub_spec(rest: str) -> tuple[str, str | None, str]:
    """(name, config, split) of ``NAME[:CONFIG][:SPLIT]``; one part alone is a split where it is named like one."""
    name, *parts = re.split(r":(?![^\[]{0,40}\])", rest)  # not the colon of a slice such as train[:100]
    if not name or len(parts) > 2 or not all(parts):
        raise InvalidInput(f"task 'hf:{rest}': expected hf:NAME, hf:NAME:SPLIT, hf:NAME:CONFIG or hf:NAME:CONFIG:SPLIT")
    config, split = _CONFIGS.get(name), "test"
    if len(parts) == 2:
        config, split = parts
    elif parts and parts[0].split("[")[0] in _SPLITS:
        split = parts[0]
    elif parts:
        config = parts[0]
    return name, config, split


def hub_problems(rest: str, *, limit: int | None) -> list[Problem]:
    """The problems of a data set with the columns of MMLU, MMLU-Pro, GSM8K, MATH-500, or of the project's own schema.

    Raises: MissingExtra without the ``datasets`` library; InvalidInput when the set cannot be loaded or has other columns.
    """
    name, config, split = parse_hub_spec(rest)
    try:
        library: Any = importlib.import_module("datasets")
    except ImportError as error:
        raise MissingExtra(
            f"task 'hf:{rest}' needs the datasets library, which is not installed; run: pip install 'tokenworth[datasets]'"
        ) from error
    asked = split if limit is None or "[" in split else f"{split}[:{limit}]"
    try:
        rows = cast("Iterable[dict[str, Any]]", library.load_dataset(name, config, split=asked))
        found = list(rows)
    except (OSError, ValueError, LookupError, RuntimeError, TypeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InvalidInput(f"task 'hf:{rest}': cannot load data set {name!r}, config {config!r}, split {asked!r}: {reason}") from error
    short = name.rsplit("/", 1)[-1]
    return [hub_problem(row, f"hf:{rest} row {number}", f"{short}/{split}/{number}") for number, row in enumerate(found)]


def hub_problem(row: dict[str, Any], where: str, ident: str) -> Problem:
    """The problem of one row, by the columns it has."""
    columns = set(row)
    if {"question", "choices", "answer"} <= columns:
        return _mmlu_problem(row, where, ident)
    if {"question", "options", "answer"} <= columns:
        return mmlu_pro_problem({"question_id": ident, **row}, where)
    if {"problem", "answer"} <= columns:
        return math_problem(row, where, ident)
    if {"question", "answer"} <= columns and "####" in str(row["answer"]):
        return gsm8k_problem(row, where, ident)
    if {"id", "question"} <= columns <= set(KEYS):
        return native_problem(row, where)
    raise InvalidInput(
        f"{where}: columns {sorted(columns)} are not known; expected those of MMLU (question, choices, answer), "
        "MMLU-Pro (question, options, answer), GSM8K (question, answer with ####) or MATH-500 (problem, answer)"
    )


def _mmlu_problem(row: dict[str, Any], where: str, ident: str) -> Problem:
    texts = text_list(row["choices"], "choices", where)
    index: object = row["answer"]
    labels = list(letters(len(texts), where))
    if not isinstance(index, int) or not 0 <= index < len(labels):
        raise InvalidInput(f"{where}: answer {index!r} is not the index of one of {len(texts)} choices")
    subject: object = row.get("subject")
    return choice_problem(
        ident=ident,
        question=text_field(row, "question", where),
        texts=texts,
        gold=labels[index],
        task=f"mmlu:{subject}" if isinstance(subject, str) else "mmlu",
        where=where,
    )
