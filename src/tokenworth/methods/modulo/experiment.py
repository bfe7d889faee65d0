"""The experiment of `modulo`: draws that the arms share, and the live loop on one problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tokenworth.core.grade import RESERVED_OUTCOMES, UNKNOWN_OUTCOMES, Grade, Verdict
from tokenworth.core.measure import Most, Subject
from tokenworth.core.problem import AnswerKind
from tokenworth.core.request.experiment import Experiment
from tokenworth.core.request.sample import Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason, TokenSequence
from tokenworth.errors import InvalidInput
from tokenworth.methods.modulo.arms import DrawStream, JudgedDraw
from tokenworth.methods.modulo.feedback import FeedbackForm, feedback_form
from tokenworth.methods.modulo.loop import Feedback, LoopResult, LoopSettings, loop
from tokenworth.methods.modulo.settings import ModuloSettings
from tokenworth.methods.sample.experiment import answers_of
from tokenworth.tasks.critics.critic import Bank, BankRuling
from tokenworth.tasks.critics.named import critic_named
from tokenworth.tasks.critics.unsound import UnsoundCritic
from tokenworth.tasks.judge import answer_text

MOST_MESSAGES = 20
"""Faults that one message to the model may list."""
NO_ANSWER = "there is no finished answer"
"""What is said of a completion that was cut, or that never closed its trace."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoopItem:
    """One problem."""

    bank: Bank
    """Who judged."""
    result: LoopResult
    """The live loop."""
    grades: tuple[Grade, ...]
    """Of its attempts."""
    correct: bool | None
    """Whether the accepted answer is right; None where there is none, or no one knows."""
    texts: tuple[str, ...]
    """The attempts as text."""
    stream: DrawStream
    """The draws that the arms share."""


def modulo_of(subject: Subject, settings: ModuloSettings) -> Experiment[LoopItem]:
    """Draws the stream that the arms share and runs the loop on one problem."""
    bank, sampling = bank_of(subject, settings), sampling_of(subject, settings)
    unsound = Bank(critics=tuple(UnsoundCritic(inner=one, share=settings.unsound_share) for one in bank.critics))
    samples = yield from answers_of(subject, settings.max_attempts, seed=settings.seed, level=settings.level, sampling=sampling)
    stream: list[JudgedDraw] = []
    for rollout, grade in zip(samples.rollouts, samples.grades, strict=True):
        ruling = check(subject, bank, rollout.ids, rollout.stop)
        stream.append(
            JudgedDraw(
                outcome=ballot(subject, grade, rollout.ids),
                correct=truth(grade, ruling, bank),
                accepted=ruling.accepted,
                passed=check(subject, unsound, rollout.ids, rollout.stop).accepted,
                n_tokens=len(rollout.ids),
            )
        )
    result = yield from loop(
        subject.prompt,
        settings=LoopSettings(sampling=sampling, seed=settings.seed, max_attempts=settings.max_attempts, max_tokens=settings.arm_tokens),
        check=lambda ids, stop: check(subject, bank, ids, stop),
        feedback=_feedback(subject, settings, sampling),
    )
    grades = tuple(subject.judge(one.rollout.ids, one.rollout.stop) for one in result.attempts)
    last = result.accepted
    return LoopItem(
        bank=bank,
        result=result,
        grades=grades,
        correct=None if last is None else truth(grades[-1], last.checked, bank),
        texts=tuple(subject.codec.decode(one.rollout.ids) for one in result.attempts),
        stream=tuple(stream),
    )


def most(subject: Subject, settings: ModuloSettings) -> list[Most]:
    """The shared draws and, with feedback, as many attempts with prompts as long as the context allows."""
    sampling, told = sampling_of(subject, settings), settings.feedback != "none"
    longest = subject.context_length or 2 * len(subject.prompt)
    room = max(0, longest - len(subject.prompt)) if told else 0
    writes = Sample(sequence=TokenSequence(prompt=subject.prompt, completion=()), cut=0, params=sampling, seed=0, index=0)
    reads = replace(writes, sequence=TokenSequence(prompt=subject.prompt + (0,) * room, completion=()))
    return [Most(n=(2 if told else 1) * settings.max_attempts, reads=reads, writes=writes)]


