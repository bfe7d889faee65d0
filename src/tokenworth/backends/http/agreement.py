"""Whether what a server draws is what its log-probabilities say: finds a server's own filters, penalties and temperatures.

The test is a bet against the server. Each alternative (a filter that keeps the first j, a flatter or sharper temperature, anything at
all) gives the draws a probability; its ratio to their probability under q has expectation at most 1 if q is right, and so has the mean
over alternatives. By Ville's inequality it ever passes 1/α with probability at most α, whenever one stops drawing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.special import gammaln  # pyright: ignore[reportMissingTypeStubs]

from tokenworth.backends.http.shaping import shape
from tokenworth.backends.http.trials import NEUTRAL, Place, Trials
from tokenworth.backends.http.wire import Choice, Listing
from tokenworth.core.sampling import Sampling

FALSE_ALARM = 1e-7
"""How often a server that samples from its q is found not to: at most."""
ROUNDS = ((1.0, 128), (0.5, 64))
"""Temperatures and draws at each, half as many where each is a request; once more, and again, while a bet is winning."""
_MOST_ROUNDS = 8
_WINNING = 0.0
"""Nats by which an alternative must explain the draws better to be worth more of them."""
_TILTS = (0.5, 0.7, 1.4, 2.0)
_TRUST = 0.98
"""Share of an alternative that is not q: one draw that it excludes must not end the bet."""
_LEAST_EXPECTED = 1.0
_ROUNDING = 5e-3
"""What listed probabilities that sum to 1 in half precision may leave to the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kinds:
    """The categories of outcomes: one listed token each, likeliest first, and last all others together."""

    tokens: tuple[int, ...]
    most: Float[np.ndarray, " kinds"]
    """The most that q can give each."""
    middle: Float[np.ndarray, " kinds"]


async def agrees(trials: Trials, places: Sequence[Place], *, vocab_size: int, stop: frozenset[int], n_most: int) -> bool | None:
    """Whether draws at temperatures 1 and 0.5 are those of q at the flattest place; None if that is not known."""
    listed = [place for place in places if place.listing is not None and place.listing.lost == -math.inf]
    if not listed:
        return None
    place = max(listed, key=_entropy)
    known = await _tokens_of(trials, place, stop)
    if not known:
        return None
    for at, (temperature, draws) in enumerate(ROUNDS):
        count, params = draws if n_most > 1 else draws // 2, replace(NEUTRAL, temperature=temperature)
        kinds = _kinds(place.listing, params, known, vocab_size, count)  # type: ignore[arg-type]
        drawn: Counter[int | None] = Counter()
        for turn in range(_MOST_ROUNDS):
            # Other seeds each time: the same would give the same random numbers again.
            start = 1_000_000 * (1 + at * _MOST_ROUNDS + turn)
            choices = await trials.draws(place.prompt, count, params, n_most=n_most, start=start)
            if len(choices) < count // 2 or (any(choice.ids == () for choice in choices) and not _lists_stop(place, stop)):
                return None
            drawn.update(_token(choice, known) for choice in choices)
            bets = _bets(drawn, kinds)
            if _mean(bets) >= math.log(len(ROUNDS) / FALSE_ALARM):
                return False
            if max(bets) < _WINNING:
                break
    return True


def _mean(bets: Sequence[float]) -> float:
    return float(np.logaddexp.reduce(bets)) - math.log(len(bets))


def _entropy(place: Place) -> float:
    """Nats, of the listed tokens and the rest as one."""
    p = np.exp(np.asarray(place.listing.logprobs)) if place.listing is not None else np.zeros(1)
    p = np.append(p, max(0.0, 1.0 - float(p.sum())))
    return float(-(p[p > 0] * np.log(p[p > 0])).sum())


def _lists_stop(place: Place, stop: frozenset[int]) -> bool:
    return place.listing is not None and not stop.isdisjoint(place.listing.ids)


async def _tokens_of(trials: Trials, place: Place, stop: frozenset[int]) -> Mapping[str | int, int]:
    """What a draw may show, an id or a text, to the listed token it stands for. Stop tokens are left out: some servers show none.

    Empty where no ids come back and the text of the likeliest token is not shown as ours.
    """
    listing, decode = place.listing, trials.prompts.codec.decode
    first = await trials.ask(place.prompt)
    if listing is None or first is None:
        return {}
    ids = [token for token in listing.ids if token not in stop]
    if first.choices[0].ids is not None:
        return {token: token for token in ids}
    texts = {token: decode((token,)) for token in ids}
    sure: dict[str | int, int] = {text: token for token, text in texts.items() if text and trials.prompts.codec.encode(text) == (token,)}
    return sure if sure.get(first.choices[0].text) == listing.ids[0] else {}


def _token(choice: Choice, known: Mapping[str | int, int]) -> int | None:
    shown = choice.text if choice.ids is None else choice.ids[0] if choice.ids else ""
    return known.get(shown)


def _kinds(listing: Listing, params: Sampling, known: Mapping[str | int, int], vocab_size: int, count: int) -> _Kinds:
    shaped = shape(np.asarray(listing.logprobs), params, vocab_size=vocab_size, order="unknown")
    own = np.isin(listing.ids, list(known.values())) & (count * shaped.low >= _LEAST_EXPECTED)
    tokens = tuple(token for token, is_own in zip(listing.ids, own, strict=True) if is_own)
    middle = np.append(shaped.middle[own], max(0.0, 1.0 - float(shaped.middle[own].sum())))
    # The least of what is told apart leaves the most for the others.
    most = np.append(shaped.high[own], max(_ROUNDING, 1.0 - float(shaped.low[own].sum())))
    return _Kinds(tokens=tokens, most=np.minimum(most, 1.0), middle=middle / middle.sum())


def _bets(drawn: Mapping[int | None, int], kinds: _Kinds) -> tuple[float, ...]:
    """log of (probability of the draws under each alternative / the most it can be under q)."""
    counts = np.asarray([drawn.get(token, 0) for token in kinds.tokens], dtype=np.float64)
    counts = np.append(counts, sum(drawn.values()) - counts.sum())
    q = np.maximum(kinds.middle, 1e-9)
    under_q = float((counts * np.log(kinds.most)).sum())
    others = [q * (np.arange(len(q)) < kept) for kept in range(1, len(q))]
    # The others are many tokens, none likelier than the last listed one.
    heights = np.append(q[:-1], q[:-1].min(initial=1.0))
    others += [q * heights ** (tilt - 1.0) for tilt in _TILTS]
    bets = [float((counts * np.log(_TRUST * other / other.sum() + (1 - _TRUST) * q / q.sum())).sum()) for other in others]
    for prior in (q * 30.0 / q.sum(), q * 100.0 / q.sum()):
        # Anything at all: shares drawn from a Dirichlet distribution around q.
        whole, n = float(prior.sum()), float(counts.sum())
        bets.append(float(gammaln(whole) - gammaln(whole + n) + (gammaln(prior + counts) - gammaln(prior)).sum()))
    return tuple(bet - under_q for bet in bets)
