"""One problem put to one model: sample it, measure its trace, ask any other question of the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tokenworth.backends.model import Model
from tokenworth.core.formats import exit_texts
from tokenworth.core.grade import Grader, Judge
from tokenworth.core.measure import Subject
from tokenworth.core.ports import Reaches
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason, Trace
from tokenworth.errors import InvalidInput
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.curve.result import CurveResult
from tokenworth.methods.curve.settings import CurveSettings
from tokenworth.methods.forced.document import ForcedDoc
from tokenworth.methods.forced.result import ForcedResult
from tokenworth.methods.sample.document import SampleSetDoc
from tokenworth.methods.sample.result import SampleResult
from tokenworth.methods.second_look import SecondLook
from tokenworth.tasks.judge import find_close
from tokenworth.workbench.choices import SamplerSettings
from tokenworth.workbench.prompting import Prompting
from tokenworth.workbench.runner import Measured, Runner

DEFAULT_LIMIT = 4096
"""Tokens a completion may have when nobody says so and the context allows it."""
TOY_LIMIT = 10_000
FEEDBACK_FILE = "feedback.json"
"""Name of the file in a model's folder that says how it was trained to read what is wrong with an answer."""
_MOST_BYTES = 1_000_000


class Case:
    """A problem with a model. Made by `Workbench.case`."""

    def __init__(
        self,
        *,
        model: Model,
        problem: Problem | None,
        prompt: tuple[int, ...],
        judge: Judge,
        grader: Grader | None,
        look: SecondLook | None = None,
        prompting: Prompting | None = None,
        control_tokens: int = 0,
        put: Callable[[Problem], tuple[int, ...]] | None,
        other: Callable[[], Problem | None] | None = None,
        runner: Runner,
    ) -> None:
        self.model, self.problem, self.prompt, self.judge, self.grader = model, problem, prompt, judge, grader
        self._put, self._runner, self.look, self.control_tokens = put, runner, look, control_tokens
        self._other = other
        self.prompting = prompting or Prompting()

    # -- building blocks ---------------------------------------------------------------------------------------------------------------

    def sampling(self, **choices: Any) -> Sampling:
        """Sampling parameters for this model: ``temperature``, ``top_k``, ``top_p``, ``min_p``, ``limit`` (see `SamplerSettings`).

        ``limit``: tokens of a whole completion; by default what the context leaves, at most 4,096 (10,000 for automata).
        """
        return self._sampling(SamplerSettings(**choices))

    def _sampling(self, chosen: SamplerSettings) -> Sampling:
        room = None if self.model.context_length is None else self.model.context_length - len(self.prompt)
        if room is not None and room < 1:
            raise InvalidInput(
                f"the prompt has {len(self.prompt)} tokens and the model's context {self.model.context_length}: nothing can be sampled"
            )
        limit = chosen.limit
        if limit is None:
            limit = TOY_LIMIT if room is None else min(room, DEFAULT_LIMIT)
        elif room is not None and limit > room:
            raise InvalidInput(
                f"completion limit {limit}: the context of {self.model.context_length} leaves {room} tokens "
                f"after the prompt of {len(self.prompt)}"
            )
        return Sampling(
            temperature=chosen.temperature,
            top_k=chosen.top_k,
            top_p=chosen.top_p,
            min_p=chosen.min_p,
            max_tokens=limit,
            stop=self.model.stop,
        )

    def subject(self, sampler: SamplerSettings | Sampling | None = None) -> Subject:
        """What an experiment may know of this problem and its model."""
        model, backend = self.model, self.model.backend
        given = sampler or SamplerSettings()
        close = model.codec.encode(model.format.close) if model.format is not None and model.format.close else None
        kind = AnswerKind.OPTION if self.problem is None else self.problem.kind
        return Subject(
            model=model.name,
            fingerprint=backend.fingerprint,
            prompt=self.prompt,
            problem=self.problem,
            sampling=given if isinstance(given, Sampling) else self._sampling(given),
            judge=self.judge,
            grader=self.grader,
            codec=model.codec,
            find_wall=lambda ids: self._wall(ids, close),
            close=close,
            exit_texts=() if model.format is None else exit_texts(model.format, kind),
            able=backend.capabilities,
            reach=backend.reachable if isinstance(backend, Reaches) else None,
            context_length=model.context_length,
            limit=given.max_tokens if isinstance(given, Sampling) else given.limit,
            put=self._put,
            is_ended=self._is_ended,
            instruction=model.instruction,
            feedback=self._feedback(),
            other=self._other,
        )

    def _wall(self, ids: tuple[int, ...], close: tuple[int, ...] | None) -> int:
        """Number of trace tokens in a completion: up to its close marker, or else up to its stop token."""
        wall = None if close is None else find_close(ids, close)
        if wall is not None:
            return wall
        return len(ids) - 1 if ids and ids[-1] in self.model.stop else len(ids)

    def _is_ended(self, ids: tuple[int, ...]) -> bool:
        if not ids or not self.model.is_toy:
            return bool(ids) and ids[-1] in self.model.stop
        return self.judge(ids, StopReason.STOP).outcome != "truncated"

    def _feedback(self) -> bytes | None:
        file = None if self.model.folder is None else self.model.folder / FEEDBACK_FILE
        if file is None or not file.is_file():
            return None
        with file.open("rb") as handle:
            return handle.read(_MOST_BYTES)

    # -- measures ----------------------------------------------------------------------------------------------------------------------

    def measure(
        self, name: str, trace: Trace | None = None, *, sampling: SamplerSettings | Sampling | None = None, **settings: Any
    ) -> Measured[Any, Any]:
        """What a measure of the catalogue finds on this problem, or on a base trace of it. ``settings``: the measure's own."""
        return self._runner.one(name, self, trace, sampling=sampling, settings=settings)

    def sample(
        self, n: int, *, sampling: SamplerSettings | Sampling | None = None, seed: int = 0, level: float = 0.95, base: str | None = None
    ) -> Measured[SampleResult, SampleSetDoc]:
        """Draws ``n`` answers. ``base`` names the base trace that the document marks."""
        return self.measure("sample", sampling=sampling, samples=n, seed=seed, level=level, base=base)

    def given_trace(self, ids: tuple[int, ...], *, sampling: SamplerSettings | Sampling | None = None, seed: int = 0) -> Trace:
        """A base trace from its ids; where they do not end in a stop token, one sampled continuation ends it."""
        return self._runner.given_trace(self, ids, sampling=sampling, seed=seed)

    def curve(
        self,
        trace: Trace,
        *,
        sampling: SamplerSettings | Sampling | None = None,
        settings: CurveSettings | None = None,
        **choices: Any,
    ) -> Measured[CurveResult, CurveDoc]:
        """The value curve of a trace; ``choices`` are the fields of `CurveSettings`."""
        return self._runner.one("curve", self, trace, sampling=sampling, settings=settings or choices)

    def forced(
        self, trace: Trace, *, exits: tuple[str, ...] = (), options: tuple[str, ...] = (), stride: int = 1, snap: bool = False
    ) -> Measured[ForcedResult, ForcedDoc]:
        """Option probabilities at every ``stride``-th cut after each exit text (the model format's own by default)."""
        return self.measure("forced", trace, exit=exits, options=options, stride=stride, snap=snap)