def check_subject(subject: Subject, settings: ModuloSettings) -> None:
    """Refuses an automaton, and feedback to a model that was trained on other texts than these."""
    if subject.problem is None:
        raise InvalidInput(f"{subject.model} is an automaton and answers no task; the loop needs a model that does")
    if settings.feedback == "none":
        return
    form = form_of(subject)
    if form is None and subject.instruction == "":
        raise InvalidInput(
            f"{subject.model} was not trained to read what is wrong with an answer; use --feedback none: reject and draw again"
        )
    if form is not None and not form.fits(settings.critic, settings.dialect):
        asked = settings.critic if settings.dialect is None else f"{settings.critic}/{settings.dialect}"
        raise InvalidInput(f"{subject.model} reads the faults of {form.critic}, not of {asked}; use that critic, or --feedback none")


def form_of(subject: Subject) -> FeedbackForm | None:
    """How the model was trained to read faults; None where it was not."""
    return None if subject.feedback is None else feedback_form(subject.feedback, f"{subject.model}: feedback.json")


def sampling_of(subject: Subject, settings: ModuloSettings) -> Sampling:
    """The sampling of attempts. With feedback, an answer may by default take half of the context, the rest is for prompts."""
    if subject.limit is None and settings.feedback != "none" and subject.context_length is not None:
        return replace(subject.sampling, max_tokens=max(1, min(4096, (subject.context_length - len(subject.prompt)) // 2)))
    return subject.sampling


def bank_of(subject: Subject, settings: ModuloSettings) -> Bank:
    """The verifiers of a problem."""
    assert subject.problem is not None and subject.grader is not None
    form = form_of(subject)
    # A model that writes no trace is judged on the problem without the word that begins one.
    problem = subject.problem if form is None else form.asked(subject.problem)
    made = critic_named(settings.critic, problem, subject.grader, dialect=settings.dialect, strictness=settings.strictness)
    return Bank(critics=(made,))


def _feedback(subject: Subject, settings: ModuloSettings, sampling: Sampling) -> Feedback | None:
    """The next prompt: the last answer and what is wrong with it, in the form the model was trained on; None for plain rejection."""
    if settings.feedback == "none":
        return None
    most_told = 1 if settings.feedback == "first" else MOST_MESSAGES
    problem, room, put, form = subject.problem, subject.context_length, subject.put, form_of(subject)
    assert problem is not None and put is not None

    def next_prompt(prompt: tuple[int, ...], ids: tuple[int, ...], messages: tuple[str, ...]) -> tuple[int, ...] | None:
        del prompt
        question = _again(form, problem.question, _answer(subject, ids), messages[:most_told])
        made = put(replace(problem, question=question))
        return None if room is not None and len(made) + sampling.max_tokens > room else made

    return next_prompt


def _again(form: FeedbackForm | None, question: str, answer: str | None, messages: Sequence[str]) -> str:
    """The question with a rejected answer and its faults. A trained form has no words for no answer: the question stands alone."""
    if form is not None:
        return question if answer is None or NO_ANSWER in messages else form.again(question, answer, messages)
    said = "\n".join(f"- {' '.join(message.split())}" for message in messages)
    return f"An earlier answer to the question below:\n{(answer or NO_ANSWER).strip()}\n\nIt was rejected:\n{said}\n\n{question}"


def check(subject: Subject, bank: Bank, ids: tuple[int, ...], stop: StopReason) -> BankRuling:
    """A bank's ruling on a completion. One that did not end by itself, or never closed its trace, is not accepted unread."""
    text = _answer(subject, ids) if stop is StopReason.STOP else None
    if text is None:
        return BankRuling(accepted=False, messages=(NO_ANSWER,), by=())
    return bank.check(text, answer_text(ids, subject.codec, None))


def ballot(subject: Subject, grade: Grade, ids: tuple[int, ...]) -> str:
    """What a completion votes for: its outcome, or the plan itself where outcomes say how good a plan is and not which one."""
    if subject.problem is None or subject.problem.kind is not AnswerKind.PLAN or grade.outcome in RESERVED_OUTCOMES:
        return grade.outcome
    return " ".join((_answer(subject, ids) or "").split())


def truth(grade: Grade, ruling: BankRuling, bank: Bank) -> bool | None:
    """Whether an answer is right: the grader says, where it knows; else a sound bank; None where neither does.

    An outcome without an answer is not right.
    """
    if grade.verdict is not Verdict.UNKNOWN:
        return grade.verdict is Verdict.CORRECT
    if grade.outcome in UNKNOWN_OUTCOMES:
        return False
    return ruling.accepted if bank.is_sound else None


def _answer(subject: Subject, ids: tuple[int, ...]) -> str | None:
    return answer_text(ids, subject.codec, subject.close)
