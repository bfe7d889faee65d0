"""Critics from the formal domains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tokenworth.core.verification import Domain, FormalText, Strictness, Verification, Violation
from tokenworth.errors import InvalidInput, unknown_name
from tokenworth.tasks.critics.critic import Ruling


@dataclass(frozen=True, slots=True, kw_only=True)
class FormalCritic:
    """Accepts a text whose plan the domain's verifier finds valid, and by default also its trace, if there is one.

    ``prompt`` and ``given``: the problem, as the domain reads it. ``with_trace`` False: the plan alone is judged. ``optimal``: the plan
    must be as short as can be. ``reads_whole``: the trace is part of the text that the domain's grammar covers. Where the verifier
    says that something does not apply or is not known, the answer is not accepted.

    Raises: UnknownName for a dialect that the domain does not know; InvalidInput for a strictness that does not fit it, or where ``prompt``
    and ``given`` state no problem that can be read: the one that an answer states is never taken. Nor is the size of a grid, where
    they leave it open: it is then what the verifier makes of the problem alone.
    """

    domain: Domain
    prompt: str
    dialect: str
    strictness: Strictness = Strictness.STRICT
    with_trace: bool = True
    optimal: bool = False
    reads_whole: bool = False
    most: int = 20
    given: Mapping[str, object] = field(default_factory=dict[str, object])
    _size: Mapping[str, object] = field(init=False, repr=False, compare=False, default_factory=dict[str, object])

    def __post_init__(self) -> None:
        if self.dialect not in self.domain.dialects:
            raise unknown_name(f"dialect of {self.domain.name}", self.dialect, self.domain.dialects)
        fitting = self.domain.dialects[self.dialect]
        if self.strictness not in fitting:
            raise InvalidInput(f"strictness {self.strictness} does not fit dialect {self.dialect}; expected {', '.join(fitting)}")
        if not self.prompt.strip() and not self.given:
            raise InvalidInput(f"no problem for the critic {self.name}: the prompt is blank; expected one that states the problem")
        # An empty answer parses, or is a plan that fails, unless it is the problem that cannot be read.
        found = self._verified("")
        if not found.parsed and found.plan_valid is None:
            told = "" if found.first_error is None else f"; expected {found.first_error.expected}; got {found.first_error.got}"
            raise InvalidInput(f"no problem of {self.domain.name} can be read from the prompt of the critic {self.name}{told}")
        object.__setattr__(self, "_size", {name: found.facts[name] for name in ("rows", "cols") if name in found.facts})

    def _verified(self, answer: str) -> Verification:
        text = FormalText(id="answer", prompt=self.prompt, trace=answer, given={**self._size, **self.given})
        return self.domain.verify(text, dialect=self.dialect, strictness=self.strictness, max_errors=self.most)

    @property
    def name(self) -> str:
        """Domain and dialect, and what is judged where that is not all."""
        only = "" if self.with_trace else " (plan)"
        return f"{self.domain.name}/{self.dialect}{only}{' (optimal)' if self.optimal else ''}"

    @property
    def version(self) -> str:
        """The verifier's."""
        return self.domain.version

    def check(self, answer: str) -> Ruling:
        """One message a violation, the first ``most`` of them."""
        found = self._verified(answer)
        whole = not self.with_trace or (found.trace_valid is not False and not found.undecided)
        accepted = found.parsed and found.plan_valid is True and whole
        messages = [_message(violation) for violation in found.violations]
        if not whole and found.undecided:
            messages.append("the trace is too long or too wide to be followed to its end, or on a grid of unknown size")
        if accepted and self.optimal and found.plan_optimal is not True:
            accepted = False
            messages.append(
                "the plan is not known to be as short as can be" if found.plan_optimal is None else "the plan is not the shortest"
            )
        return Ruling(accepted=accepted, messages=() if accepted else tuple(messages) or ("the verifier finds no plan",))


def _message(violation: Violation) -> str:
    place = "" if violation.event is None else f" at step {violation.event + 1}"
    return f"{violation.code}{place}: expected {violation.expected}; got {violation.got}"
