"""Recorded generate-test loops, judged again: PlanBench's, step by step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from tokenworth.core.verification import Domain, Strictness
from tokenworth.errors import InvalidInput
from tokenworth.tasks.critics.critic import Acceptance, Bank
from tokenworth.tasks.critics.formal import FormalCritic


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedStep:
    """One step. ``recorded``: the verdict in the record, None where none was written. ``n_tokens``: generated for it, None unknown."""

    accepted: bool
    recorded: bool | None
    messages: tuple[str, ...]
    by: tuple[Acceptance, ...]
    n_tokens: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedLoop:
    """One loop. ``ended_well``: the record says that it ended with an accepted answer; None where it does not say."""

    id: str
    steps: tuple[ReplayedStep, ...]
    ended_well: bool | None

    @property
    def accepted_at(self) -> int | None:
        """Index of the first accepted step."""
        return next((index for index, step in enumerate(self.steps) if step.accepted), None)

    @property
    def disagreements(self) -> tuple[int, ...]:
        """Steps whose verdict differs from the record's.

        A last step without one counts as recorded accepted if the loop was successful, because that is why it stopped. A step without one
        elsewhere, or an accepted step that is not the last, is also a disagreement: the recorded loop would have stopped there.
        """
        last = len(self.steps) - 1
        return tuple(
            index
            for index, step in enumerate(self.steps)
            if step.accepted is not (self.ended_well if step.recorded is None and index == last else step.recorded)
            or (step.accepted and index != last)
        )


def replay_loop(record: Mapping[str, object], domain: Domain, *, dialect: str, where: str) -> ReplayedLoop:
    """A record with ``prompt`` and ``steps``, each with its ``plan`` and ``verifier``, judged again by a formal domain.

    A record without an ``id``, or a ``domain`` and ``instance_id``, is named by ``where``, the file and line it stands in.

    Raises: InvalidInput for a record of another shape, or whose prompt states no problem.
    """
    prompt, steps = record.get("prompt"), record.get("steps")
    if not isinstance(prompt, str) or not isinstance(steps, list) or not steps:
        raise InvalidInput(f"{where}: no recorded loop; expected the fields prompt, a text, and steps, a list of attempts")
    try:
        critic = FormalCritic(domain=domain, prompt=prompt, dialect=dialect, strictness=Strictness.STRICT)
    except InvalidInput as error:
        raise InvalidInput(f"{where}: {error}") from error
    bank = Bank(critics=(critic,))
    made = tuple(_step(step, bank, f"{where}, step {index}") for index, step in enumerate(cast("list[object]", steps)))
    well = record.get("act_correct")
    return ReplayedLoop(id=_name(record) or where, steps=made, ended_well=well if isinstance(well, bool) else None)


def _name(record: Mapping[str, object]) -> str:
    """What the record calls itself; empty where it does not."""
    if record.get("id") not in (None, ""):
        return str(record["id"])
    parts = [str(record[key]) for key in ("domain", "instance_id") if record.get(key) not in (None, "")]
    return "/".join(parts) if record.get("instance_id") not in (None, "") else ""


def _step(step: object, bank: Bank, where: str) -> ReplayedStep:
    if not isinstance(step, Mapping):
        raise InvalidInput(f"{where}: a {type(step).__name__}; expected an object with its plan and verifier")
    fields = cast("Mapping[str, object]", step)
    plan = fields.get("plan")
    if plan is not None and not isinstance(plan, str):
        raise InvalidInput(f"{where}: the plan is a {type(plan).__name__}; expected a text or null")
    ruling = bank.check(plan or "")
    tokens = fields.get("completion_tokens")
    return ReplayedStep(
        accepted=ruling.accepted,
        recorded=_recorded(fields.get("verifier"), where),
        messages=ruling.messages,
        by=ruling.by,
        n_tokens=tokens if isinstance(tokens, int) and not isinstance(tokens, bool) else None,
    )


def _recorded(verifier: object, where: str) -> bool | None:
    if verifier is None:
        return None
    info = cast("Mapping[str, object]", verifier).get("validation_info") if isinstance(verifier, Mapping) else None
    valid = cast("Mapping[str, object]", info).get("is_valid_plan") if isinstance(info, Mapping) else None
    if not isinstance(valid, bool):
        raise InvalidInput(f"{where}: the verdict is not at verifier.validation_info.is_valid_plan; expected true or false there")
    return valid


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySummary:
    """Counts over loops. ``accepted_at``: how many loops were accepted at each step, from 0; ``tokens``: generated in all steps.

    ``n_unrecorded``: steps whose verdict the record lacks; ``n_implied``: those of them in loops that are recorded to have ended well.
    """

    n_loops: int
    n_steps: int
    n_agreeing: int
    n_unrecorded: int
    n_implied: int
    accepted_at: Mapping[int, int]
    n_never: int
    tokens: int
    disagreements: tuple[tuple[str, int], ...]


def summary(loops: Iterable[ReplayedLoop]) -> ReplaySummary:
    """The counts of some loops."""
    made = tuple(loops)
    at: dict[int, int] = {}
    for loop in made:
        if loop.accepted_at is not None:
            at[loop.accepted_at] = at.get(loop.accepted_at, 0) + 1
    differ = tuple((loop.id, index) for loop in made for index in loop.disagreements)
    n_steps = sum(len(loop.steps) for loop in made)
    return ReplaySummary(
        n_loops=len(made),
        n_steps=n_steps,
        n_agreeing=n_steps - len(differ),
        n_unrecorded=sum(step.recorded is None for loop in made for step in loop.steps),
        n_implied=sum(step.recorded is None for loop in made if loop.ended_well for step in loop.steps),
        accepted_at=dict(sorted(at.items())),
        n_never=sum(loop.accepted_at is None for loop in made),
        tokens=sum(step.n_tokens or 0 for loop in made for step in loop.steps),
        disagreements=differ,
    )
