"""Sampling from logits: temperature, top-k, top-p, min-p, then one keyed uniform through the inverse CDF.

The same distribution as `tokenworth.core.sampling.sampling_distribution`, for many rows at once, in float64: ties at an
edge go to the lower id. The CDF runs over ascending token ids, so a uniform u picks the first id whose cumulated
probability exceeds u.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tokenworth.core.sampling import Sampling
from tokenworth.errors import InvalidInput

NOISE = 1e-5
MOST_SURE = 8192
"""The largest vocabulary whose unsure draws are found, in float32. In half precision half of all draws would be unsure. With 49,152 tokens
1.2 % would be, since most tokens are rarer than the noise. Each is computed alone, so a step of 64 rows
would take nearly twice its time."""
_NUCLEUS_GUESSES = (64, 1024)
_AT_ONCE = 1 << 18
"""Logits that are drawn from together on a CPU: as numbers of eight bytes, all on the way from one to the other stay in its cache."""


@dataclass(slots=True)
class Support:
    """Rows of q. ``ids`` ascend within a row (None: all ids); ``q`` is 0 on ids that were filtered out."""

    ids: Tensor | None
    q: Tensor

    def index_of(self, tokens: Tensor) -> Tensor:
        """True at each row's own token, shape of ``q``."""
        if self.ids is None:
            return torch.arange(self.q.shape[1], device=tokens.device)[None, :] == tokens[:, None]
        return self.ids == tokens[:, None]

    def probability(self, tokens: Tensor) -> Tensor:
        """q of one token per row."""
        return torch.where(self.index_of(tokens), self.q, 0.0).sum(-1)

    def without(self, tokens: Tensor) -> Support:
        """The rows with the probability of ``tokens`` removed (not renormalised: `draw` scales by the total).

        ``tokens`` is ``[rows, some]``, -1 where a row has fewer.
        """
        if self.ids is None:
            at, found = tokens.clamp(min=0), tokens >= 0
        else:
            at = torch.searchsorted(self.ids, tokens).clamp(max=self.ids.shape[1] - 1)
            found = self.ids.gather(1, at) == tokens
        return Support(self.ids, self.q.scatter_reduce(1, at, torch.where(found, 0.0, torch.inf).double(), "amin"))

    def draw(self, uniform: Tensor) -> Tensor:
        """One id a row by inverting the CDF; ``uniform`` is float64 in [0, 1).

        Raises: `InvalidInput` where nothing is left to draw, or the model's logits are not numbers.
        """
        return self._inverted(uniform.unsqueeze(-1)).squeeze(-1)

    def draw_within(self, uniform: Tensor, margin: float) -> tuple[Tensor, Tensor]:
        """As `draw`; and True for each row whose draw would be another one if the CDF were off by ``margin``."""
        drawn = self._inverted(torch.stack([uniform, (uniform - margin).clamp(min=0), (uniform + margin).clamp(max=1 - 2**-53)], dim=-1))
        return drawn[:, 0], drawn[:, 1] != drawn[:, 2]

    def _inverted(self, uniform: Tensor) -> Tensor:
        """The ids at some places of each row's CDF."""
        cumulated = self.q.cumsum(-1)
        total = cumulated[:, -1:]
        if not bool((total > 0).all()):
            raise InvalidInput("nothing to sample: q leaves no token (a sure token cannot be left), or the logits are not finite")
        target = torch.minimum(uniform * total, torch.nextafter(total, torch.zeros_like(total)))
        index = torch.searchsorted(cumulated, target, right=True)
        return index if self.ids is None else self.ids.gather(-1, index)

    def top(self, count: int) -> tuple[Tensor, Tensor]:
        """The ``count`` most likely ids a row, descending, ties to the lower id; -1 and 0 where q has fewer."""
        order = torch.sort(self.q, dim=-1, descending=True, stable=True)
        width = min(count, self.q.shape[1])
        q, index = order.values[:, :width], order.indices[:, :width]
        ids = index if self.ids is None else self.ids.gather(-1, index)
        ids = torch.where(q > 0, ids, -1)
        missing = count - width
        return _padded(ids, missing, -1), _padded(q, missing, 0)


def _padded(x: Tensor, missing: int, value: int) -> Tensor:
    """``x`` with ``missing`` more columns of ``value``."""
    return torch.nn.functional.pad(x, (0, missing), value=value) if missing else x


