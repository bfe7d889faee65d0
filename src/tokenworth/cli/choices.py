"""What a command line chooses beside a measure's own settings: model, server, money, problem, output."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import click

from tokenworth.backends.http.source import check_address
from tokenworth.cli.options import is_shared
from tokenworth.cli.outputs import ITEM, check_writable, output_path
from tokenworth.core.grade import READ
from tokenworth.core.inert import one_line
from tokenworth.core.measure import option
from tokenworth.errors import InvalidInput, NoEffect
from tokenworth.methods.second_look import SecondLook
from tokenworth.run.cost import Price
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.models import check_names, is_served
from tokenworth.workbench.progress import ProgressLine

if TYPE_CHECKING:
    from tokenworth.backends.http.options import ServerOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """Which model, and what computes it here."""

    HEADING: ClassVar[str] = "Model"
    model: str | tuple[str, ...] = "tiny"
    """A bundled model (tiny, maze-correct, maze-swapped, maze-feedback), toy:FILE.json, hf:PATH, a folder, or a server,
    http://HOST:PORT/v1#NAME; repeat to pool one model's servers."""
    device: str = "cpu"
    """cpu, cuda or cuda:N."""
    dtype: Literal["float32", "bfloat16"] = option("float32", rare=True)
    """Numbers that local models compute with."""
    threads: int | None = option(None, rare=True, most=1 << 10)
    """CPU threads. [default: torch's own; 1 for a bundled model]"""

    def __post_init__(self) -> None:
        _check_count("threads", self.threads)
        check_names(self.model)
        if isinstance(self.model, str):
            check_address(self.model)


@dataclass(frozen=True, slots=True, kw_only=True)
class UseChoice:
    """How the model is used to draw."""

    HEADING: ClassVar[str] = "Model"
    batch: int = option(64, rare=True, most=1 << 16)
    """Rollouts that decode together."""
    date: date | None = option(None, rare=True)
    """Date written into the prompt, for chat templates that write one."""
    allow_control_tokens: bool = option(False, rare=True)
    """Read control tokens that the text of a problem, prompt or trace spells as control tokens. [default: as text]"""
    format: str | None = option(None, rare=True)
    """Trace format, its open and close markers. [default: detected from the chat template]"""

    def __post_init__(self) -> None:
        _check_count("batch", self.batch)


