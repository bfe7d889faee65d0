"""The contract above the methods: all that the rest of the house needs to know of one question that can be asked.

A *measure* draws (its subject is a problem, or the base trace of one), derives (a pure function of documents), or reads a stream of
records. It is one folder, ``methods/NAME/``: settings, experiment, result, document, and ``MEASURE`` in its ``__init__``. Command line,
Python call, dry run, store record, reader and report section follow from the entry in the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

from tokenworth.core.document import About, Document
from tokenworth.core.grade import Grader, Judge
from tokenworth.core.ports import Capabilities
from tokenworth.core.problem import Problem
from tokenworth.core.request.experiment import Experiment
from tokenworth.core.request.kind import Request
from tokenworth.core.sampling import Sampling
from tokenworth.core.sound_json import LARGEST
from tokenworth.core.table import Table
from tokenworth.core.tensors import Tensors
from tokenworth.core.tokens import Codec, TokenSequence, Trace
from tokenworth.errors import InvalidInput, Unsupported

FindWall = Callable[[tuple[int, ...]], int]
"""Number of trace tokens in a completion: the position of its close marker, or its length when there is none."""
Reach = Callable[[TokenSequence, Sequence[int], tuple[int, ...]], tuple[bool, ...]]
"""Whether the prefix at each cut, with a suffix after it, reaches the model as these ids."""


def option(default: Any = ..., **about: Any) -> Any:
    """A field of a settings class with what the command line needs beyond type and default.

    ``short``: a one-letter flag. ``metavar``: what stands for the value in help. ``listed``: values come in one text, separated by commas.
    ``argument``: a positional argument. ``most``: the largest number, where that is not `MOST`. ``rare``: shown by ``--help-all`` only.
    ``heading``: what it stands under in help, where that is not the ``HEADING`` of its class; a measure's own settings stand under the
    measure's name.
    """
    return field(metadata=about) if default is ... else field(default=default, metadata=about)


MOST = 10**9
"""The largest whole number of a setting that is no seed."""
MANY = 10**6
"""The largest number of a setting that says how much is held at once: requests, rows, answers."""


def check_sizes(settings: Any) -> None:
    """Refuses whole numbers in settings that no machine has the time or memory for."""
    for one in fields(settings):
        value, most = getattr(settings, one.name), one.metadata.get("most", LARGEST if one.name == "seed" else MOST)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) > most:
            raise InvalidInput(f"{one.name.replace('_', ' ')} {value}: expected at most {most:,}")


def check_batch(n: int) -> None:
    """Refuses more requests at once than memory holds."""
    if n > 10 * MANY:
        raise InvalidInput(f"{n:,} requests at once: expected at most {10 * MANY:,}; give fewer rollouts or cuts")


def check_seed(seed: int) -> None:
    """Refuses a seed below 0, or one that JSON does not hold: it names a stream of draws."""
    if not 0 <= seed <= LARGEST:
        raise InvalidInput(f"seed {seed}: expected a whole number from 0 up, at most {LARGEST}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """A problem put to a model, as far as an experiment may know it: values and pure functions."""

    model: str
    """Its name."""
    fingerprint: str = ""
    """A hash of everything that decides its distribution."""
    prompt: tuple[int, ...]
    problem: Problem | None
    """None for an automaton, which takes none."""
    sampling: Sampling
    judge: Judge
    grader: Grader | None
    codec: Codec
    find_wall: FindWall
    close: tuple[int, ...] | None
    """Ids of the close marker; None where all of a completion is trace."""
    exit_texts: tuple[str, ...]
    """What stops a trace and begins the answer, the default first; none where the model has no trace format."""
    able: Capabilities
    reach: Reach | None
    """None where a request can start at every cut."""
    context_length: int | None
    """Prompt and completion together; None where there is no limit."""
    limit: int | None
    """The completion limit that was asked for; None: what the context leaves."""
    put: Callable[[Problem], tuple[int, ...]] | None
    """Prompt ids of another problem, or of this one in other words."""
    is_ended: Callable[[tuple[int, ...]], bool]
    """Whether a completion has ended by itself."""
    instruction: str | None
    """What is added to a question; empty for models that were trained without one."""
    feedback: bytes | None
    """The model's own file on how it was trained to read what is wrong with an answer; None where it was not."""
    other: Callable[[], Problem | None] | None = None
    """Another problem of the same task, the next one of it; None where there is none."""
    trace: Trace | None = None
    """The base trace, for a measure of one."""
    chosen: str = "given"
    """How that was chosen: ``any`` where it is the first sampled answer, else what the choice looked at."""
    documents: Mapping[str, Document] = field(default_factory=dict[str, Document])
    """Results that settings name by their file (`Draws.reads`), by setting."""

    @property
    def longest_trace(self) -> int:
        """Tokens of the base trace, or as many as it can have."""
        return self.sampling.max_tokens if self.trace is None else min(self.trace.n_trace, self.sampling.max_tokens)

    def reachable(self, sequence: TokenSequence, n_trace: int, suffixes: Sequence[tuple[int, ...]] = ((),)) -> tuple[int, ...] | None:
        """The cuts 0…T at which the model can be asked with each suffix; None where it can be asked at all of them."""
        if self.able.any_cut or self.reach is None:
            return None
        cuts = range(n_trace + 1)
        reached = [self.reach(sequence, cuts, suffix) for suffix in suffixes]
        allowed = tuple(cut for cut in cuts if all(one[cut] for one in reached))
        return None if len(allowed) == len(cuts) else allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something that a model must be able to do. ``able``: the capability; ``what`` needs it.

    ``instead``: capability -> what still works with it; the first that the model has is reported. ``why``: what is reported of a model
    that does not say why it is not able.
    """

    able: str
    what: str
    instead: Mapping[str, str] = field(default_factory=dict[str, str])
    why: str = ""

    def check(self, model: str, able: Capabilities) -> None:
        """Raises Unsupported, in one sentence: what is missing and what would still work."""
        if able.can(self.able):
            return
        instead = next((told for other, told in self.instead.items() if able.can(other)), "nothing can be measured on it")
        told = able.lacks.get(self.able) or self.why or self.able
        raise Unsupported(f"{model} does not support {self.what}: {told}; {instead}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Most:
    """A bound on requests of one kind."""

    n: int
    """How many there are at most."""
    reads: Request
    """None of them reads more tokens than this one."""
    writes: Request
    """None of them generates more tokens than this one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Done:
    """One problem of a run with what its experiment returned."""

    item: str
    subject: Subject
    result: Any
    second_look: str = ""
    """What the model was asked about its answers."""
    control_tokens: int = 0
    """Control tokens that the text of the problem spells, read as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What a measure is usually asked of, for the defaults, help and messages of its verb."""

    model: str = "tiny"
    """The model unless one is named."""
    task: str = "world:steps"
    """A task that the measure takes; a message names it where none is given."""
    tasks: str = ""
    """The sentence of ``--task``, where not every task will do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """How a measure that draws is run, problem by problem."""

    experiment: Callable[[Subject, Any], Experiment[Any]]
    """(subject, settings) -> the generator of one problem."""
    document: Callable[[Sequence[Done], Any, About], Document]
    """(results, settings, about) -> the document of one problem, or of all problems of a run where ``joins``."""
    needs: Callable[[Any], Iterable[Need]]
    """What the model must be able to do under these settings; asked before anything is drawn."""
    of_trace: bool = False
    """Whether a base trace is chosen, or given, first."""
    joins: bool = False
    """Whether a run over several problems gives one document."""
    usual: Usual = Usual()
    reads: tuple[str, ...] = ()
    """Settings that name the file of a result, where they are given; {item} in it stands for the item."""
    roles: tuple[str, ...] = ()
    """Other models it may ask besides the subject; each is an option that names one."""
    most: Callable[[Subject, Any], Iterable[Most] | None] | None = None
    """What a whole run of one problem can ask for at most, its base trace aside; None: nothing bounds it. Without this function the first
    batch is the whole run."""
    check: Callable[[Subject, Any], object] | None = None
    """Refuses settings that do not fit the problem, before anything is drawn."""
    forecasts: str = ""
    """What has to be in the store for its batches to have a `DrawsAhead`; empty where they never have one."""
    falls_short: Callable[[Any, Any], str] = lambda document, settings: ""
    """(document, settings) -> in what the document falls short of what the settings ask for: the exit code is 1 then. Empty: in nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather:
    """A measure of one trace of every problem, whose documents a measure that derives reads."""

    measure: str
    settings: Any
    base: str = "any"
    """Which sampled answer is the trace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Derives:
    """How a measure that derives is run: a pure function of documents.

    Where it has ``gathers`` its verb can draw these documents first, for a task and a model, all problems in one stream. ``refines`` says
    which traces of the first document, by the ids of its rows, are worth another measure; the document is then made anew.
    """

    document: Callable[[Sequence[Document], Any, About], Document]
    gathers: Callable[[Any], Sequence[Gather]] | None = None
    refines: Callable[[Any, Any], tuple[Sequence[str], Gather] | None] = lambda document, settings: None
    files: Callable[[Any], Sequence[str]] = lambda settings: ()
    """(settings) -> files of numbers by token (`tokenworth.importers.channel`), which are read and come after the documents."""


class Fold(Protocol):
    """One pass over a stream of records."""

    def add(self, where: str, record: object) -> bytes | None:
        """Takes the record at ``where`` (``file:line``), or the fault that stands there; returns the line of JSON that is written for it,
        None for none.

        Raises: TokenworthError for a record that cannot be read.
        """
        ...

    def document(self, about: About) -> Document:
        """The document of all that was added."""
        ...

    def summary(self) -> Iterator[str]:
        """Lines for a person, beside the document; none where that says it all."""
        return iter(())

    def exit_code(self) -> int:
        """0 where all is well, 1 where something was found."""
        return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """How a measure that reads a stream of records is run."""

    fold: Callable[[Any], Fold]
    """(settings) -> a new pass."""
    source: Callable[[Any], Iterable[tuple[str, object]]] | None = None
    """(settings) -> the records, each with its place; None: they are the lines of JSON files that are named."""
    shows: Callable[[Any], bool] = lambda _: True
    """(settings) -> whether the document is printed."""
    gives_lines: bool = False
    """Whether ``--json`` writes a line for each record instead of the document."""
    skips: bool = False
    """Whether a record that cannot be read is reported and skipped; otherwise it ends the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One entry of the catalogue's measures."""

    name: str
    """The verb, the folder of the method and the page of the documentation."""
    settings: type
    """A frozen dataclass: names, types, defaults, and under each field the sentence that explains it; its docstring is the verb's help."""
    document: type[Any]
    """The class that the document is made by and read back with."""
    run: Draws | Derives | Reads
    subject: Callable[[Any], Hashable]
    """What "the newest of" means among documents of this measure."""
    table: Callable[[Any], Table] | None = None
    """The rows of a document, for export; None where it has none."""
    tensors: Callable[[Any], Tensors] | None = None
    """Its arrays, for export; None where it has none."""

    @property
    def schema(self) -> str:
        """The schema that its documents name."""
        (found,) = (one.default for one in fields(self.document) if one.name == "schema")  # pyright: ignore[reportArgumentType]
        return str(found)
