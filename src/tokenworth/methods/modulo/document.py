"""Generate-and-test loops as a document: arms over all problems, and the loop on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokenworth.core.document import About, ModelDoc, Provenance
from tokenworth.core.measure import Done
from tokenworth.core.sampling import Sampling
from tokenworth.errors import InvalidInput
from tokenworth.methods.modulo.arms import ArmResult, JudgedDraw, Told, compare
from tokenworth.methods.modulo.experiment import LoopItem
from tokenworth.methods.modulo.settings import ModuloSettings
from tokenworth.tasks.critics.critic import Acceptance


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptDoc:
    """One answer of the loop and what the verifier said of it; ``outcome`` and ``verdict`` are the grader's."""

    outcome: str
    verdict: str
    accepted: bool
    accepted_by: tuple[Acceptance, ...]
    messages: tuple[str, ...]
    prompt_tokens: int
    generated_tokens: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopDoc:
    """The loop on one problem."""

    id: str
    stopped: str
    accepted: int | None
    """Index of the accepted attempt."""
    correct: bool | None
    """None where no one knows, or none was accepted."""
    generated_tokens: int
    read_tokens: int
    unresolved: str
    attempts: tuple[AttemptDoc, ...]
    draws: tuple[JudgedDraw, ...]
    """The stream that the arms share."""

    def __post_init__(self) -> None:
        if self.accepted is not None and not 0 <= self.accepted < len(self.attempts):
            raise InvalidInput(f"problem {self.id!r} accepted attempt {self.accepted}, expected an index below {len(self.attempts)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuloDoc:
    """Generate-and-test loops and the arms they are compared with."""

    schema: str = "tokenworth.modulo/2"
    model: ModelDoc
    task: str
    verifiers: tuple[Acceptance, ...]
    is_sound: bool
    plan: ModuloSettings
    sampling: Sampling
    arms: tuple[ArmResult, ...]
    items: tuple[LoopDoc, ...]
    failed: int
    """Problems that could not be run."""
    short: int
    """Problems whose shared draws end before the budget."""
    provenance: Provenance


def modulo_document(done: Sequence[Done], settings: ModuloSettings, about: About) -> ModuloDoc:
    """The document of loops over all problems of a run. Raises InvalidInput where none could be run."""
    if not done:
        raise InvalidInput(f"none of {len(about.items)} problems could be run; the lines above say why")
    loops: list[LoopItem] = [one.result for one in done]
    return ModuloDoc(
        model=about.model,
        task=about.task,
        verifiers=loops[0].bank.names,
        is_sound=loops[0].bank.is_sound,
        plan=settings,
        sampling=loops[0].result.settings.sampling,
        arms=_arms(loops, settings),
        items=tuple(_loop(one.subject.problem.id if one.subject.problem else one.item, one.result) for one in done),
        failed=about.failed,
        short=sum(settings.arm_tokens is not None and sum(draw.n_tokens for draw in one.stream) < settings.arm_tokens for one in loops),
        provenance=about.provenance,
    )


def _arms(loops: Sequence[LoopItem], settings: ModuloSettings) -> tuple[ArmResult, ...]:
    """All arms over the problems, within the loop's own budgets; with feedback the live loop is a separate arm."""
    live = tuple(
        Told(
            answered=one.result.accepted is not None,
            correct=one.correct,
            n_read=len(one.result.attempts),
            n_tokens=one.result.generated_tokens,
        )
        for one in loops
    )
    others = {} if settings.feedback == "none" else {f"loop, feedback {settings.feedback}": live}
    # Both budgets hold every arm alike, the live loop among them.
    streams = [one.stream for one in loops]
    return compare(streams, budget=settings.arm_tokens, most=settings.max_attempts, level=settings.level, others=others)


def _loop(name: str, one: LoopItem) -> LoopDoc:
    result = one.result
    return LoopDoc(
        id=name,
        stopped=result.stopped,
        accepted=None if result.accepted is None else len(result.attempts) - 1,
        correct=one.correct,
        generated_tokens=result.generated_tokens,
        read_tokens=result.read_tokens,
        unresolved=result.unresolved,
        attempts=tuple(
            AttemptDoc(
                outcome=grade.outcome,
                verdict=str(grade.verdict),
                accepted=attempt.checked.accepted,
                accepted_by=attempt.checked.by,
                messages=attempt.checked.messages,
                prompt_tokens=len(attempt.prompt),
                generated_tokens=len(attempt.rollout.ids),
                text=text,
            )
            for attempt, grade, text in zip(result.attempts, one.grades, one.texts, strict=True)
        ),
        draws=one.stream,
    )
