"""One problem put to one model: sample it, measure its trace, read forced answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from tokenworth import __version__
from tokenworth.core.document import About, ModelDoc, Provenance
from tokenworth.core.grade import Judge
from tokenworth.core.ports import Metered, Reaches, Spent, Store
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.core.request.experiment import Experiment
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import Trace
from tokenworth.errors import InvalidInput, MismatchError, Unsupported
from tokenworth.methods.curve.document import CurveDoc, curve_document
from tokenworth.methods.curve.experiment import curve
from tokenworth.methods.curve.result import CurveResult
from tokenworth.methods.curve.settings import Budget, CurveSettings
from tokenworth.methods.forced.document import ForcedDoc, forced_document
from tokenworth.methods.forced.experiment import ExitText, check_options, encode_exit, forced
from tokenworth.methods.forced.result import ForcedResult
from tokenworth.methods.sample.document import SampleSetDoc, sample_document
from tokenworth.methods.sample.experiment import check_choice, choose_trace, complete_trace, sample
from tokenworth.methods.sample.result import SampleResult
from tokenworth.run.drive import drive_counted
from tokenworth.run.estimate import CostPlan, plan_cost
from tokenworth.run.progress import OnEvent, RunCounts
from tokenworth.tasks.formats import exit_text
from tokenworth.tasks.judge import find_close
from tokenworth.workbench.models import Model

ResultT = TypeVar("ResultT")
Now = Callable[[], datetime]

DEFAULT_LIMIT = 4096
"""Tokens a completion may have when nobody says so and the context allows it."""
TOY_LIMIT = 10_000
DEFAULT_HALF_WIDTH = 0.1
"""Target of an excursion run for which no budget was given."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Samples:
    """N answers, as arrays and as a document."""

    result: SampleResult
    document: SampleSetDoc

    def trace(self, choice: str = "any") -> Trace:
        """A base trace: the first ``correct``, ``incorrect`` or ``any`` answer, or the one with an index such as ``"3"``."""
        return choose_trace(self.result, choice)[1]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """A value curve, as arrays and as a document."""

    result: CurveResult
    document: CurveDoc


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forced:
    """Forced answers, as arrays and as a document."""

    result: ForcedResult
    document: ForcedDoc


@dataclass(frozen=True, slots=True, kw_only=True)
class _Used:
    """What one run took: the driver's counts, and what the backend had spent before and after it."""

    counts: RunCounts
    before: Spent
    after: Spent


def utc_now() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


