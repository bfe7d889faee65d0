"""The guarded process that compares mathematical expressions: JSON lines in, JSON lines out.

Run as a program, never imported by the package. It reads text as LaTeX only: math-verify's reader of plain expressions
ends in Python's own evaluator and is not used.
"""

from __future__ import annotations

import importlib
from typing import Any

from tokenworth.core.guarded import serve


class Comparer:
    """Compares LaTeX answers with a gold answer through math-verify."""

    def __init__(self) -> None:
        library: Any = importlib.import_module("math_verify")
        self._parse: Any = library.parse
        self._verify: Any = library.verify
        self._config: Any = [library.LatexExtractionConfig()]

    def read(self, text: str) -> list[Any]:
        """What math-verify reads in an answer; an empty list where it reads nothing."""
        text = text.replace("\\$", "")  # a currency sign would be taken for the end of the formula
        marked = any(mark in text for mark in ("$", "\\(", "\\[", "\\boxed"))
        shown = text if marked else f"${text}$"
        found: list[Any] = self._parse(shown, extraction_config=self._config, fallback_mode="no_fallback", parsing_timeout=None)
        return found

    def equal(self, first: list[Any], second: list[Any]) -> bool:
        """Whether two readings are equal."""
        return bool(first and second and self._verify(first, second, timeout_seconds=None))

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Which answers equal the gold one, which could be read, and whether all answers equal the last."""
        answers = [self.read(text) for text in request["answers"]]
        gold = self.read(request["gold"]) if request["gold"] is not None else []
        return {
            "gold_read": bool(gold),
            "read": [bool(answer) for answer in answers],
            "correct": [self.equal(gold, answer) for answer in answers],
            "same": all(self.equal(answers[-1], answer) for answer in answers[:-1]),
        }


if __name__ == "__main__":
    comparer = Comparer()
    comparer.answer({"gold": "\\frac{1}{2}", "answers": ["0.5"]})
    serve(comparer.answer)
