"""The generate-test loop over problems: a live loop for each, and arms that answer from the same draws within the same budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tokenworth.core.grade import RESERVED_OUTCOMES, UNKNOWN_OUTCOMES, Grade, Verdict
from tokenworth.core.problem import AnswerKind
from tokenworth.core.tokens import StopReason
from tokenworth.errors import InvalidInput, unknown_name
from tokenworth.methods.modulo.arms import ArmResult, Judged, Stream, Told, compare
from tokenworth.methods.modulo.experiment import AcceptedBy, Checked, Feedback, ModuloResult, ModuloSettings, modulo
from tokenworth.run.drive import drive
from tokenworth.tasks.critics.critic import Bank
from tokenworth.tasks.critics.named import critic_named, critics
from tokenworth.tasks.critics.unsound import UnsoundCritic
from tokenworth.tasks.graders import grader_for
from tokenworth.tasks.judge import answer_text
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.case import Case
from tokenworth.workbench.feedback import feedback_form, folder_of

FEEDBACK = ("none", "first", "all")
"""What the model is told of a rejected answer: nothing (plain rejection), the first fault, or all of them."""
MOST_MESSAGES = 20
"""Faults that one message to the model may list."""
NO_ANSWER = "there is no finished answer"
"""What is said of a completion that was cut, or that never closed its trace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuloPlan:
    """What is run for each problem. ``max_attempts``: attempts of the loop, and draws that the arms share.

    ``share``: of the wrong answers, how many the unsound verifier of the comparison accepts.
    """

    critic: str
    dialect: str | None
    strictness: str | None
    feedback: str
    max_attempts: int
    max_tokens: int | None
    seed: int
    share: float
    level: float

    def __post_init__(self) -> None:
        if self.feedback not in FEEDBACK:
            raise InvalidInput(f"feedback {self.feedback!r}: expected {', '.join(FEEDBACK)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopItem:
    """One problem: the live loop, the grades of its attempts, and the stream of draws that the arms share."""

    id: str
    result: ModuloResult
    grades: tuple[Grade, ...]
    correct: bool | None
    texts: tuple[str, ...]
    stream: Stream


class ModuloRun:
    """Runs the loop for problems of one workbench, and compares arms over them."""

    def __init__(self, bench: Workbench, plan: ModuloPlan, *, task: str, grader: str | None, sampling: dict[str, Any]) -> None:
        self._bench, self._plan, self._task, self._grader, self._sampling = bench, plan, task, grader, sampling
        if plan.critic not in critics() and ":" not in plan.critic:
            raise unknown_name("critic", plan.critic, critics())
        if bench.model.is_toy:
            raise InvalidInput(f"{bench.model.name} is an automaton and answers no task; the loop needs a model that does")
        folder = folder_of(bench.model.name)
        self._form = None if folder is None else feedback_form(folder)
        if plan.feedback != "none":
            self._check_feedback()

    def _check_feedback(self) -> None:
        """Refuses feedback to a model that was trained on other texts than these."""
        name, form, plan = self._bench.model.name, self._form, self._plan
        if form is None and self._bench.model.instruction == "":
            raise InvalidInput(f"{name} was not trained to read what is wrong with an answer; use --feedback none: reject and draw again")
        if form is not None and not form.fits(plan.critic, plan.dialect):
            asked = plan.critic if plan.dialect is None else f"{plan.critic}/{plan.dialect}"
            raise InvalidInput(f"{name} reads the faults of {form.critic}, not of {asked}; use that critic, or --feedback none")

    def case(self, item: str) -> Case:
        """The problem of an item, put to the model."""
        return self._bench.case(self._task, item, grader=self._grader)

    def settings(self, case: Case) -> ModuloSettings:
        """Sampling and budgets for a case. With feedback, an answer may by default take half of the context, the rest is for prompts."""
        given = dict(self._sampling)
        if given.get("limit") is None and self._plan.feedback != "none" and case.model.context_length is not None:
            given["limit"] = max(1, min(4096, (case.model.context_length - len(case.prompt)) // 2))
        plan = self._plan
        return ModuloSettings(sampling=case.sampling(**given), seed=plan.seed, max_attempts=plan.max_attempts, max_tokens=plan.max_tokens)

    def bank(self, case: Case) -> Bank:
        """The verifiers of a case."""
        assert case.problem is not None
        grader = grader_for(self._grader or case.problem)
        # A model that writes no trace is judged on the problem without the word that begins one.
        problem = case.problem if self._form is None else self._form.asked(case.problem)
        made = critic_named(self._plan.critic, problem, grader, dialect=self._plan.dialect, strictness=self._plan.strictness)
        return Bank(critics=(made,))

    def item(self, item: str) -> LoopItem:
        """Draws the shared stream of a problem and runs the loop on it."""
        case = self.case(item)
        bank, settings = self.bank(case), self.settings(case)
        unsound = Bank(critics=tuple(UnsoundCritic(inner=one, share=self._plan.share) for one in bank.critics))
        samples = case.sample(self._plan.max_attempts, sampling=settings.sampling, seed=settings.seed, level=self._plan.level).result
        stream: list[Judged] = []
        for rollout, grade in zip(samples.rollouts, samples.grades, strict=True):
            checked = check(case, bank, rollout.ids, rollout.stop)
            stream.append(
                Judged(
                    outcome=ballot(case, grade, rollout.ids),
                    correct=truth(grade, checked, bank),
                    accepted=checked.accepted,
                    passed=check(case, unsound, rollout.ids, rollout.stop).accepted,
                    n_tokens=len(rollout.ids),
                )
            )
        experiment = modulo(
            case.prompt,
            settings=settings,
            check=lambda ids, stop: check(case, bank, ids, stop),
            feedback=self._feedback(case, item, settings),
        )
        result = drive(experiment, backend=case.model.backend, store=case.store)
        grades = tuple(case.judge(one.rollout.ids, one.rollout.stop) for one in result.attempts)
        last = result.accepted
        assert case.problem is not None
        return LoopItem(
            id=case.problem.id,
            result=result,
            grades=grades,
            correct=None if last is None else truth(grades[-1], last.checked, bank),
            texts=tuple(case.model.codec.decode(one.rollout.ids) for one in result.attempts),
            stream=tuple(stream),
        )

    def _feedback(self, case: Case, item: str, settings: ModuloSettings) -> Feedback | None:
        """The next prompt: the last answer and what is wrong with it, in the form the model was trained on; None for plain rejection."""
        if self._plan.feedback == "none":
            return None
        most = 1 if self._plan.feedback == "first" else MOST_MESSAGES
        problem, room = case.problem, case.model.context_length
        assert problem is not None

        def next_prompt(prompt: tuple[int, ...], ids: tuple[int, ...], messages: tuple[str, ...]) -> tuple[int, ...] | None:
            del prompt
            question = self._again(problem.question, _answer(case, ids), messages[:most])
            made = self._bench.case(replace(problem, question=question), item, grader=self._grader).prompt
            return None if room is not None and len(made) + settings.sampling.max_tokens > room else made

        return next_prompt

    def _again(self, question: str, answer: str | None, messages: Sequence[str]) -> str:
        """The question with a rejected answer and its faults. A trained form has no words for no answer: the question stands alone."""
        if self._form is not None:
            return question if answer is None or NO_ANSWER in messages else self._form.again(question, answer, messages)
        said = "\n".join(f"- {' '.join(message.split())}" for message in messages)
        return f"An earlier answer to the question below:\n{(answer or NO_ANSWER).strip()}\n\nIt was rejected:\n{said}\n\n{question}"

    def compare(self, items: Sequence[LoopItem]) -> tuple[ArmResult, ...]:
        """All arms over the problems, within the loop's own budgets; with feedback the live loop is an arm of its own."""
        live = tuple(
            Told(
                answered=one.result.accepted is not None,
                correct=one.correct,
                n_read=len(one.result.attempts),
                n_tokens=one.result.generated_tokens,
            )
            for one in items
        )
        plan = self._plan
        others = {} if plan.feedback == "none" else {f"loop, feedback {plan.feedback}": live}
        # Both budgets hold every arm alike, the live loop among them.
        streams = [one.stream for one in items]
        return compare(streams, budget=plan.max_tokens, most=plan.max_attempts, level=plan.level, others=others)


def check(case: Case, bank: Bank, ids: tuple[int, ...], stop: StopReason) -> Checked:
    """A bank's ruling on a completion. One that did not end by itself, or never closed its trace, is not accepted unread."""
    text = _answer(case, ids) if stop is StopReason.STOP else None
    if text is None:
        return Checked(accepted=False, messages=(NO_ANSWER,), by=())
    whole = answer_text(ids, case.model.codec, None)
    ruling = bank.check(text, whole)
    by = tuple(AcceptedBy(critic=one.critic, version=one.version, level=one.level) for one in ruling.by)
    return Checked(accepted=ruling.accepted, messages=ruling.messages, by=by)


def ballot(case: Case, grade: Grade, ids: tuple[int, ...]) -> str:
    """What a completion votes for: its outcome, or the plan itself where outcomes say how good a plan is and not which one."""
    if case.problem is None or case.problem.kind is not AnswerKind.PLAN or grade.outcome in RESERVED_OUTCOMES:
        return grade.outcome
    return " ".join((_answer(case, ids) or "").split())


def truth(grade: Grade, checked: Checked, bank: Bank) -> bool | None:
    """Whether an answer is right: the grader says, where it knows; else a sound bank; None where neither does.

    An outcome that is no answer is not right.
    """
    if grade.verdict is not Verdict.UNKNOWN:
        return grade.verdict is Verdict.CORRECT
    if grade.outcome in UNKNOWN_OUTCOMES:
        return False
    return checked.accepted if bank.is_sound else None


def _answer(case: Case, ids: tuple[int, ...]) -> str | None:
    trace_format = case.model.format
    close = case.model.codec.encode(trace_format.close) if trace_format is not None and trace_format.close else None
    return answer_text(ids, case.model.codec, close)
