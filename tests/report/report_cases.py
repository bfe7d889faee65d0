"""Synthetic result documents for the tests and the benchmark of the report."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from typing import Any

import numpy as np

from tokenworth.core.document import ModelDoc, Provenance, TraceDoc
from tokenworth.core.problem import Option, Problem
from tokenworth.core.sampling import Sampling
from tokenworth.methods.curve.document import BranchDoc, BudgetDoc, CurveDoc, PlanDoc, SampleDoc
from tokenworth.methods.forced.document import ExitDoc, ForcedDoc
from tokenworth.methods.sample.document import SampleSetDoc
from tokenworth.report.page import Page
from tokenworth.stats.proportion import wilson

TEXT = """<think>
The question asks which organ removes urea from the blood of a mammal. Urea is made in the liver from ammonia, so the liver is \
where it begins, not where it leaves. Let me go through the options one at a time.

Option A says the liver. The liver makes urea in the urea cycle. It does not remove it, so A looks like a distractor for people who \
remember only that the liver has something to do with urea.

Option B says the kidneys. The kidneys filter the blood in the glomeruli, and urea passes into the filtrate. About half of it is \
taken back in the collecting duct, but the rest leaves with the urine. That fits "removes from the blood".

Wait, the question says "mammal that hibernates". Bears recycle urea while they sleep: it passes from the bladder back into the \
blood, and gut bacteria turn it into amino acids. So could the answer be the bladder, option C? No. The bladder only stores urine. \
Even in a bear the kidneys are what filters the blood.

