"""The workbench: models, a store, and problems to measure."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tokenworth.backends.model import LoadOptions, Model
from tokenworth.core.grade import READ
from tokenworth.core.ports import Recorded, Store
from tokenworth.core.problem import Problem
from tokenworth.core.request.kind import SUBJECT
from tokenworth.core.sampling import Sampling
from tokenworth.errors import InvalidInput
from tokenworth.methods.second_look import SecondLook
from tokenworth.run.cost import Price
from tokenworth.run.progress import OnEvent
from tokenworth.store.memory import MemoryStore
from tokenworth.tasks.grade.gold import with_usable_gold
from tokenworth.tasks.graders import grader_for
from tokenworth.tasks.judge import text_judge
from tokenworth.tasks.load import Task, load_task
from tokenworth.workbench.case import Case
from tokenworth.workbench.choices import BaseSettings, SamplerSettings
from tokenworth.workbench.items import Shard, parse_items
from tokenworth.workbench.models import is_served, load_model
from tokenworth.workbench.prompting import Prompting, PromptSettings
from tokenworth.workbench.runner import READER, EndedCase, Job, Now, Runner, drawing, settings_of, utc_now
from tokenworth.workbench.served import keep_probe, kept_probes

if TYPE_CHECKING:
    from tokenworth.backends.http.options import ServerOptions


_LOG = logging.getLogger(__name__)


def _server_options(
    server: ServerOptions | None, price: Price | None, max_usd: float | None, store: str | os.PathLike[str] | Store | None
) -> ServerOptions:
    """How the server is reached, with what the store holds of its probe."""
    from tokenworth.backends.http.options import ServerOptions

    options = server or ServerOptions()
    if price is not None or max_usd is not None:
        options = replace(options, price=price, max_usd=max_usd)
    return replace(options, kept=kept_probes(Path(store))) if isinstance(store, str | os.PathLike) else options


_UNKNOWN = "<unk>"
"""What tokenizers of whole words make of a word they do not know."""


class Workbench:
    """A model with a store. Use as a context manager, or call `close`.

    ``model``: ``tiny``, ``toy:FILE.json``, ``hf:PATH``, or the address of a server, ``http://HOST:PORT/v1#NAME``; several addresses form a
    pool. ``reader``: another model, of the same tokenizer, that reads on where traces of ``model`` are kept. ``store``: path of the run's
    SQLite file; None keeps rollouts in memory. ``on_event``: verb -> receiver of progress events. ``now``: the clock of provenance.
    ``server``: how servers are reached. ``price`` and ``max_usd``: what a server's model costs and may cost in all; local models cost
    nothing. ``date``: what chat templates that write a date into the prompt take for today; ``thinking``: the switch of those that have
    one. ``allow_control_tokens``: whether control tokens that the text of a problem, prompt or trace spells are read as such, not as text.
    """

    def __init__(
        self,
        model: str | Sequence[str] | Model = "tiny",
        *,
        reader: str | Model | None = None,
        store: str | os.PathLike[str] | Store | None = None,
        device: str = "cpu",
        dtype: str = "float32",
        batch: int = 64,
        trace_format: str | None = None,
        threads: int | None = None,
        server: ServerOptions | None = None,
        price: Price | None = None,
        max_usd: float | None = None,
        date: date | None = None,
        thinking: bool = True,
        allow_control_tokens: bool = False,
        on_event: Callable[[str], OnEvent | None] = lambda verb: None,
        now: Now = utc_now,
        command: str = "",
    ) -> None:
        def loaded(name: str | Sequence[str] | Model) -> Model:
            if isinstance(name, Model):
                return name
            midnight = None if date is None else datetime(date.year, date.month, date.day).astimezone()
            options = LoadOptions(
                device=device,
                dtype=dtype,
                batch=batch,
                trace_format=trace_format,
                threads=threads,
                server=_server_options(server, price, max_usd, store) if is_served(name) else None,
                now=None if midnight is None else lambda: midnight,
                thinking=thinking,
                allow_control_tokens=allow_control_tokens,
            )
            return load_model(name, options)

        if max_usd is not None and reader is not None:
            raise InvalidInput(f"max_usd {max_usd:g} with a reader: a limit applies to one model only; leave one of them out")
        self.model = loaded(model)
        self._models = {SUBJECT: self.model} | ({} if reader is None else {READER: loaded(reader)})
        self._now = now
        backends = [model.backend for model in self._models.values()]
        self.notes = tuple(one.warning for one in backends if isinstance(one, Recorded) and one.warning)
        """What is to be told of the models beside their results."""
        self.store: Store = self._opened_store(store)
        self._tasks: dict[str, Task] = {}
        self._told = False
        self.runner = Runner(self._models, self.store, on_event=on_event, now=now, command=command)

    def _opened_store(self, store: str | os.PathLike[str] | Store | None) -> Store:
        if not isinstance(store, str | os.PathLike):
            return MemoryStore() if store is None else store
        from tokenworth.store.sqlite import open_store

        opened = open_store(Path(store), fingerprint=self.model.backend.fingerprint, name=self.model.name)
        kept = [keep_probe(opened, model.backend, self._now) for model in self._models.values()]
        self.notes += tuple(note for note in kept if note)
        return opened

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the store, servers' connections, and the processes that hold tokenizers."""
        for part in (self.store, *(part for model in self.runner.models.values() for part in (model.backend, model.codec))):
            close = getattr(part, "close", None)
            if close is not None:
                close()

    def case(
        self,
        task: str | Task | Problem | None = None,
        item: int | str = 0,
        *,
        grader: str | None = None,
        look: SecondLook | None = None,
        prompt: PromptSettings | Prompting | None = None,
    ) -> Case:
        """A problem put to the model: a `Problem`, or a task such as ``world:steps`` or ``mmlu:FILE.csv`` and an item of it.

        An automaton needs no task. ``grader`` replaces the one of the problem's kind: a name or ``module:callable``.
        ``read`` keeps that one and asks the model about the answers which it cannot read; ``look`` says how.
        ``prompt``: how the problem is put to the model, where the default is not meant.
        """
        prompting = prompt.texts() if isinstance(prompt, PromptSettings) else prompt or Prompting()
        if look is not None and grader != READ:
            raise InvalidInput("a way for the model to read answers was given without grader 'read'; give that too")
        if self.model.is_toy:
            if grader == READ:
                raise InvalidInput(f"{self.model.name} is an automaton: its answers have no text to be read; leave the grader out")
            if task is not None or prompting != Prompting():
                raise InvalidInput(f"{self.model.name} is an automaton and takes no task and no prompt; leave them out")
            from tokenworth.backends.toy.backend import ToyBackend, toy_judge

            backend = self.model.backend
            assert isinstance(backend, ToyBackend)
            judge = toy_judge(backend.automaton)
            return Case(model=self.model, problem=None, prompt=(), judge=judge, grader=None, put=None, runner=self.runner)
        if task is None:
            raise InvalidInput(f"{self.model.name} needs a problem; give a task such as world:steps, or a problems file")
        problem = task if isinstance(task, Problem) else self._task(task).item(item)
        named = None if grader == READ else grader
        with_usable_gold(problem, f"problem {problem.id!r}", grader=named)
        judge_of = grader_for(named or problem)
        put = partial(self._prompt, prompting)
        return Case(
            model=self.model,
            problem=problem,
            prompt=put(problem),
            judge=text_judge(problem, self.model.codec, self._close, judge_of),
            grader=judge_of,
            look=(look or SecondLook()) if grader == READ else None,
            control_tokens=self._controls(problem, prompting),
            put=put,
            other=None if isinstance(task, Problem) else partial(self._task(task).after, item),
            prompting=prompting,
            runner=self.runner,
        )

    def measure(
        self,
        name: str,
        task: str | None = None,
        items: str = "0",
        *,
        sampling: SamplerSettings | Sampling | None = None,
        base: BaseSettings | None = None,
        grader: str | None = None,
        look: SecondLook | None = None,
        prompt: PromptSettings | None = None,
        shard: str | None = None,
        **settings: Any,
    ) -> Iterator[EndedCase]:
        """How a measure ends on each of several problems, as it does; they share one stream of requests.

        ``items``: an index or id, or indices and ranges such as ``0-9,12``. ``settings``: the measure's own. A measure of one document over
        all problems gives it last.
        """
        measure, prompting = drawing(name), Prompting() if prompt is None else prompt.texts()
        job = Job(
            measure=measure,
            settings=settings_of(measure, settings),
            sampler=sampling,
            base=base or BaseSettings(),
            task=task or "",
            config={"item": items, **prompting.record(), **({} if shard is None else {"items": items, "shard": shard})},
        )
        put = partial(self.case, task, grader=grader, look=look, prompt=prompting)
        return self.runner.run(job, ((item, partial(put, item)) for item in Shard.parse(shard).items(parse_items(items))))

    def _task(self, task: str | Task) -> Task:
        """The problems of a spec, which is read once."""
        if isinstance(task, Task):
            return task
        if task not in self._tasks:
            self._tasks[task] = load_task(task, keep_faults=True)
        return self._tasks[task]

    @cached_property
    def _close(self) -> tuple[int, ...] | None:
        """Ids of the close marker."""
        written = self.model.format
        return self.model.codec.encode(written.close) if written is not None and written.close else None

    def _prompt(self, prompting: Prompting, problem: Problem) -> tuple[int, ...]:
        """The ids of a problem's prompt, up to where its trace begins; the prefill is the last of them."""
        assert self.model.render is not None
        if prompting.raw:
            assert self.model.encode_prompt is not None
            message = prompting.asked(problem, self.model.instruction)
            return self.model.encode_prompt(message + prompting.prefill)
        messages = prompting.messages(problem, self.model.instruction)
        prompt = self.model.render(messages)
        self._check_words(problem, messages[-1]["content"], prompt)
        written = self.model.format
        opened = self._opened(prompt, written.open) if written is not None and written.open else prompt
        return opened + (self.model.encode_data(prompting.prefill) if prompting.prefill else ())

    def _controls(self, problem: Problem, prompting: Prompting) -> int:
        """How many control tokens the text of a problem and its prompt spells that are read as text; says so once."""
        for option in problem.options:
            if self.model.controls(option.label):
                raise InvalidInput(f"problem {problem.id!r}: the label {option.label!r} is a control token; give options other labels")
        count = sum(map(self.model.controls, prompting.written(problem, self.model.instruction)))
        if count and not self._told:
            self._told = True
            _LOG.warning("problem %r spells %d control tokens, which are read as text (--allow-control-tokens)", problem.id, count)
        return count

    def _check_words(self, problem: Problem, message: str, prompt: tuple[int, ...]) -> None:
        """Refuses a question that the tokenizer cannot spell, as one of whole words cannot most texts."""
        spelled = self.model.codec.decode(prompt)
        if _UNKNOWN in spelled and _UNKNOWN not in message:
            lost = spelled.count(_UNKNOWN)
            raise InvalidInput(
                f"{self.model.name} has no token for {lost} words of problem {problem.id!r}; give it a task it was made for "
                "(maze-correct, maze-swapped and maze-feedback: maze:searchformer/7)"
            )

    def _opened(self, prompt: tuple[int, ...], mark: str) -> tuple[int, ...]:
        # Some chat templates end with the open marker and some leave it to the model; traces always begin after it.
        opened = self.model.codec.encode(mark)
        tail = self.model.codec.decode(prompt[-len(opened) - 4 :]).rstrip()
        return prompt if tail.endswith(mark.rstrip()) else prompt + opened
