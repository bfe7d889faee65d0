"""The guarded process that compares mathematical expressions: JSON lines in, JSON lines out.

Run as a program, never imported by the package. It reads text as LaTeX only: math-verify's reader of plain expressions
ends in Python's own evaluator and is not used. Before the first request the process limits its memory, gives up the
right to write files and to start processes or threads, and every request resets its limit of processor time.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
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
    resource.setrlimit(resource.RLIMIT_CPU, (int(spent + seconds) + 2, hard))


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