def _check_count(name: str, count: int | None) -> None:
    if count is not None and count < 1:
        raise InvalidInput(f"--{name} {count}: expected at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerChoice:
    """How a server is reached."""

    HEADING: ClassVar[str] = "Server"
    tokenizer: str | None = option(None, metavar="FOLDER", rare=True)
    """Tokenizer of the served model: a folder, hf:OWNER/NAME or tiny. [default: the model's name]"""
    api_key_env: str | None = option(None, metavar="NAME", rare=True)
    """Environment variable with the key. [default: TOKENWORTH_API_KEY]"""
    api_key_file: str | None = option(None, metavar="FILE", rare=True)
    """File with the key; it is read, sent and never written anywhere."""
    concurrency: int | None = option(None, rare=True, most=1 << 16)
    """Requests in flight to one server. [default: 64, or llama.cpp's slots]"""
    per_request: int | None = option(None, rare=True, most=1 << 16)
    """Rollouts in one request. [default: what the server takes, up to 16]"""
    timeout: float = option(600.0, metavar="SECONDS", rare=True)
    """Longest wait for one whole reply."""
    retry_for: float = option(300.0, metavar="SECONDS", rare=True)
    """How long a failing request is tried again."""
    requests_per_minute: float | None = option(None, rare=True)
    """Rate limit of one server."""
    tokens_per_minute: float | None = option(None, rare=True)
    """Rate limit of one server, tokens read and generated together."""
    thinking: bool = option(True, rare=True)
    """Thinking switch of chat templates that have one."""
    probe: bool = option(False, rare=True)
    """Probe the server again, although the store holds a probe of it."""

    def __post_init__(self) -> None:
        for name in ("concurrency", "per_request", "timeout", "retry_for", "requests_per_minute", "tokens_per_minute"):
            value: float | None = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise InvalidInput(f"--{name.replace('_', '-')} {value}: expected a number above 0")

    def options(self, model: str | tuple[str, ...], reader: str | None = None) -> ServerOptions | None:
        """How the server of this model, or of its reader, is reached; None where neither is served.

        Raises InvalidInput for what is said of a server where neither is one.
        """
        if not is_served(model) and (reader is None or not is_served(reader)):
            for one in fields(self):
                if one.name != "thinking" and getattr(self, one.name) != one.default and not is_shared(one.name):
                    raise InvalidInput(f"--{one.name.replace('_', '-')} is for servers, and {model} is not one; leave it out")
            return None
        from tokenworth.backends.http.options import Patience, Rates, ServerOptions

        _quiet_retries()
        return ServerOptions(
            tokenizer=self.tokenizer,
            key_file=self.api_key_file,
            key_variable=self.api_key_env,
            concurrency=self.concurrency,
            n_most=self.per_request,
            patience=Patience(deadline_s=self.timeout, total_s=self.retry_for),
            rates=Rates(requests_per_minute=self.requests_per_minute, tokens_per_minute=self.tokens_per_minute),
            renew=self.probe,
        )


def _quiet_retries() -> None:
    """Retries are counted and shown in the progress line; where structlog is installed they would be printed as well."""
    from importlib.util import find_spec

    if find_spec("stamina") is not None:
        from stamina.instrumentation import set_on_retry_hooks

        set_on_retry_hooks([])


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyChoice:
    """What a server's model costs, and may cost."""

    HEADING: ClassVar[str] = "Budget"
    max_usd: float | None = option(None, metavar="USD")
    """Stop before a server's model costs more, and report on what was drawn."""
    prices: str | None = option(None, metavar="FILE.toml", rare=True)
    """Price table of models: [models."NAME"] with input, cached_input, output."""
    price_input: float | None = option(None, metavar="USD", rare=True)
    """Price of a million tokens read; wins over --prices."""
    price_cached: float | None = option(None, metavar="USD", rare=True)
    """Price of a million tokens read from the server's cache. [default: as --price-input]"""
    price_output: float | None = option(None, metavar="USD", rare=True)
    """Price of a million tokens generated; wins over --prices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemChoice:
    """Which problems."""

    HEADING: ClassVar[str] = "Problem"
    task: str | None = None
    """Where problems come from: problems.jsonl, world:FAMILY, a formal domain as in maze:FAMILY/SIDE, mmlu:FILE.csv, mmlu-pro:, gsm8k:,
    math:FILE or hf:NAME."""
    item: str = "0"
    """Index or id of the problem; several as in 0-9,12."""
    grader: str | None = option(None, rare=True)
    """Who reads and judges answers: option, exact, numeric, latex, plan or module:callable. [default: the problem's own]"""

    def look(self) -> SecondLook | None:
        """How the model reads answers; None where it does not."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadProblemChoice(ProblemChoice):
    """Which problems, where the model may be asked what it answered."""

    grader: str | None = option(None, rare=True)
    """Who reads and judges answers: option, exact, numeric, latex, plan, module:callable, or read: the problem's own, and what that cannot
    read is read by the model. [default: the problem's own]"""
    read_text: str | None = option(None, metavar="TEXT", rare=True)
    """Appended to an answer that the model is to read (--grader read). [default: a new line and The answer is (]"""
    read_mass: float = option(0.5, rare=True)
    """Least probability on the options together (--grader read)."""
    read_share: float = option(0.5, rare=True)
    """Least share of it on the likeliest option (--grader read)."""

    def __post_init__(self) -> None:
        if self.grader != READ and self._look() != SecondLook():
            message = "--read-text, --read-mass and --read-share say how the model reads answers; add --grader read"
            raise NoEffect(message, "read_text", "read_mass", "read_share")

    def _look(self) -> SecondLook:
        return SecondLook(text=self.read_text, mass=self.read_mass, share=self.read_share)

    def look(self) -> SecondLook | None:
        """How the model reads answers; None where it does not."""
        return self._look() if self.grader == READ else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChoice:
    """Where a run that draws keeps and writes what it makes."""

    HEADING: ClassVar[str] = "Output"
    store: str | None = option(None, metavar="FILE.db")
    """SQLite file of rollouts and results; a re-run draws only what is missing."""
    dry_run: bool = False
    """Say what a run would do; write nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputChoice:
    """Where results go."""

    HEADING: ClassVar[str] = "Output"
    json: str | None = option(None, metavar="FILE")
    """Write the result document as JSON; - for standard output."""
    report: str | None = option(None, metavar="FILE.html")
    """Also write one self-contained page of the results."""
    max_mb: float | None = option(None, rare=True)
    """Size limit of the page; rollout texts are left out to keep it."""

    def check(self, items: Sequence[str] = ("",)) -> None:
        """Finds out before anything is drawn that the result of an item could not be written. Raises InvalidInput, MissingFile."""
        if self.report == "-":
            raise InvalidInput("cannot write --report to standard output; give the name of a file, such as page.html")
        if self.json is not None and self.json == self.report:
            raise InvalidInput(f"cannot write {self.json} twice; give --json and --report names of their own")
        if self.max_mb is not None and self.report is None and not is_shared("max_mb"):
            raise InvalidInput(f"--max-mb {self.max_mb:g} is for a page; give --report FILE.html, or leave it out")
        names = [] if self.json is None else [output_path(self.json, item) for item in items] if ITEM in self.json else [self.json]
        if len(set(names)) < len(names):
            raise InvalidInput(f"--json {self.json}: two items have the same file name; run them one by one")
        for path in (*names, self.report):
            check_writable(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesChoice(OutputChoice):
    """Where results go, of a measure that gives a line for each text."""

    json: str | None = option(None, metavar="FILE")
    """Write one JSON line per text; - for standard output."""


def command_line() -> str:
    """This command as it was given."""
    return shlex.join(["tokenworth", *sys.argv[1:]])


def open_bench(
    model: ModelChoice,
    use: UseChoice,
    server: ServerChoice,
    run: RunChoice,
    *,
    price: Price | None,
    max_usd: float | None,
    reader: str | None,
) -> Workbench:
    """The workbench that the choices describe; what is to be told of its models is told. A dry run spends nothing on draws."""
    bench = Workbench(
        model.model,
        reader=reader,
        store=None if run.dry_run and run.store and not Path(run.store).exists() else run.store,
        device=model.device,
        dtype=model.dtype,
        batch=use.batch,
        threads=model.threads,
        trace_format=use.format,
        server=server.options(model.model, reader),
        price=price,
        # The price of a run is shown even where it is too small for the probe.
        max_usd=None if run.dry_run else max_usd,
        thinking=server.thinking,
        date=use.date,
        allow_control_tokens=use.allow_control_tokens,
        on_event=ProgressLine,
        command=command_line(),
    )
    for note in bench.notes:
        click.echo(one_line(note), err=True)
    return bench