def draw(logits: Tensor, params: Sampling, uniform: Tensor) -> tuple[Tensor, Tensor]:
    """One id for each row of ``logits``; and True for each row whose draw is decided by the last bits of its logits."""
    size = max(1, _AT_ONCE // logits.shape[1]) if logits.device.type == "cpu" else max(1, len(logits))
    parts = [draw_of(support(some, params), some, params, at) for some, at in zip(logits.split(size), uniform.split(size), strict=True)]
    return torch.cat([ids for ids, _ in parts]), torch.cat([unsure for _, unsure in parts])


def draw_of(q: Support, logits: Tensor, params: Sampling, uniform: Tensor) -> tuple[Tensor, Tensor]:
    """As `draw`, of rows whose q is known: that of ``logits``, or what is left of it."""
    if logits.dtype != torch.float32 or logits.shape[1] > MOST_SURE:
        return q.draw(uniform), torch.zeros_like(uniform, dtype=torch.bool)
    drawn, unsure = q.draw_within(uniform, margin(params))
    return drawn, unsure | is_edge(logits, params)


def support(logits: Tensor, params: Sampling) -> Support:
    """q of each row of ``logits`` (``[rows, vocabulary]``, finite or -inf)."""
    vocabulary = logits.shape[1]
    if params.temperature == 0:
        best = logits.argmax(-1, keepdim=True)
        return Support(best, torch.where(logits.gather(-1, best).isnan(), 0.0, 1.0).double())
    if 0 < params.top_k < vocabulary:
        return _top_k(logits, params)
    scaled = _scaled(logits, params)
    if params.top_p < 1:
        return _top_p(scaled, params)
    q = torch.softmax(scaled, -1)
    if params.min_p > 0:
        q = _renormalised(torch.where(q < params.min_p * q.amax(-1, keepdim=True), 0.0, q))
    return Support(None, q)


def margin(params: Sampling) -> float:
    """How far two float32 computations of one row may move the CDF, with room: they differ by about 1e-6."""
    return NOISE / min(1.0, params.temperature) if params.temperature else NOISE


def is_edge(logits: Tensor, params: Sampling) -> Tensor:
    """True for each row in which a filter, or the greedy choice, would take other tokens if the logits were off by a little."""
    off = margin(params)
    found = torch.zeros(len(logits), dtype=torch.bool, device=logits.device)
    if params.temperature == 0 or 0 < params.top_k < logits.shape[1]:
        edge = 1 if params.temperature == 0 else params.top_k
        values = torch.topk(logits, edge + 1, dim=-1).values.double()
        found |= values[:, edge - 1] - values[:, edge] < NOISE * (1 + values[:, edge].abs())
    if params.temperature == 0:
        return found
    for name, on in (("top_p", params.top_p < 1), ("min_p", params.min_p > 0)):
        if on:
            value = getattr(params, name)
            near = (replace(params, **{name: min(1.0, max(2**-53, value * (1 + step)))}) for step in (-off, off))
            fewer, more = ((support(logits, one).q > 0).sum(-1) for one in near)
            found |= fewer != more
    return found


def _scaled(logits: Tensor, params: Sampling) -> Tensor:
    """Logits over temperature, the largest 0: taken off first, so that no temperature above 0 can overflow them."""
    wide = logits.double()
    wide = wide - wide.amax(-1, keepdim=True)
    return wide if params.temperature == 1 else wide / params.temperature


def _renormalised(q: Tensor) -> Tensor:
    return q / q.sum(-1, keepdim=True)


def _descending(logits: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The ``count`` largest values a row and their ids, ties in the order of ids."""
    values, ids = torch.topk(logits, min(count + 1, logits.shape[1]), dim=-1)
    if values.shape[1] > count and bool((values[:, count] == values[:, count - 1]).any()):
        full = torch.sort(logits, dim=-1, descending=True, stable=True)
        return full.values[:, :count], full.indices[:, :count]
    ids, by_id = ids[:, :count].sort(-1)
    values, order = torch.sort(values[:, :count].gather(-1, by_id), dim=-1, descending=True, stable=True)
    return values, ids.gather(-1, order)


def _top_k(logits: Tensor, params: Sampling) -> Support:
    values, ids = _descending(logits, params.top_k)
    return _by_id(ids, _nucleus(torch.softmax(_scaled(values, params), -1), params))


def _top_p(scaled: Tensor, params: Sampling) -> Support:
    """Top-p without top-k: the nucleus is sought among a few candidates first, then among more, then among all ids."""
    # Divided by the sum, not by way of its logarithm: equal logits then have equal halves exactly, as in the core.
    total = scaled.exp().sum(-1, keepdim=True)
    for count in _NUCLEUS_GUESSES:
        if count < scaled.shape[1]:
            values, ids = _descending(scaled, count)
            q = values.exp() / total
            if bool((q.sum(-1) - q[:, -1] >= params.top_p).all()):
                return _by_id(ids, _nucleus(q, params))
    values, ids = torch.sort(scaled, dim=-1, descending=True, stable=True)
    return _by_id(ids, _nucleus(values.exp() / total, params))


def _nucleus(q: Tensor, params: Sampling) -> Tensor:
    """Top-p and min-p of probabilities in descending order."""
    if params.top_p < 1:
        before = q.cumsum(-1) - q
        q = _renormalised(torch.where(before >= params.top_p, 0.0, q))
    if params.min_p > 0:
        q = _renormalised(torch.where(q < params.min_p * q[:, :1], 0.0, q))
    return q


def _by_id(ids: Tensor, q: Tensor) -> Support:
    ids, order = ids.sort(-1)
    return Support(ids, q.gather(-1, order))
