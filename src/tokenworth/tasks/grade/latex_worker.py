"""The guarded process that compares mathematical expressions: JSON lines in, JSON lines out.

Run as a program, never imported by the package. It reads text as LaTeX only: math-verify's reader of plain expressions
ends in Python's own evaluator and is not used. Before the first request the process limits its memory, gives up the
right to write files and to start processes or threads, and every request resets its limit of processor time.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

_MEMORY = 2 << 30


def _lock_down() -> None:
    try:
        import resource
    except ImportError:  # not a POSIX system: the time limit of the caller remains
        return
    for name, limit in (("RLIMIT_AS", _MEMORY), ("RLIMIT_FSIZE", 0), ("RLIMIT_CORE", 0), ("RLIMIT_NPROC", 0)):
        kind = getattr(resource, name, None)
        if kind is not None:
            try:
                resource.setrlimit(kind, (limit, limit))
            except (OSError, ValueError):
                continue


def _limit_cpu(seconds: float) -> None:
    try:
        import resource
    except ImportError:
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    spent = usage.ru_utime + usage.ru_stime
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(spent + seconds) + 1, hard))


class Comparer:
    """Compares LaTeX answers with a gold answer; math-verify reads, `latex_compare` decides."""

    def __init__(self) -> None:
        library: Any = importlib.import_module("math_verify")
        self._parse: Any = library.parse
        self._verify: Any = library.verify
        self._config: Any = [library.LatexExtractionConfig()]
        # Beside this program, and not on the path: the process imports nothing else of the package.
        spec: Any = importlib.util.spec_from_file_location("latex_compare", Path(__file__).with_name("latex_compare.py"))
        self._decides: Any = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self._decides)

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


def main() -> None:
    """Answers requests until the input ends."""
    limit_s = float(sys.argv[1])
    replies = os.fdopen(os.dup(1), "wb")
    # Whatever the libraries print must not be taken for a reply.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    comparer = Comparer()
    comparer.answer({"gold": "\\frac{1}{2}", "answers": ["0.5"]})
    _lock_down()
    replies.write(b'{"ready": true}\n')
    replies.flush()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        _limit_cpu(limit_s)
        try:
            response = comparer.answer(request)
        except Exception:  # noqa: BLE001 - whatever hostile text makes the library raise, the reply is "no answer"
            response = {"failed": True}
        replies.write(json.dumps({**response, "id": request["id"]}).encode() + b"\n")
        replies.flush()


if __name__ == "__main__":
    main()
