"""Breaks the package in one place at a time and runs the tests that should notice. ``python scripts/mutants.py [NUMBER …]``

Each mutant is one line of a copy of ``src`` changed; the tests run against that copy. A mutant that no test notices is printed as
SURVIVED, and the exit code is 1. The verifiers have more of them in ``tests/audit``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One changed line."""

    what: str
    path: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        what="the prompt is not part of a content key",
        path="core/keys.py",
        old="np.asarray(sequence.prompt, dtype",
        new="np.asarray(sequence.prompt[:1], dtype",
        tests=("core",),
    ),
    Mutant(
        what="top-p keeps one token too few",
        path="core/sampling.py",
        old="before >= sampling.top_p",
        new="before >= sampling.top_p - 0.1",
        tests=("core", "backends/toy"),
    ),
    Mutant(
        what="Wilson limits too narrow",
        path="stats/proportion.py",
        old="+ z * z / 4)",
        new="+ z * z / 9)",
        tests=("stats",),
    ),
    Mutant(
        what="the probability of reaching a later stratum is lost in the variance",
        path="stats/excursions.py",
        old="+ follow**2 * kish[b]",
        new="+ follow * kish[b]",
        tests=("stats", "methods"),
    ),
    Mutant(
        what="paired limits without their correlation",
        path="stats/difference.py",
        old="a * a - 2 * phi * a * b + b * b",
        new="a * a + b * b",
        tests=("stats",),
    ),
    Mutant(
        what="a plain rollout counts one cut too far",
        path="methods/curve/passing.py",
        old="            return cut + step\n",
        new="            return cut + step + 1\n",
        tests=("methods",),
    ),
    Mutant(
        what="a base chosen as correct may be any",
        path="methods/sample/choice.py",
        old='"correct": {Verdict.CORRECT}',
        new='"correct": {Verdict.CORRECT, Verdict.UNKNOWN}',
        tests=("methods", "workbench", "cli"),
    ),
    Mutant(
        what="forced answers read at the cut before",
        path="methods/forced/experiment.py",
        old="yield tuple(Read(sequence=trace.sequence, cuts=cuts,",
        new="yield tuple(Read(sequence=trace.sequence, cuts=tuple(max(c - 1, 0) for c in cuts),",
        tests=("methods", "workbench"),
    ),
    Mutant(
        what="a later answer to the same key overwrites the stored one",
        path="store/sqlite.py",
        old="ON CONFLICT (key) DO NOTHING",
        new="ON CONFLICT (key) DO UPDATE SET payload = excluded.payload",
        tests=("store",),
    ),
    Mutant(
        what="a stored response is decoded with its bytes the wrong way round",
        path="store/codec.py",
        old='1: np.dtype("<f4"), 2: np.dtype("<f8")',
        new='1: np.dtype("<f4"), 2: np.dtype(">f8")',
        tests=("store",),
    ),
    Mutant(
        what="the driver asks again for what the store holds",
        path="run/drive.py",
        old="for key, (keyed, _) in wanted.items() if key not in stored}",
        new="for key, (keyed, _) in wanted.items()}",
        tests=("run", "workbench"),
    ),
    Mutant(
        what="a dry run takes all tokens for cached",
        path="run/cost.py",
        old="for cached in (0, read))",
        new="for cached in (read,))",
        tests=("run",),
    ),
)


def survives(mutant: Mutant) -> bool:
    """Whether no test notices the mutant."""
    with tempfile.TemporaryDirectory(prefix="tokenworth-") as folder:
        shutil.copytree(ROOT / "src", Path(folder) / "src", ignore=shutil.ignore_patterns("__pycache__"))
        path = Path(folder) / "src" / "tokenworth" / mutant.path
        text = path.read_text(encoding="utf-8")
        if text.count(mutant.old) != 1:
            raise SystemExit(f"{mutant.path}: expected {mutant.old!r} once; bring the mutant up to the code")
        path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": str(Path(folder) / "src")}
        command = [sys.executable, "-m", "pytest", "-q", "-x", *(f"tests/{name}" for name in mutant.tests)]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        print(f"{'SURVIVED' if done.returncode == 0 else 'noticed '} {mutant.path}: {mutant.what}")
        print(f"         {failed[0][:150] if failed else ''}", flush=True)
        return done.returncode == 0


def main() -> None:
    """Tries the mutants named by number, or all."""
    chosen = [MUTANTS[int(one)] for one in sys.argv[1:]] or list(MUTANTS)
    sys.exit(1 if any([survives(mutant) for mutant in chosen]) else 0)


if __name__ == "__main__":
    main()
