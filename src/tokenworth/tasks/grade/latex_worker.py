"""The guarded process that compares mathematical expressions: JSON lines in, JSON lines out.

Run as a program, never imported by the package. It reads text as LaTeX only: math-verify's reader of plain expressions
ends in Python's own evaluator and is not used.
"""

from __future__ import annotations

import importlib
from typing import Any

from tokenworth.core.guarded import serve


class Comparer:
    """Compares LaTeX answers with a gold answer; math-verify reads, `latex_compare` decides."""

    def __init__(self) -> None:
        library: Any = importlib.import_module("math_verify")
        self._parse: Any = library.parse
        self._verify: Any = library.verify
        self._config: Any = [library.LatexExtractionConfig()]
        self._decides: Any = importlib.import_module("tokenworth.tasks.grade.latex_compare")  # imports sympy

    def read(self, text: str) -> list[Any]:
        """What math-verify reads in an answer; an empty list where it reads nothing."""
        text = text.replace("\\$", "")  # a currency sign would be taken for the end of the formula
        marked = any(mark in text for mark in ("$", "\\(", "\\[", "\\boxed"))
        shown = text if marked else f"${text}$"
        found: list[Any] = self._parse(shown, extraction_config=self._config, fallback_mode="no_fallback", parsing_timeout=None)
        return [one for one in found if not isinstance(one, str)][:1]

    def compare(self, gold: list[Any], answer: list[Any]) -> str:
        """``same``, ``other`` or ``undecided``; undecided, too, where one of them was not read."""
        if not gold or not answer:
            return "undecided"
        said: str = self._decides.compare(gold[0], answer[0])
        relations = all(getattr(one[0], "is_Relational", False) for one in (gold, answer))
        return "same" if said == "undecided" and relations and self._verify(gold, answer, timeout_seconds=None) else said

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """What the comparison of each answer with the gold one says, whether all answers equal the last, and what could be read."""
        answers = [self.read(text) for text in request["answers"]]
        gold = self.read(request["gold"]) if request["gold"] is not None else []
        return {
            "gold_read": bool(gold),
            "read": [bool(answer) for answer in answers],
            "said": [self.compare(gold, answer) for answer in answers],
            "agree": all(self.compare(answers[-1], answer) == "same" for answer in answers[:-1]),
        }


if __name__ == "__main__":
    comparer = Comparer()
    comparer.answer({"gold": "\\frac{1}{2}", "answers": ["0.5"]})
    serve(comparer.answer)
