"""Runs measures that draw: their experiments in one stream of requests, with a record in the store and where the numbers come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tokenworth import __version__, catalog
from tokenworth.backends.model import Model
from tokenworth.core.document import About, Document, ModelDoc, Provenance
from tokenworth.core.measure import Done, Draws, Measure, Subject, check_sizes
from tokenworth.core.ports import Backend, Metered, Reaches, Recorded, Spent, Store
from tokenworth.core.request.experiment import BudgetSpent, Experiment
from tokenworth.core.request.kind import SUBJECT
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import Trace
from tokenworth.errors import InvalidInput, MismatchError, StoreLost, TokenworthError, unknown_name
from tokenworth.methods.sample.choice import check_choice, choose_trace, complete_trace
from tokenworth.methods.sample.experiment import answers_of, draws_of
from tokenworth.methods.sample.result import SampleResult
from tokenworth.methods.second_look import Looker
from tokenworth.run.cost import CostPlan, plan_cost
from tokenworth.run.drive import drive_all
from tokenworth.run.progress import OnEvent, RunCounts, Together
from tokenworth.store.documents import document_json
from tokenworth.store.sqlite import SqliteStore
from tokenworth.workbench.choices import BaseSettings, SamplerSettings
from tokenworth.workbench.given import check_given, given_ids

if TYPE_CHECKING:
    from tokenworth.workbench.case import Case

R = TypeVar("R")
D = TypeVar("D")
Now = Callable[[], datetime]
READER = "reader"
"""The role of a model that reads on where the subject's trace is kept."""


def utc_now() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured(Generic[R, D]):
    """What a measure gave, as arrays and as a document."""

    result: R
    document: D

    def trace(self, choice: str | int = "any") -> Trace:
        """Of sampled answers, a base trace: the first ``correct``, ``incorrect`` or ``any`` one, or that with an index."""
        if not isinstance(self.result, SampleResult):
            raise InvalidInput(f"a {type(self.result).__name__} holds no answers to choose a base trace from; sample the problem")
        return choose_trace(self.result, str(choice))[1]


