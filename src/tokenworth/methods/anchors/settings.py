"""How sentences are measured: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tokenworth.core.estimate import check_level
from tokenworth.core.measure import check_seed, option
from tokenworth.errors import InvalidInput, unknown_name
from tokenworth.methods.anchors.similarity import WORDS, check_similarity
from tokenworth.methods.curve.settings import DEFAULT_HALF_WIDTH, Budget, CurveSettings
from tokenworth.methods.pivots.settings import DEFAULT_ROLLOUTS, PivotSettings
from tokenworth.methods.segments import check_segmenter
from tokenworth.stats.selection import DEPENDENCES, Dependence
from tokenworth.tasks.target import check_target

SEARCH_SHARE = 0.5
"""Of a budget, the part that importances leave to claims."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorSettings:
    """Measure what each sentence of a trace is worth.

    Importances are those of rollouts that leave the trace, the same that curve draws. Claims rest on fresh draws.
    """

    segment: str = "sentence"
    """How the trace is cut: sentence, newline, fixed:N (tokens), or regex:PATTERN (a match ends a sentence)."""
    similarity: str = WORDS
    """How alike two sentences are: words, sentence-transformers:MODEL (needs the extra [similarity]), or module:callable on two lists of
    sentences, which gives a matrix."""
    threshold: float = option(0.8, rare=True)
    """A sentence in the place of another is a different one below this similarity."""
    claims: bool = True
    """Claim sentences that change the value, on fresh draws."""
    delta: float = 0.2
    """Change of the value that is looked for. What is named is shown to change it by more than half of that."""
    false_discovery: float = option(0.05, metavar="Q", rare=True)
    """Expected share of what is named that changes the value by no more than delta / 2, at most."""
    forced: bool = False
    """Also read the answer when the trace is stopped before and after each sentence."""
    resilience: int = option(0, rare=True, metavar="RUNS")
    """Take each claimed sentence away in so many runs (with --no-claims each sentence), again wherever it comes back."""
    alpha: float = option(0.5, rare=True)
    """KL forms: added to the count of each outcome."""
    futility: float = option(0.1, rare=True)
    """A candidate is given up where limits at 1 minus this lie within delta."""
    dependence: Dependence = option("positive", rare=True)
    """any: holds however the estimates depend on each other; it takes more draws."""
    target: str = "gold"
    """What the value is the probability of: gold, own (the base's own answer), label:X, or module:callable on a completion's text."""
    level: float = option(0.95, rare=True)
    """Level of the intervals."""
    top: int = option(20, rare=True)
    """Next tokens listed at a fork."""
    seed: int = 0
    """Names the stream of random draws."""
    half_width: float | None = option(None, heading="Budget")
    """Stop when every cut's interval is ± this. [default: 0.1 without any other limit]"""
    max_rollouts: int | None = option(None, heading="Budget")
    """Stop after this many rollouts."""
    max_tokens: int | None = option(None, heading="Budget")
    """Stop after this many generated tokens."""

    def __post_init__(self) -> None:
        check_segmenter(self.segment)
        check_similarity(self.similarity)
        if self.dependence not in DEPENDENCES:
            raise unknown_name("dependence", self.dependence, DEPENDENCES)
        if not -1 < self.threshold <= 1:
            raise InvalidInput(f"threshold {self.threshold}: expected a similarity from above -1 to 1")
        if not 0 <= self.resilience <= 10_000:
            raise InvalidInput(f"resilience {self.resilience}: expected a number of runs from 0 to 10,000")
        if not 0 < self.alpha <= 10:
            raise InvalidInput(f"alpha {self.alpha}: expected a number from above 0 to 10; without it a KL divergence can be infinite")
        check_level(self.level)
        check_seed(self.seed)
        check_target(self.target)
        _ = self.curve, self.search(Budget())

    @property
    def curve(self) -> CurveSettings:
        """Of the draws behind importances: those of `curve` with the same seed."""
        given = Budget(half_width=self.half_width, max_rollouts=self.max_rollouts, max_tokens=self.max_tokens)
        if given.is_open:
            given = replace(given, half_width=DEFAULT_HALF_WIDTH)
        share = 1 - SEARCH_SHARE if self.claims else 1.0
        limits = (None if most is None else max(1, int(share * most)) for most in (given.max_rollouts, given.max_tokens))
        rollouts, tokens = limits
        return CurveSettings(
            target=self.target,
            level=self.level,
            top=self.top,
            seed=self.seed,
            half_width=given.half_width,
            max_rollouts=rollouts,
            max_tokens=tokens,
        )

    def search(self, spent: Budget) -> PivotSettings:
        """Of the draws behind claims, after so many rollouts and tokens."""
        rollouts, tokens = (
            None if most is None else max(1, most - (used or 0))
            for most, used in ((self.max_rollouts, spent.max_rollouts), (self.max_tokens, spent.max_tokens))
        )
        return PivotSettings(
            delta=self.delta,
            false_discovery=self.false_discovery,
            futility=self.futility,
            dependence=self.dependence,
            target=self.target,
            level=self.level,
            top=self.top,
            seed=self.seed,
            max_rollouts=DEFAULT_ROLLOUTS if rollouts is None and tokens is None else rollouts,
            max_tokens=tokens,
        )
