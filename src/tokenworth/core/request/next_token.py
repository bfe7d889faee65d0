"""q_c at many cuts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from tokenworth.core.request.kind import Digests, Request, Response, check_cuts, ids_digest
from tokenworth.core.sampling import Sampling
from tokenworth.errors import InvalidInput

_EXACT = {"p": "f", "logprob": "f", "top_ids": "i2", "top_p": "f2", "support": "i"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NextTokenTable(Response):
    """q_c at each requested cut. ``p``: q_c of the base's next token; ``logprob``: its raw log-probability (nats).

    ``top_ids``/``top_p``: the most likely tokens under q_c, descending, -1 and 0 where the support is smaller.
    ``support``: number of tokens with q_c > 0 (a lower bound where only the most likely tokens are known).
    ``slack``: q_c of the base's next token is within ``p`` ± slack; None where it is exact.
    """

    what: ClassVar[str] = "next-token table"
    layouts: ClassVar[Mapping[int, Mapping[str, str]]] = {2: _EXACT, 4: {**_EXACT, "slack": "f"}}

    p: Float[np.ndarray, " cut"]
    logprob: Float[np.ndarray, " cut"]
    top_ids: Int[np.ndarray, "cut top"]
    top_p: Float[np.ndarray, "cut top"]
    support: Int[np.ndarray, " cut"]
    slack: Float[np.ndarray, " cut"] | None = None

    def check(self) -> None:
        """Refuses a slack that is not a number ≥ 0."""
        if self.slack is not None and not bool((self.slack >= 0).all()):
            raise InvalidInput(f"{self.what}: slack holds a negative number or NaN; expected numbers from 0 up")


@dataclass(frozen=True, slots=True, kw_only=True)
class NextToken(Request):
    """q_c at many cuts: probability of the base's next token and the ``top`` most likely tokens. Cuts are < the length."""

    name: ClassVar[str] = "next_token"
    response: ClassVar[type[Response]] = NextTokenTable

    cuts: tuple[int, ...]
    params: Sampling
    top: int

    def __post_init__(self) -> None:
        Request.__post_init__(self)
        check_cuts(self.sequence, self.cuts)
        if self.cuts and max(self.cuts) >= len(self.sequence.completion):
            raise InvalidInput("next-token cuts must be followed by a base token")

    def key_fields(self, digests: Digests) -> list[object]:
        """The whole sequence, the cuts, and what is asked of them."""
        whole = digests.prefix(self.sequence, len(self.sequence.completion))
        return [whole, len(self.sequence.prompt), ids_digest(self.cuts), self.params.key_fields(), self.top]

    def most_tokens(self) -> tuple[int, int]:
        """The longest prefix, once."""
        return len(self.sequence.prompt) + max(self.cuts, default=0), 0

    def beyond_prompt(self) -> Mapping[str, int]:
        """The longest prefix, and the token that is asked for."""
        return {"cut": max(self.cuts, default=0), "next token": 1}