def provenance_now(now: datetime, command: str, *, source: str = "") -> Provenance:
    """Where numbers made now come from."""
    return Provenance(version=__version__, created=now.isoformat(timespec="seconds"), command=command, source=source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A measure to be run, with everything that is chosen but the problems."""

    measure: Measure
    settings: Any
    sampler: SamplerSettings | Sampling | None = None
    base: BaseSettings = field(default_factory=BaseSettings)
    trace: Trace | None = None
    """The base trace, where it is given."""
    task: str = ""
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What else the record in the store says of the run."""

    def __post_init__(self) -> None:
        for chosen in (self.settings, self.base, *([] if self.sampler is None else [self.sampler])):
            check_sizes(chosen)

    @property
    def draws(self) -> Draws:
        """How it is run."""
        assert isinstance(self.measure.run, Draws)
        return self.measure.run

    @property
    def seed(self) -> int:
        """The seed of its draws."""
        return getattr(self.settings, "seed", 0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EndedCase:
    """One problem of a run, as it ended; or, of a measure that joins problems, all of them together."""

    item: str
    done: Done | None = None
    document: Document | None = None
    error: TokenworthError | None = None


def drawing(name: str) -> Measure:
    """The measure of this name. Raises UnknownName; InvalidInput for one that draws nothing."""
    measure: Measure = catalog.load(catalog.MEASURES, "measure", name)
    if not isinstance(measure.run, Draws):
        raise InvalidInput(f"{name} draws nothing from a model; expected a measure of a problem or a trace")
    return measure


def settings_of(measure: Measure, choices: Mapping[str, Any]) -> Any:
    """The settings of these names. Raises UnknownName with close matches for a name that the measure does not have."""
    known = measure.settings.__dataclass_fields__
    for name in choices:
        if name not in known:
            raise unknown_name(f"setting of {measure.name}", name, known)
    try:
        return measure.settings(**choices)
    except (TypeError, AttributeError) as error:  # A required name is missing, or a check met a value of another type.
        raise InvalidInput(f"settings of {measure.name}: {error}; help({measure.settings.__name__}) lists them") from error


class Runner:
    """What all problems of a workbench share: models by role, store, clock, receiver of progress."""

    def __init__(
        self,
        models: Mapping[str, Model],
        store: Store,
        *,
        on_event: Callable[[str], OnEvent | None],
        now: Now,
        command: str,
    ) -> None:
        self.models, self.store = dict(models), store
        self._on_event, self._now, self._command = on_event, now, command
        self._seen = self._spent()
        self._probed = Spent.together([model.backend.probed for model in self.models.values() if isinstance(model.backend, Recorded)])

    @property
    def model(self) -> Model:
        """The model that is studied."""
        return self.models[SUBJECT]

    # -- one problem -------------------------------------------------------------------------------------------------------------------

    def one(
        self,
        name: str,
        case: Case,
        trace: Trace | None,
        *,
        sampling: SamplerSettings | Sampling | None,
        settings: Any,
    ) -> Measured[Any, Any]:
        """What a measure finds on one problem."""
        measure = drawing(name)
        chosen = settings_of(measure, settings) if isinstance(settings, Mapping) else settings
        job = Job(
            measure=measure,
            settings=chosen,
            sampler=sampling,
            trace=trace,
            task="" if case.problem is None else case.problem.task,
            config=case.prompting.record(),
        )
        item = case.problem.id if case.problem else ""
        for ended in self.run(job, [(item, lambda: case)]):
            if ended.error is not None:
                raise ended.error
            if ended.document is not None and ended.done is not None:
                return Measured(result=ended.done.result, document=ended.document)
        raise InvalidInput(f"{name} gave nothing on {item or self.model.name}")

    def given_trace(self, case: Case, ids: tuple[int, ...], *, sampling: SamplerSettings | Sampling | None, seed: int) -> Trace:
        """A base trace from its ids; where they do not end in a stop token, one sampled continuation ends it."""
        subject = case.subject(sampling)
        check_given(subject, ids)
        (ended,) = drive_all([("", _completed(subject, ids, seed))], models=self._backends(), store=self.store)
        return ended.value()

    # -- many problems -----------------------------------------------------------------------------------------------------------------

    def run(self, job: Job, cases: Iterable[tuple[str, Callable[[], Case]]]) -> Iterator[EndedCase]:
        """How each problem ended, as it does; of a measure that joins them the document of all comes last, under no item.

        What the model cannot do is refused before anything is drawn. A problem that fails harms no other.
        """
        self.check(job)
        named = list[str]()
        runs = dict[str, int]()

        def experiments() -> Iterator[tuple[str, Experiment[Done]]]:
            for item, make in cases:
                named.append(item)
                yield item, self._recorded(job, item, make, runs)

        joined: list[Done] = []
        failed = 0
        whole = self._begin(job, job.config.get("item", "")) if job.draws.joins else None
        together = Together(self._on_event(job.measure.name) or (lambda event: None), len(cases) if isinstance(cases, Sized) else None)
        totals = RunCounts()
        ends = drive_all(experiments(), models=self._backends(), store=self.store, on_event=together)
        with closing(ends) as results:
            for one in results:
                totals = together.ended(one)
                if one.error is not None:
                    failed += 1
                    yield EndedCase(item=one.name, error=one.error)
                elif job.draws.joins:
                    joined.append(one.value())
                    yield EndedCase(item=one.name, done=one.value())
                else:
                    yield self._ended(job, one.name, one.value(), one.counts, runs.pop(one.name, None))
        together.finish(self._spent() if any(isinstance(model.backend, Metered) for model in self.models.values()) else None)
        if job.draws.joins:
            order = {item: number for number, item in enumerate(named)}
            joined.sort(key=lambda done: order[done.item])
            about = self._about(job, totals, items=tuple(named), failed=failed)
            document = job.draws.document(joined, job.settings, about)
            self._finish(whole, document)
            yield EndedCase(item="", done=joined[0] if len(named) == 1 and joined else None, document=document)

    def price(self, job: Job, case: Case) -> CostPlan:
        """What the next batch of a measure would cost on one problem; no model is called."""
        self.check(job)
        return plan_cost(self._experiment(job, "", lambda: case), models=self._backends(), store=self.store)

    def check(self, job: Job) -> None:
        """Refuses what the models of a run cannot do, before anything is drawn. Raises Unsupported."""
        for need in job.draws.needs(job.settings):
            need.check(self.asked(job).name, self.asked(job).backend.capabilities)
        if job.draws.of_trace and job.trace is None and not job.base.is_given:
            draws_of("answers").check(self.model.name, self.model.backend.capabilities)

    # -- parts -------------------------------------------------------------------------------------------------------------------------

    def _backends(self) -> dict[str, Backend]:
        return {role: model.backend for role, model in self.models.items()}

    def asked(self, job: Job) -> Model:
        """The model that the measure's own requests go to."""
        return self.models[READER] if READER in job.draws.roles and READER in self.models else self.model

    def _ended(self, job: Job, item: str, done: Done, counts: RunCounts, run: int | None) -> EndedCase:
        try:
            about = self._about(job, counts, items=(item,), done=done)
            document = job.draws.document([done], job.settings, about)
            self._finish(run, document)
        except StoreLost:
            raise
        except TokenworthError as error:
            return EndedCase(item=item, error=error)
        return EndedCase(item=item, done=done, document=document)

    def _experiment(self, job: Job, item: str, make: Callable[[], Case]) -> Experiment[Done]:
        """The whole of one problem: its base trace where there is to be one, and the measure."""
        case = make()
        subject = case.subject(job.sampler)
        if job.draws.check is not None:
            job.draws.check(subject, job.settings)
        if case.look is None:
            subject, result = yield from self._parts(job, case, subject)
            return Done(item=item, subject=subject, result=result, control_tokens=case.control_tokens)
        if job.draws.joins:
            raise InvalidInput(f"{job.measure.name} asks no model about answers; --grader read is for sample, curve and forced")
        role = SUBJECT if self.asked(job) is self.model else READER
        looker = Looker(self._read_by(job, subject), case.look, role)
        subject, result = yield from looker.over(self._parts(job, case, replace(subject, judge=looker.judge), looker))
        return Done(item=item, subject=subject, result=result, second_look=looker.said(), control_tokens=case.control_tokens)

    def _parts(self, job: Job, case: Case, subject: Subject, looker: Looker | None = None) -> Experiment[tuple[Subject, Any]]:
        """The base trace and the measure: the subject with its trace, and the result."""
        if job.draws.of_trace:
            trace = job.trace or (yield from self._base(job, case, subject))
            subject = replace(subject, trace=trace)
            if looker is not None:
                yield from looker.look_at(trace)
        experiment = job.draws.experiment(self._read_by(job, subject), job.settings)
        if self.asked(job) is not self.model:
            experiment = in_role(experiment, READER)
        return subject, (yield from experiment)

    def _base(self, job: Job, case: Case, subject: Subject) -> Experiment[Trace]:
        """The base trace: given by ids, or chosen among sampled answers."""
        base = job.base
        if self.model.is_toy:
            # The base of an automaton is always drawn from its own distribution.
            subject = replace(subject, sampling=replace(subject.sampling, temperature=1.0, top_k=0, top_p=1.0, min_p=0.0))
        if base.is_given:
            ids = given_ids(base, subject, self.model)
            check_given(subject, ids)
            return (yield from _completed(subject, ids, job.seed))
        check_choice(base.base, base.n_draws)
        result = yield from answers_of(subject, base.n_draws, seed=job.seed, level=0.95)
        return choose_trace(result, base.base)[1]

    def _read_by(self, job: Job, subject: Subject) -> Subject:
        """The subject as the asked model sees it. Raises MismatchError for a reader with other tokens."""
        reader = self.asked(job)
        if reader is self.model:
            return subject
        ids = subject.prompt + (() if subject.trace is None else subject.trace.sequence.completion)
        same = reader.codec.vocab_size == subject.codec.vocab_size and reader.codec.piece_bytes(ids) == subject.codec.piece_bytes(ids)
        if not same or reader.stop != self.model.stop:
            raise MismatchError(
                f"reader {reader.name} has other tokens than {self.model.name}, so that it cannot read its trace; "
                "use a model with the same tokenizer"
            )
        backend = reader.backend
        return replace(subject, able=backend.capabilities, reach=backend.reachable if isinstance(backend, Reaches) else None)

    # -- provenance and record ---------------------------------------------------------------------------------------------------------

    def _spent(self) -> Spent:
        return Spent.together([model.backend.spent() for model in self.models.values() if isinstance(model.backend, Metered)])

    def _about(self, job: Job, counts: RunCounts, *, items: tuple[str, ...], failed: int = 0, done: Done | None = None) -> About:
        """What the document says beyond its numbers. Of problems run together each says what was spent since the document before it."""
        before, self._seen = self._seen, self._spent()
        probed, self._probed = self._probed, Spent()
        model = self.asked(job)
        provenance = replace(
            provenance_now(self._now(), self._command),
            store=Path(getattr(self.store, "path", "")).name,
            drawn=counts.drawn,
            reused=counts.reused,
            tokens_drawn=counts.tokens_drawn,
            retried=self._seen.retried - before.retried,
            errors=self._seen.errors - before.errors,
            tokens_cached=self._seen.tokens_cached - before.tokens_cached,
            cost=None if self._seen.money is None else self._seen.money - (before.money or 0.0),
            probe_requests=probed.requests,
            probe_tokens=probed.tokens_read + probed.tokens_generated,
            probe_cost=probed.money,
            server=getattr(model.backend, "description", ""),
            second_look="" if done is None else done.second_look,
            control_tokens=0 if done is None else done.control_tokens,
            reader="" if model is self.model else f"{model.name} ({model.backend.fingerprint})",
        )
        return About(
            problem=None if done is None else done.subject.problem,
            model=ModelDoc(name=self.model.name, fingerprint=self.model.backend.fingerprint),
            provenance=provenance,
            task=job.task,
            items=items,
            failed=failed,
        )

    def _recorded(self, job: Job, item: str, make: Callable[[], Case], runs: dict[str, int]) -> Experiment[Done]:
        """The experiment of a problem; its record in the store begins with it."""
        run = None if job.draws.joins else self._begin(job, item)
        if run is not None:
            runs[item] = run
        return (yield from self._experiment(job, item, make))

    def _begin(self, job: Job, item: str) -> int | None:
        if not isinstance(self.store, SqliteStore):
            return None
        sampler = {} if job.sampler is None else asdict(job.sampler)
        base = asdict(job.base) if job.draws.of_trace else {}
        config = {**job.config, "task": job.task, "item": item, **sampler, **base, **asdict(job.settings)}
        if self.asked(job) is not self.model:
            config["reader"] = self.asked(job).name
        if isinstance(self.model.backend, Recorded):
            config["record"] = self.model.backend.record()
        return self.store.begin_run(verb=job.measure.name, config=config, started=self._now().isoformat(timespec="seconds"))

    def _finish(self, run: int | None, document: Document) -> None:
        if run is not None and isinstance(self.store, SqliteStore):
            self.store.finish_run(run, finished=self._now().isoformat(timespec="seconds"), document=document_json(document))


def _completed(subject: Subject, ids: tuple[int, ...], seed: int) -> Experiment[Trace]:
    ended = subject.is_ended(ids)
    return complete_trace(subject.prompt, ids, sampling=subject.sampling, seed=seed, is_ended=ended, find_wall=subject.find_wall)


def in_role(experiment: Experiment[Any], role: str) -> Experiment[Any]:
    """The experiment with all its requests put to the model of another role."""
    try:
        batch = next(experiment)
        while True:
            try:
                answers = yield tuple(replace(request, role=role) for request in batch)
            except BudgetSpent as spent:
                batch = experiment.throw(spent)
            else:
                batch = experiment.send(answers)
    except StopIteration as finished:
        return finished.value
