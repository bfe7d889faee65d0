"""A second look: answers that no rule reads are read by the model itself.

A rollout that finished, and in whose answer the problem's grader reads none, is continued by an extraction text, and the probability of
every option after it is read, as `forced` reads one. With probabilities π_k of the options after that text (raw, temperature 1):

    mass = Σ_k π_k        share = max_k π_k / mass        the likeliest option counts if mass ≥ least mass and share ≥ least share

Otherwise the answer stays ``unparseable``. The readings are requests of the experiment like all others: keyed, stored, priced. What a
rule reads is never asked again. Assumption: the model, asked right after its answer, names the option that it meant; nothing checks that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tokenworth.core.formats import OPTION_LEAD
from tokenworth.core.grade import UNPARSEABLE, Grade, Verdict
from tokenworth.core.measure import Most, Need, Subject
from tokenworth.core.request.experiment import Answers, Batch, BudgetSpent, Experiment, ResultT
from tokenworth.core.request.kind import SUBJECT, Draw, Request, Response
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
    """What is appended to the answer; None: a new line and the lead to an option, ``The answer is (``."""
    mass: float = 0.5
    """Least probability on the options together."""
    share: float = 0.5
    """Least share of that mass on the likeliest option."""

    def __post_init__(self) -> None:
        for name, value in (("mass", self.mass), ("share", self.share)):
            if not 0 < value <= 1:
                raise InvalidInput(f"least {name} of a second look {value}: expected a number above 0, at most 1")


class Looker:
    """The second look at the answers of one problem. ``judge`` is the subject's own judge with what was read so far.

    ``subject`` is as the model sees it that is asked, and ``role`` that model's: with a reader it is the reader, for all answers.
    """

    def __init__(self, subject: Subject, look: SecondLook, role: str = SUBJECT) -> None:
        NEED.check(subject.model, subject.able)
        problem = subject.problem
        if problem is None or not problem.options:
            raise InvalidInput("a second look reads the probabilities of options, and this problem has none; use another --grader")
        self._subject, self._look, self._gold, self._role = subject, look, problem.gold, role
        self._labels = problem.labels
        self._exit: ExitText = encode_exit("second look", lead_of(look), problem.labels, subject.codec)
        self._grades: dict[tuple[int, ...], Grade] = {}
        self._unread: set[tuple[int, ...]] = set()
        """Completions whose answers no rule reads."""
        self._n_rollouts = 0
        """How many rollouts had such an answer."""

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
        known = trace.sequence.completion in self._unread
        if not self._is_unread(trace.sequence.completion, trace.stop) or known:
            return
        self._n_rollouts += 1
        request = self._request(trace.sequence.prompt, trace.sequence.completion)
        if request is not None:
            tables = yield (request,)
            self._take({trace.sequence.completion: request}, tables)

    def said(self) -> str:
        """What a document says of it; empty where every answer was read by a rule."""
        if not self._unread:
            return ""
        n_named = sum(grade.outcome != UNPARSEABLE for grade in self._grades.values())
        return (
            f"no rule reads the answers of {self._n_rollouts:,} rollouts ({len(self._unread):,} different texts); the model names an "
            f"option in {n_named:,} of these texts: options after {self._exit.text!r}, mass at least {self._look.mass:g}, "
            f"share of the likeliest at least {self._look.share:g}"
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
            if completion is None or not isinstance(answer, Rollout) or not self._is_unread(completion, answer.stop):
                continue
            self._n_rollouts += 1
            reading = self._request(request.sequence.prompt, completion)
            if reading is not None:
                wanted[completion] = reading
        return wanted

    def _is_unread(self, completion: tuple[int, ...], stop: StopReason) -> bool:
        """Whether no rule reads the answer."""
        if self._subject.judge(completion, stop).outcome != UNPARSEABLE:
            return False
        self._unread.add(completion)
        return True

    def _request(self, prompt: tuple[int, ...], completion: tuple[int, ...]) -> Read | None:
        """The reading of one answer; None where it is there, and where the model cannot be asked."""
        if completion in self._grades:
            return None
        ids = without_end_marks(completion, self._subject.codec)
        request = self._read(TokenSequence(prompt=prompt, completion=ids))
        room, reach = self._subject.context_length, self._subject.reach
        longest = len(prompt) + len(ids) + len(self._exit.suffix) + max(len(option) for option in self._exit.options)
        fits = room is None or longest <= room
        reached = self._subject.able.any_cut or reach is None or reach(request.sequence, request.cuts, request.suffix)[0]
        return request if fits and reached else None

    def _read(self, sequence: TokenSequence) -> Read:
        cuts = (len(sequence.completion),)
        return Read(sequence=sequence, cuts=cuts, suffix=self._exit.suffix, continuations=self._exit.options, role=self._role)

    def _take(self, wanted: Mapping[tuple[int, ...], Read], tables: Sequence[Response | None]) -> None:
        for completion, table in zip(wanted, tables, strict=True):
            if isinstance(table, ReadTable):
                self._grades[completion] = self._grade(table)

    def _grade(self, table: ReadTable) -> Grade:
        """The likeliest option where the probabilities allow it. What a server does not list counts as 0."""
        p = np.exp(np.where(np.isnan(table.logprob[0]), -np.inf, table.logprob[0]))
        best, mass = int(np.argmax(p)), float(p.sum())
        if mass < self._look.mass or p[best] < self._look.share * mass:
            return Grade(outcome=UNPARSEABLE, verdict=Verdict.UNKNOWN)
        label = self._labels[best]
        known = Verdict.CORRECT if label == self._gold else Verdict.INCORRECT
        return Grade(outcome=answer_label(label), verdict=Verdict.UNKNOWN if self._gold is None else known)


def lead_of(look: SecondLook) -> str:
    """What is appended to an answer."""
    text = look.text
    if text is None:
        text = "\n" + OPTION_LEAD.strip()
    return text.replace("\\n", "\n")


def _pairs(batch: Batch, answers: Sequence[Response | None]) -> list[tuple[Request, Response | None]]:
    return list(zip(batch, answers, strict=True))


def _completion(request: Request, answer: Response | None) -> tuple[int, ...] | None:
    """The whole completion of a rollout; None for other answers."""
    return (*request.sequence.completion[: request.cut], *answer.ids) if isinstance(request, Draw) and isinstance(answer, Rollout) else None


def _all_there(answers: Sequence[Response | None]) -> Answers:
    return tuple(answer for answer in answers if answer is not None)
