"""A second look: answers that no rule reads are read by the model itself.

A rollout that finished, and in whose answer the problem's grader reads none, is continued by an extraction text, and the probability of
every option after it is read, as `forced` reads one. With probabilities π_k of the options after that text (raw, temperature 1):

    mass = Σ_k π_k        share = max_k π_k / mass        the likeliest option counts if mass ≥ least mass and share ≥ least share

Otherwise the answer stays ``unparseable``. The readings are requests of the experiment like all others: keyed, stored, priced. What a
rule reads is never asked again. Assumption: the model, asked right after its answer, names the option that it meant; nothing checks that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tokenworth.core.grade import UNPARSEABLE, Grade, Verdict
from tokenworth.core.measure import Most, Need, Subject
from tokenworth.core.request.experiment import Answers, Batch, BudgetSpent, Experiment, ResultT
from tokenworth.core.request.kind import Draw, Request, Response
from tokenworth.core.request.read import Read, ReadTable
from tokenworth.core.request.sample import Rollout
from tokenworth.core.tokens import StopReason, TokenSequence, Trace
from tokenworth.errors import InvalidInput
from tokenworth.methods.forced.experiment import ExitText, encode_exit
from tokenworth.tasks.grade.answers import answer_label
from tokenworth.tasks.judge import without_end_marks

NEED = Need(able="read", what="a second look at answers", instead={"sample": "the graders of `--grader` that read texts still work"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondLook:
    """How the model is asked what it answered."""

    text: str | None = None
    """What is appended to the answer; None: how the model's trace format leads to an answer."""
    mass: float = 0.5
    """Least probability on the options together."""
    share: float = 0.5
    """Least share of that mass on the likeliest option."""

    def __post_init__(self) -> None:
        for name, value in (("mass", self.mass), ("share", self.share)):
            if not 0 < value <= 1:
                raise InvalidInput(f"least {name} of a second look {value}: expected a number above 0, at most 1")