Option D, the skin, loses a little urea with sweat, but less than one part in a hundred of what the kidneys remove. So the \
answer should be B, the kidneys.
"""

OPTIONS = (
    Option(label="A", text="the liver"),
    Option(label="B", text="the kidneys"),
    Option(label="C", text="the bladder"),
    Option(label="D", text="the skin"),
)
MODEL = ModelDoc(name="tiny-world 5M", fingerprint="9f2c61d07ab1443e")
SAMPLING = Sampling(temperature=1.0, top_k=20, top_p=0.95, min_p=0.0, max_tokens=1024, stop=())
PROVENANCE = Provenance(version="0.1.0", created="2026-01-02T03:04:05Z", source="synthetic", drawn=4210)


def problem(options: tuple[Option, ...] = OPTIONS, gold: str | None = "B") -> Problem:
    question = "Which organ of a hibernating mammal removes most of the urea from its blood?"
    return Problem(id="bio/17", question=question, options=options, gold=gold)


def pieces(n: int | None = None, seed: int = 0) -> tuple[str, ...]:
    """The text cut like a tokenizer would, repeated paragraphs for longer traces."""
    base = re.findall(r"\n+|<\w+>|\s?[A-Za-z]{1,7}|\s?[^\sA-Za-z]|\s", TEXT)
    if n is None:
        return tuple(base)
    rng = np.random.default_rng(seed)
    paragraphs = [re.findall(r"\n+|\s?[A-Za-z]{1,7}|\s?[^\sA-Za-z]|\s", p + "\n\n") for p in TEXT.split("\n\n")[1:]]
    out: list[str] = []
    while len(out) < n:
        out += paragraphs[int(rng.integers(len(paragraphs)))]
    return tuple(out[:n])


def trace(n: int | None = None, **over: object) -> TraceDoc:
    tokens = over.pop("pieces", None) or (pieces(n) if n != 0 else ())
    rng = np.random.default_rng(7)
    certain = rng.random(len(tokens)) < 0.72
    p = np.where(certain, 1.0, rng.beta(4, 1.4, len(tokens)))
    fields = {
        "unit": "token",
        "pieces": tokens,
        "answer_pieces": ("</think>", " The", " answer", " is", " (", "B", ")."),
        "ids": tuple(int(x) for x in rng.integers(4, 4000, len(tokens))),
        "probabilities": tuple(float(x) for x in p),
        "outcome": "B",
        "verdict": "correct",
        "stop": "stop",
        "prompt": "Question: …\nOptions: A, B, C, D\n",
    }
    return TraceDoc(**(fields | over))


def true_value(n: int) -> np.ndarray:
    """A curve that starts near a guess, rises in two steps, and dips between."""
    x = np.linspace(0, 1, n + 1)

    def step(at: float, width: float) -> np.ndarray:
        return 1 / (1 + np.exp(-(x - at) / width))

    return np.clip(0.28 + 0.34 * step(0.42, 0.008) - 0.22 * step(0.58, 0.01) + 0.55 * step(0.72, 0.012), 0, 1)


def possible_value(base: TraceDoc) -> np.ndarray:
    """The nearest curve that obeys the recursion: it stands still where the next token is certain."""
    wanted = true_value(len(base.pieces))
    value = wanted.copy()
    for i, p in enumerate(base.probabilities or ()):
        most = 0.8 * (1 - (p or 0.0))
        value[i + 1] = value[i] + np.clip(wanted[i + 1] - value[i], -most, most)
    return np.clip(value, 0, 1)


def curve(n: int | None = None, *, plan: str = "excursions", stride: int = 1, each: int = 20, **over: object) -> CurveDoc:
    """A curve document: ``excursions`` has a value at every cut, ``stride`` at every ``stride``-th."""
    base = over.pop("trace", None) or trace(n)
    t = len(base.pieces)
    rng = np.random.default_rng(3)
    truth = possible_value(base)
    every = plan == "excursions"
    cuts = tuple(range(t + 1)) if every else tuple(sorted({*range(0, t + 1, stride), t}))
    hits = rng.binomial(each, truth[list(cuts)])
    value = truth[list(cuts)] if every else hits / each
    low, high = wilson(value * each, np.full(len(cuts), float(each)), 0.95)
    p = [1.0 if x is None else x for x in base.probabilities or ()] + [1.0]
    started = [int(rng.integers(2, 12)) if p[c] < 1 else 0 for c in cuts] if every else [each] * len(cuts)
    fields = {
        "problem": problem(),
        "model": MODEL,
        "sampling": SAMPLING,
        "plan": PlanDoc(
            name=plan,
            samples=None if every else each,
            stride=None if every else stride,
            interval="wilson",
            assumption="independent rollouts",
        ),
        "seed": 11,
        "trace": base,
        "cuts": cuts,
        "value": tuple(float(x) for x in value),
        "low": tuple(float(x) for x in low),
        "high": tuple(float(x) for x in high),
        "level": 0.95,
        "n_effective": tuple(float(each) for _ in cuts),
        "n_started": tuple(started),
        "outcomes": outcome_shares(value),
        "branches": branches(base, cuts, started, truth),
        "samples": rollouts(base, cuts, started, truth) if t <= 2000 else (),
        "rollouts": int(sum(started)),
        "generated_tokens": int(sum(started)) * 130,
        "budget": BudgetDoc(max_rollouts=6000, half_width=0.08, stopped="target half-width reached"),
        "provenance": PROVENANCE,
    }
    return CurveDoc(**(fields | over))


def outcome_shares(value: np.ndarray) -> dict[str, tuple[float, ...]]:
    rest = 1 - value
    shares = {"A": 0.2 * rest, "B": value, "C": 0.5 * rest, "D": 0.15 * rest, "unparseable": 0.1 * rest, "truncated in trace": 0.05 * rest}
    return {k: tuple(float(x) for x in v) for k, v in shares.items()}


def _draw(rng: np.random.Generator, value: float) -> str:
    if rng.random() < value:
        return "B"
    return str(rng.choice(["A", "C", "D", "unparseable", "truncated in trace"], p=[0.25, 0.45, 0.15, 0.1, 0.05]))


def branches(base: TraceDoc, cuts: tuple[int, ...], started: list[int], truth: np.ndarray) -> tuple[BranchDoc, ...]:
    rng = np.random.default_rng(5)
    found: list[BranchDoc] = []
    words = (" Wait", " So", " The", " But", " maybe", " kidneys", " liver", "\n\n")
    for cut, n in zip(cuts, started, strict=True):
        if cut >= len(base.pieces) or not n:
            continue
        p = (base.probabilities[cut] if base.probabilities else 0.5) or 0.0
        found.append(BranchDoc(cut=cut, token=base.ids[cut] if base.ids else cut, text=base.pieces[cut], p=p, is_base=True, n=0))
        left = 1 - p
        for k, m in enumerate((n - n // 3, n // 3)):
            counts: dict[str, int] = {}
            for _ in range(m):
                label = _draw(rng, float(truth[cut]) * (0.8 if k else 1))
                counts[label] = counts.get(label, 0) + 1
            share = left * (0.7 if k == 0 else 0.3)
            found.append(BranchDoc(cut=cut, token=5000 + k, text=words[(cut + 3 * k) % 8], p=share, is_base=False, n=m, outcomes=counts))
    return tuple(found)


def rollouts(base: TraceDoc, cuts: tuple[int, ...], started: list[int], truth: np.ndarray) -> tuple[SampleDoc, ...]:
    rng = np.random.default_rng(9)
    found: list[SampleDoc] = []
    for cut, n in zip(cuts, started, strict=True):
        for index in range(min(n, 6)):
            outcome = _draw(rng, float(truth[cut]))
            verdict = "correct" if outcome == "B" else "unknown" if outcome in {"unparseable", "truncated in trace"} else "incorrect"
            shared = "".join(base.pieces[cut : cut + int(rng.integers(0, 9))])
            tail = f" and so on, from another side.\n</think> The answer is ({outcome})." if len(outcome) == 1 else " and so on and on"
            stop = "length" if outcome == "truncated in trace" else "stop"
            branch = 5000 if index % 3 else 5001
            found.append(
                SampleDoc(cut=cut, index=index, text=shared + tail, outcome=outcome, verdict=verdict, stop=stop, n_tokens=24, branch=branch)
            )
    return tuple(found)


def exit_doc(t: int, k: int = 4, *, name: str = "close and answer", stride: int = 1, held: bool = False) -> ExitDoc:
    cuts = tuple(sorted({*range(0, t + 1, stride), t}))
    rng = np.random.default_rng(k)
    truth = true_value(max(t, 1))[list(cuts)]
    mass = 0.55 + 0.43 * np.linspace(0, 1, len(cuts)) ** 0.5 - 0.05 * rng.random(len(cuts))
    drift = np.cumsum(rng.normal(0, 0.05, (max(1, k - 1), len(cuts))), axis=1)
    rest = np.exp(drift) / np.exp(drift).sum(axis=0)
    rows = [truth if i == min(1, k - 1) else (1 - truth) * rest[i if i == 0 else i - 1] for i in range(k)]
    labels = tuple(chr(65 + i) for i in range(k))
    return ExitDoc(
        name=name,
        text="\n</think> The answer is (",
        cuts=cuts,
        options=labels,
        probability=tuple(tuple(float(x) for x in row * mass) for row in rows),
        mass=tuple(float(x) for x in (sum(rows) * mass)),
        held=tuple(c % 5 != 0 for c in cuts) if held else None,
    )


def unlisted(doc: ExitDoc, least: float = 0.06, widest: float = 1.5) -> ExitDoc:
    """The reading as a server gives it that lists only tokens of probability ``least`` and more."""
    listed = [[x is not None and x >= least for x in row] for row in doc.probability]
    low = tuple(
        tuple(x if there else None for x, there in zip(row, on, strict=True)) for row, on in zip(doc.probability, listed, strict=True)
    )
    high = tuple(
        tuple(x if there else min(least, (x or 0.0) * widest) for x, there in zip(row, on, strict=True))
        for row, on in zip(doc.probability, listed, strict=True)
    )
    mass = tuple(sum(x or 0.0 for x in column) for column in zip(*low, strict=True))
    mass_high = tuple(min(1.0, sum(column)) for column in zip(*high, strict=True))
    return dataclasses.replace(doc, probability=low, mass=mass, probability_high=high, mass_high=mass_high)


def forced(n: int | None = None, k: int = 4, **over: object) -> ForcedDoc:
    base = over.pop("trace", None) or trace(n)
    t = len(base.pieces)
    labels = tuple(Option(label=chr(65 + i), text=f"option number {i + 1}") for i in range(k))
    fields = {
        "problem": problem() if k == 4 else problem(labels, "B" if k > 1 else "A"),
        "model": MODEL,
        "trace": base,
        "exits": (exit_doc(t, k), exit_doc(t, k, name="final answer line", stride=4)),
        "own_answer": "B" if k > 1 else "A",
        "forced_at_end": "B" if k > 1 else "A",
        "token_forwards": 6 * t,
        "provenance": PROVENANCE,
    }
    return ForcedDoc(**(fields | over))


def other_problem() -> Problem:
    return dataclasses.replace(problem(), id="other", question="Which organ filters bile?")


def two_problems() -> list[CurveDoc | SampleSetDoc]:
    """A curve and 12 samples of one problem, then a curve and 6 samples of another, with another accuracy, sampler and note."""
    first, other = sample_set(12), sample_set(6)
    sampling = dataclasses.replace(SAMPLING, temperature=0.31)
    other = dataclasses.replace(other, problem=other_problem(), accuracy=0.111, notes=("only of the other",), sampling=sampling)
    return [curve(trace=first.traces[3]), first, curve(trace=other.traces[2], problem=other_problem()), other]


def sample_set(n: int = 12) -> SampleSetDoc:
    rng = np.random.default_rng(1)
    labels = ["B" if rng.random() < 0.6 else str(rng.choice(["A", "C", "unparseable"])) for _ in range(n)]
    traces = tuple(
        trace(40 + 10 * i, outcome=x, verdict="correct" if x == "B" else "unknown" if x == "unparseable" else "incorrect")
        for i, x in enumerate(labels)
    )
    return SampleSetDoc(
        problem=problem(),
        model=MODEL,
        sampling=SAMPLING,
        seed=4,
        accuracy=labels.count("B") / n if n else None,
        low=0.3,
        high=0.85,
        level=0.95,
        n=n,
        outcomes={x: labels.count(x) for x in sorted(set(labels))},
        length_correlation=-0.21 if n else None,
        length_correlation_low=-0.6,
        length_correlation_high=0.3,
        chosen=None,
        traces=traces,
        rollouts=n,
        generated_tokens=100 * n,
        provenance=PROVENANCE,
    )


HOSTILE = (
    "<script>window.pwned=1</script>",
    '<img src=x onerror="window.pwned=1">',
    "</script><script>window.pwned=1</script>",
    "<!--<script>",
    "</style><style>*{display:none}</style>",
    "</title><svg onload=window.pwned=1>",
    "javascript:window.pwned=1",
    "{{7*7}} ${7*7} %s %(x)s",
    "\u2028\u2029\x00\x1b[31m\x07",
    "&lt;b&gt; &amp;",
    "' onmouseover='window.pwned=1",
    "\u202eabc\u202c",
    "https://example.invalid/track.png",
)
"""Text that must show literally and do nothing."""

STRANGE = (
    "<think>",
    "\n",
    "Okay",
    ",",
    " x<y",
    " ⟨E2 80⟩",
    "⟨99⟩",
    " שלום",
    " עולם",
    " مرحبا",
    " 👩‍👩‍👧",
    "é",
    "e\u0301",
    "\r\n",
    "a\tb",
    "  ",
    "\n\n",
    " 😀",
    "\ufeff",
    "\u200b",
    "𝔘",
    " </think",
    ">",
    "\n",
)
"""Pieces of many scripts and of none."""


def nan_to_none(x: float) -> float | None:
    return None if math.isnan(x) else x


def header(page: str) -> dict[str, Any]:
    """The header of a page, with what its sections hold; those that it lacks are empty."""
    head = json.loads(re.search(r'<script type="application/json" id="tw-header">(.*?)</script>', page, re.S).group(1))
    found: dict[str, Any] = {"traces": [], "sets": [], "formal": None, "sheets": []}
    for section in head["sections"]:
        kind = section["kind"]
        for name, value in ({"formal": section} if kind == "verified" else section).items():
            found[name] = found[name] + value if kind == "sheets" and name == "sheets" else value
    return {**head, **found}


def changed(page: Page, kind: str, **fields: object) -> Page:
    """The page with other fields in its part of a kind."""
    parts = tuple((section, dataclasses.replace(part, **fields) if section.kind == kind else part) for section, part in page.parts)
    return dataclasses.replace(page, parts=parts)