class Case:
    """A problem with a model and a store. Made by `Workbench.case`."""

    def __init__(
        self,
        *,
        model: Model,
        problem: Problem | None,
        prompt: tuple[int, ...],
        judge: Judge,
        store: Store,
        on_event: Callable[[str], OnEvent | None],
        now: Now,
        command: str,
    ) -> None:
        self.model, self.problem, self.prompt, self.judge, self.store = model, problem, prompt, judge, store
        self._on_event, self._now, self._command = on_event, now, command

    # -- building blocks -------------------------------------------------------------------------------------------

    def sampling(
        self, *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0, min_p: float = 0.0, limit: int | None = None
    ) -> Sampling:
        """Sampling parameters for this model; the defaults are neutral: the model's own distribution.

        ``limit``: tokens of a whole completion; by default what the context leaves, at most 4,096 (10,000 for automata).
        """
        room = None if self.model.context_length is None else self.model.context_length - len(self.prompt)
        if room is not None and room < 1:
            raise InvalidInput(
                f"the prompt has {len(self.prompt)} tokens and the model's context {self.model.context_length}: nothing can be sampled"
            )
        if limit is None:
            limit = TOY_LIMIT if room is None else min(room, DEFAULT_LIMIT)
        elif room is not None and limit > room:
            raise InvalidInput(
                f"completion limit {limit}: the context of {self.model.context_length} leaves {room} tokens "
                f"after the prompt of {len(self.prompt)}"
            )
        return Sampling(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p, max_tokens=limit, stop=self.model.stop)

    def find_wall(self, ids: tuple[int, ...]) -> int:
        """Number of trace tokens in a completion: up to its close marker, or else up to its stop token."""
        close = self._close
        wall = None if close is None else find_close(ids, close)
        if wall is not None:
            return wall
        return len(ids) - 1 if ids and ids[-1] in self.model.stop else len(ids)

    @property
    def _close(self) -> tuple[int, ...] | None:
        trace_format = self.model.format
        return None if trace_format is None or not trace_format.close else self.model.codec.encode(trace_format.close)

    def _run(self, verb: str, experiment: Experiment[ResultT]) -> tuple[ResultT, _Used]:
        before = self._spent()
        result, counts = drive_counted(experiment, backend=self.model.backend, store=self.store, on_event=self._on_event(verb))
        return result, _Used(counts=counts, before=before, after=self._spent())

    def _spent(self) -> Spent:
        return self.model.backend.spent() if isinstance(self.model.backend, Metered) else Spent()

    def _about(self, used: _Used) -> About:
        provenance = Provenance(
            version=__version__,
            created=self._now().isoformat(timespec="seconds"),
            command=self._command,
            store=Path(getattr(self.store, "path", "")).name,
            drawn=used.counts.drawn,
            reused=used.counts.reused,
            retried=used.after.retried - used.before.retried,
            errors=used.after.errors - used.before.errors,
            tokens_cached=used.after.tokens_cached - used.before.tokens_cached,
            cost=None if used.after.money is None else used.after.money - (used.before.money or 0.0),
            server=getattr(self.model.backend, "description", ""),
        )
        model = ModelDoc(name=self.model.name, fingerprint=self.model.backend.fingerprint)
        return About(problem=self.problem, model=model, codec=self.model.codec, provenance=provenance)

    def price(self, experiment: Experiment[Any]) -> CostPlan:
        """What the next batch of an experiment would cost; the model is not called."""
        return plan_cost(experiment, backend=self.model.backend, store=self.store)

    # -- sample ----------------------------------------------------------------------------------------------------

    def sample_experiment(self, n: int, sampling: Sampling, seed: int, level: float) -> Experiment[SampleResult]:
        """The experiment behind `sample`."""
        self._require("sample", "answers", self._without_samples)
        return sample(self.prompt, n=n, sampling=sampling, seed=seed, judge=self.judge, find_wall=self.find_wall, level=level)

    def sample(self, n: int, *, sampling: Sampling | None = None, seed: int = 0, level: float = 0.95, choose: str | None = None) -> Samples:
        """Draws ``n`` answers. ``choose`` names the base trace that the document marks."""
        if choose is not None:
            check_choice(choose, n)
        experiment = self.sample_experiment(n, sampling or self.sampling(), seed, level)
        result, used = self._run("sample", experiment)
        chosen = None if choose is None else choose_trace(result, choose)[0]
        return Samples(result=result, document=sample_document(result, chosen, self._about(used)))

    def given_trace(self, ids: tuple[int, ...], *, sampling: Sampling | None = None, seed: int = 0) -> Trace:
        """A base trace from its ids; where they do not end in a stop token, one sampled continuation ends it."""
        bad = next((i for i in ids if not 0 <= i < self.model.codec.vocab_size), None)
        if bad is not None:
            raise MismatchError(
                f"token id {bad} of the given trace is outside the vocabulary of {self.model.codec.vocab_size}; ids of another model?"
            )
        inner = next((i for i, token in enumerate(ids[:-1]) if token in self.model.stop), None)
        if inner is not None:
            raise InvalidInput(f"the given trace goes on after stop token {ids[inner]} at position {inner}; end it there")
        sampling = sampling or self.sampling()
        if len(ids) > sampling.max_tokens:
            raise InvalidInput(
                f"the given trace has {len(ids)} tokens and a completion may have {sampling.max_tokens}; raise --limit or shorten it"
            )
        ended = self._is_ended(ids)
        experiment = complete_trace(self.prompt, ids, sampling=sampling, seed=seed, is_ended=ended, find_wall=self.find_wall)
        return self._run("complete", experiment)[0]

    def _is_ended(self, ids: tuple[int, ...]) -> bool:
        if not ids or not self.model.is_toy:
            return bool(ids) and ids[-1] in self.model.stop
        from tokenworth.core.tokens import StopReason

        return self.judge(ids, StopReason.STOP).outcome != "truncated"

    # -- curve -----------------------------------------------------------------------------------------------------

    def settings(
        self, *, sampling: Sampling, seed: int = 0, plan: str = "excursions", level: float = 0.95, **choices: Any
    ) -> CurveSettings:
        """Curve settings with the defaults of the command line: a half-width of 0.1 when no budget and no samples are given."""
        budget = Budget(**{name: choices.pop(name, None) for name in ("max_rollouts", "max_tokens", "half_width")})
        samples = choices.pop("samples", None)
        if plan == "excursions" and samples is None and budget.is_open:
            budget = replace(budget, half_width=DEFAULT_HALF_WIDTH)
        if plan != "excursions" and samples is None:
            samples = 20
        values: dict[str, Any] = {"stride": None, "refine": None, "interval": "wilson", "top": 20} | choices
        return CurveSettings(plan=plan, sampling=sampling, seed=seed, samples=samples, budget=budget, level=level, **values)  # pyright: ignore[reportArgumentType]

    def curve_experiment(self, trace: Trace, settings: CurveSettings, *, snap: bool = False) -> Experiment[CurveResult]:
        """The experiment behind `curve`."""
        self._require("sample", "a curve", self._without_samples)
        if settings.plan == "excursions":
            for field in ("next_token", "leave"):
                self._require(field, "excursions", "use --plan stride or plain")
        allowed = self._reachable(trace, ((),))
        able = self.model.backend.capabilities
        with_q = able.can("next_token") and allowed is None
        return curve(
            trace,
            judge=self.judge,
            settings=settings,
            with_probabilities=with_q,
            cuts_allowed=allowed,
            snap=snap,
            reuse=able.exact_ids,
        )

    def curve(
        self,
        trace: Trace,
        *,
        sampling: Sampling | None = None,
        settings: CurveSettings | None = None,
        snap: bool = False,
        **choices: Any,
    ) -> Curve:
        """The value curve of a trace. ``choices``: plan, samples, stride, refine, max_rollouts, max_tokens, half_width, seed, level.

        ``snap``: where a server that takes text only cannot start at a cut, the nearest one it can is measured instead of none.
        """
        settings = settings or self.settings(sampling=sampling or self.sampling(), **choices)
        result, used = self._run("curve", self.curve_experiment(trace, settings, snap=snap))
        return Curve(result=result, document=curve_document(result, self._about(used)))

    @property
    def _without_samples(self) -> str:
        able = self.model.backend.capabilities
        return "forced answers on a trace given by its ids still work" if able.can("read") else "nothing can be measured on it"

    def _require(self, field: str, what: str, instead: str) -> None:
        """Refuses what the model's backend cannot do, in one sentence: what is missing and what would still work."""
        able = self.model.backend.capabilities
        if not able.can(field):
            raise Unsupported(f"{what} cannot be had from {self.model.name}: {able.lacks.get(field, field)}; {instead}")

    def _reachable(self, trace: Trace, suffixes: Sequence[tuple[int, ...]]) -> tuple[int, ...] | None:
        """The cuts at which the model can be asked with each suffix; None where it can be asked at all of them."""
        backend = self.model.backend
        if backend.capabilities.any_cut or not isinstance(backend, Reaches):
            return None
        cuts = range(trace.n_trace + 1)
        reached = [backend.reachable(trace.sequence, cuts, suffix) for suffix in suffixes]
        allowed = tuple(cut for cut in cuts if all(one[cut] for one in reached))
        return None if len(allowed) == len(cuts) else allowed

    # -- forced ----------------------------------------------------------------------------------------------------

    def exit_texts(self, exits: tuple[str, ...] = ()) -> tuple[str, ...]:
        """The exit texts to use: those given, or the model format's own."""
        if exits:
            return exits
        if self.model.format is None:
            raise InvalidInput(f"{self.model.name} has no trace format, so there is no default exit text; give --exit")
        kind = AnswerKind.OPTION if self.problem is None else self.problem.kind
        return (exit_text(self.model.format, kind),)

    def forced_exits(self, exits: tuple[str, ...] = (), options: tuple[str, ...] = ()) -> tuple[ExitText, ...]:
        """Exit texts and options as ids, checked; nothing is drawn. Raises InvalidInput for what cannot be read."""
        able = self.model.backend.capabilities
        self._require(
            "read", "forced answers", "sample and curve --plan stride still work" if able.can("sample") else "nothing can be measured on it"
        )
        labels, texts = self.option_labels(options), self.exit_texts(exits)
        check_options(labels)
        names = ["default"] if not exits else [f"exit {i + 1}" for i in range(len(texts))]
        return tuple(encode_exit(name, text, labels, self.model.codec) for name, text in zip(names, texts, strict=True))

    def option_labels(self, options: tuple[str, ...] = ()) -> tuple[str, ...]:
        """The options given, or the problem's."""
        return options or (() if self.problem is None else self.problem.labels)

    def forced_experiment(
        self, trace: Trace, *, exits: tuple[str, ...] = (), options: tuple[str, ...] = (), stride: int = 1, snap: bool = False
    ) -> Experiment[ForcedResult]:
        """The experiment behind `forced`."""
        encoded = self.forced_exits(exits, options)
        allowed = self._reachable(trace, [one.suffix for one in encoded])
        labels = self.option_labels(options)
        return forced(trace, options=labels, exits=encoded, stride=stride, judge=self.judge, cuts_allowed=allowed, snap=snap)

    def forced(
        self, trace: Trace, *, exits: tuple[str, ...] = (), options: tuple[str, ...] = (), stride: int = 1, snap: bool = False
    ) -> Forced:
        """Option probabilities at every ``stride``-th cut after each exit text (the model format's own by default)."""
        experiment = self.forced_experiment(trace, exits=exits, options=options, stride=stride, snap=snap)
        result, used = self._run("forced", experiment)
        return Forced(result=result, document=forced_document(result, self._about(used)))