class Looker:
    """The second look at the answers of one problem. ``judge`` is the subject's own judge with what was read so far."""

    def __init__(self, subject: Subject, look: SecondLook) -> None:
        NEED.check(subject.model, subject.able)
        problem = subject.problem
        if problem is None or not problem.options:
            raise InvalidInput("a second look reads the probabilities of options, and this problem has none; use another --grader")
        self._subject, self._look, self._gold = subject, look, problem.gold
        self._labels = problem.labels
        self._exit: ExitText = encode_exit("second look", lead_of(subject, look), problem.labels, subject.codec)
        self._grades: dict[tuple[int, ...], Grade] = {}
        self.n_looked = 0
        """Answers that no rule read."""
        self.n_read = 0
        """Those of them in which the model named an option."""

    def judge(self, completion: tuple[int, ...], stop: StopReason) -> Grade:
        """The grade of a completion: the rule's where it reads one, else what the model said of it."""
        grade = self._subject.judge(completion, stop)
        return self._grades.get(completion, grade) if grade.outcome == UNPARSEABLE else grade

    def over(self, experiment: Experiment[ResultT]) -> Experiment[ResultT]:
        """The experiment; each of its answers is looked at before it sees it."""
        try:
            batch = next(experiment)
            while True:
                spent: str | None = None
                answers: tuple[Response | None, ...]
                try:
                    answers = yield batch
                except BudgetSpent as error:
                    spent, answers = str(error), error.answers
                wanted = self._wanted(batch, answers)
                if wanted:
                    try:
                        tables: Sequence[Response | None] = yield tuple(wanted.values())
                    except BudgetSpent as error:
                        spent, tables = str(error), error.answers
                    self._take(wanted, tables)
                    # An answer that could not be looked at is not there: taken for unparseable, it would bias what is reported.
                    answers = tuple(
                        None if _completion(r, a) in wanted.keys() - self._grades.keys() else a for r, a in _pairs(batch, answers)
                    )
                batch = experiment.send(_all_there(answers)) if spent is None else experiment.throw(BudgetSpent(spent, answers))
        except StopIteration as finished:
            return finished.value

    def look_at(self, trace: Trace) -> Experiment[None]:
        """Looks at the answer of a base trace that was given, not drawn."""
        request = self._request(trace.sequence.prompt, trace.sequence.completion, trace.stop)
        if request is not None and trace.sequence.completion not in self._grades:
            tables = yield (request,)
            self._take({trace.sequence.completion: request}, tables)

    def said(self) -> str:
        """What a document says of it; empty where every answer was read by a rule."""
        if not self.n_looked:
            return ""
        return (
            f"{self.n_looked:,} answers were read by no rule, {self.n_read:,} of them by the model: options after {self._exit.text!r}, "
            f"mass at least {self._look.mass:g}, share of the likeliest at least {self._look.share:g}"
        )

    def most(self, counted: Iterable[Most]) -> Iterator[Most]:
        """One reading for each rollout at most, of the longest answer there can be."""
        completion = (0,) * self._subject.sampling.max_tokens
        longest = self._read(TokenSequence(prompt=self._subject.prompt, completion=completion))
        for one in counted:
            if isinstance(one.writes, Draw):
                yield Most(n=one.n, reads=longest, writes=longest)

    # -- parts -------------------------------------------------------------------------------------------------------------------------

    def _wanted(self, batch: Batch, answers: Sequence[Response | None]) -> dict[tuple[int, ...], Read]:
        """The readings of answers that no rule reads, by completion."""
        wanted: dict[tuple[int, ...], Read] = {}
        for request, answer in _pairs(batch, answers):
            completion = _completion(request, answer)
            if completion is None or completion in self._grades or completion in wanted or not isinstance(answer, Rollout):
                continue
            reading = self._request(request.sequence.prompt, completion, answer.stop)
            if reading is not None:
                wanted[completion] = replace(reading, role=request.role)
        return wanted

    def _request(self, prompt: tuple[int, ...], completion: tuple[int, ...], stop: StopReason) -> Read | None:
        """The reading of one answer; None where a rule reads it, and where the model cannot be asked."""
        if self._subject.judge(completion, stop).outcome != UNPARSEABLE:
            return None
        ids = without_end_marks(completion, self._subject.codec)
        request = self._read(TokenSequence(prompt=prompt, completion=ids))
        room, reach = self._subject.context_length, self._subject.reach
        longest = len(prompt) + len(ids) + len(self._exit.suffix) + max(len(option) for option in self._exit.options)
        fits = room is None or longest <= room
        reached = self._subject.able.any_cut or reach is None or reach(request.sequence, request.cuts, request.suffix)[0]
        if fits and reached:
            return request
        self.n_looked += 1
        return None

    def _read(self, sequence: TokenSequence) -> Read:
        cuts = (len(sequence.completion),)
        return Read(sequence=sequence, cuts=cuts, suffix=self._exit.suffix, continuations=self._exit.options)

    def _take(self, wanted: Mapping[tuple[int, ...], Read], tables: Sequence[Response | None]) -> None:
        for completion, table in zip(wanted, tables, strict=True):
            if isinstance(table, ReadTable):
                self.n_looked += 1
                self._grades[completion] = self._grade(table)

    def _grade(self, table: ReadTable) -> Grade:
        """The likeliest option where the probabilities allow it. What a server does not list counts as 0."""
        p = np.exp(np.where(np.isnan(table.logprob[0]), -np.inf, table.logprob[0]))
        best, mass = int(np.argmax(p)), float(p.sum())
        if mass < self._look.mass or p[best] < self._look.share * mass:
            return Grade(outcome=UNPARSEABLE, verdict=Verdict.UNKNOWN)
        self.n_read += 1
        label = self._labels[best]
        known = Verdict.CORRECT if label == self._gold else Verdict.INCORRECT
        return Grade(outcome=answer_label(label), verdict=Verdict.UNKNOWN if self._gold is None else known)


def lead_of(subject: Subject, look: SecondLook) -> str:
    """What is appended to an answer. Raises InvalidInput where neither the settings nor the trace format say."""
    text = look.text
    if text is None and subject.exit_text is not None and subject.close is not None:
        close = subject.codec.decode(subject.close)
        text = "\n" + subject.exit_text[subject.exit_text.rfind(close) + len(close) :].strip("\n")
    if not text:
        raise InvalidInput(f"{subject.model} has no trace format, so there is no default text for a second look; give --read-text")
    return text.replace("\\n", "\n")


def _pairs(batch: Batch, answers: Sequence[Response | None]) -> list[tuple[Request, Response | None]]:
    return list(zip(batch, answers, strict=True))


def _completion(request: Request, answer: Response | None) -> tuple[int, ...] | None:
    """The whole completion of a rollout; None for other answers."""
    return (*request.sequence.completion[: request.cut], *answer.ids) if isinstance(request, Draw) and isinstance(answer, Rollout) else None


def _all_there(answers: Sequence[Response | None]) -> Answers:
    return tuple(answer for answer in answers if answer is not None)
