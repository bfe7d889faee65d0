"""One rollout from a cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from tokenworth.core.request.kind import Digests, Draw, Response, check_cuts
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason
from tokenworth.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout(Response):
    """What followed a cut: the ids sampled (the stop token included) and why it ended."""

    what: ClassVar[str] = "rollout"
    layouts: ClassVar[Mapping[int, Mapping[str, str]]] = {1: {"stop": "stop", "ids": "ids"}}

    ids: tuple[int, ...]
    stop: StopReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Draw):
    """One rollout from a cut.

    ``branch``: the first token is this one (forced, not sampled). ``leave``: the first token is drawn from q_c restricted to
    tokens other than the base's next one; together they cannot be set. ``avoid``: further tokens that a rollout which leaves does not
    begin with. ``index`` counts draws of the same distribution, ``seed`` names the stream.
    """

    name: ClassVar[str] = "sample"
    response: ClassVar[type[Response]] = Rollout

    params: Sampling
    seed: int
    branch: int | None = None
    leave: bool = False
    avoid: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        Draw.__post_init__(self)
        check_cuts(self.sequence, (self.cut,))
        if self.leave and (self.branch is not None or self.cut >= len(self.sequence.completion)):
            raise InvalidInput(f"sample at cut {self.cut}: 'leave' needs a base token to leave and excludes 'branch'")
        if self.avoid and not self.leave:
            raise InvalidInput(f"sample at cut {self.cut}: 'avoid' needs 'leave'")

    def key_fields(self, digests: Digests) -> list[object]:
        """What follows the cut changes nothing, but for the token that is left."""
        prefix, n_prompt = digests.prefix(self.sequence, self.cut), len(self.sequence.prompt)
        left = self.sequence.completion[self.cut] if self.leave else None
        avoided: list[object] = [sorted(self.avoid)] if self.avoid else []
        return [prefix, n_prompt + self.cut, n_prompt, self.params.key_fields(), self.branch, left, self.seed, self.index, *avoided]

    def most_tokens(self) -> tuple[int, int]:
        """The prefix, and what the limit leaves."""
        return len(self.sequence.prompt) + self.cut, max(0, self.params.max_tokens - self.cut)

    def beyond_prompt(self) -> Mapping[str, int]:
        """The limit, which counts from the prompt's end."""
        return {"max tokens": self.params.max_tokens}

    def other_ids(self) -> tuple[int, ...]:
        """The branch, or the tokens that are avoided."""
        return self.avoid if self.branch is None else (self.branch,)
