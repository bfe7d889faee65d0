"""The workbench: a model, a store, and cases to measure."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tokenworth.backends.model import LoadOptions, Model
from tokenworth.core.ports import Recorded, Store
from tokenworth.core.problem import Problem
from tokenworth.errors import InvalidInput, MismatchError
from tokenworth.run.estimate import Price
from tokenworth.run.progress import OnEvent
from tokenworth.store.memory import MemoryStore
from tokenworth.tasks.graders import grader_for
from tokenworth.tasks.judge import text_judge
from tokenworth.tasks.load import load_item
from tokenworth.tasks.prompt import user_message
from tokenworth.workbench.case import Case, Now, utc_now
from tokenworth.workbench.models import is_served, load_model

if TYPE_CHECKING:
    from tokenworth.backends.http.options import ServerOptions
    from tokenworth.store.sqlite import SqliteStore


def _with_money(server: ServerOptions | None, price: Price | None, max_usd: float | None) -> ServerOptions:
    from tokenworth.backends.http.options import ServerOptions

    options = server or ServerOptions()
    return options if price is None and max_usd is None else replace(options, price=price, max_usd=max_usd)


def _midnight(day: date) -> Callable[[], datetime]:
    moment = datetime(day.year, day.month, day.day).astimezone()
    return lambda: moment


def _silent(verb: str) -> OnEvent | None:
    del verb
    return None


_UNKNOWN = "<unk>"
"""What tokenizers of whole words make of a word they do not know."""


class Workbench:
    """A model with a store. Use as a context manager, or call `close`.

    ``model``: ``tiny``, ``toy:FILE.json``, ``hf:PATH``, or the address of a server, ``http://HOST:PORT/v1#NAME``; several addresses form a
    pool. ``store``: path of the run's SQLite file; None keeps rollouts in memory. ``on_event``: verb -> receiver of progress events.
    ``now``: the clock of provenance. ``server``: how servers are reached. ``price`` and ``max_usd``: what a server's model costs and may
    cost in all; local models cost nothing. ``date``: what chat templates that write a date into the prompt take for today;
    ``thinking``: the switch of those that have one.
    """

    def __init__(
        self,
        model: str | Sequence[str] | Model = "tiny",
        *,
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
        on_event: Callable[[str], OnEvent | None] = _silent,
        now: Now = utc_now,
        command: str = "",
    ) -> None:
        self.model = (
            model
            if isinstance(model, Model)
            else load_model(
                model,
                LoadOptions(
                    device=device,
                    dtype=dtype,
                    batch=batch,
                    trace_format=trace_format,
                    threads=threads,
                    server=_with_money(server, price, max_usd) if is_served(model) else None,
                    now=None if date is None else _midnight(date),
                    thinking=thinking,
                ),
            )
        )
        self._on_event, self._now, self._command = on_event, now, command
        self.store: Store
        if store is None:
            self.store = MemoryStore()
        elif isinstance(store, str | os.PathLike):
            from tokenworth.store.sqlite import open_store

            opened = open_store(Path(store), fingerprint=self.model.backend.fingerprint, name=self.model.name)
            self.store = opened
            self._note_server(opened)
        else:
            self.store = store

    def _note_server(self, store: SqliteStore) -> None:
        """Keeps the server's record with the runs, and refuses a server whose log-probabilities are not those of the stored draws."""
        backend = self.model.backend
        if not isinstance(backend, Recorded):
            return
        record = backend.record()
        known = [run.config.get("record") for run in store.runs() if run.verb == "probe"]
        if known and not backend.is_same_model(known[-1]):
            raise MismatchError(
                f"what the server answers to fixed prompts is not what the model behind {store.path} "
                "answered: another model under the same name; use another --store"
            )
        if not any(backend.is_recorded(one) for one in known):
            started = self._now().isoformat(timespec="seconds")
            run = store.begin_run(verb="probe", config={"record": record}, started=started)
            store.finish_run(run, finished=started)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the store and a server's connections."""
        for part in (self.store, self.model.backend):
            close = getattr(part, "close", None)
            if close is not None:
                close()

    def case(self, task: str | Problem | None = None, item: int | str = 0, *, grader: str | None = None) -> Case:
        """A problem put to the model: a `Problem`, or a task such as ``world:steps`` or ``mmlu:FILE.csv`` and an item of it.

        An automaton needs no task. ``grader`` replaces the one of the problem's kind: a name or ``module:callable``.
        """
        if self.model.is_toy:
            if task is not None:
                raise InvalidInput(f"{self.model.name} is an automaton and takes no task; leave --task out")
            return self._toy_case()
        if task is None:
            raise InvalidInput(f"{self.model.name} needs a problem; give a task such as world:steps, or a problems file")
        problem = task if isinstance(task, Problem) else load_item(task, item)
        assert self.model.render is not None
        message = user_message(problem, self.model.instruction)
        prompt = self.model.render(message)
        self._check_words(problem, message, prompt)
        trace_format = self.model.format
        if trace_format is not None and trace_format.open:
            prompt = self._opened(prompt, trace_format.open)
        close = self.model.codec.encode(trace_format.close) if trace_format is not None and trace_format.close else None
        judge = text_judge(problem, self.model.codec, close, grader_for(grader or problem))
        return self._make(problem, prompt, judge)

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

    def _toy_case(self) -> Case:
        from tokenworth.backends.toy.backend import ToyBackend, toy_judge

        backend = self.model.backend
        assert isinstance(backend, ToyBackend)
        return self._make(None, (), toy_judge(backend.automaton))

    def _make(self, problem: Problem | None, prompt: tuple[int, ...], judge: object) -> Case:
        return Case(
            model=self.model,
            problem=problem,
            prompt=prompt,
            judge=judge,  # pyright: ignore[reportArgumentType]
            store=self.store,
            on_event=self._on_event,
            now=self._now,
            command=self._command,
        )
