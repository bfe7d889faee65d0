"""Problems from a task spec: the synthetic world, a file in one of several formats, or a data set by name."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import overload

from tokenworth import catalog
from tokenworth.core.problem import Problem
from tokenworth.core.verification import MadeProblems
from tokenworth.errors import InvalidInput, TokenworthError, UnknownName, unknown_name
from tokenworth.tasks.domains import domain_named
from tokenworth.tasks.sources.files import Fault
from tokenworth.tasks.sources.hub import hub_problems
from tokenworth.tasks.sources.maths import gsm8k_problems, math_problems
from tokenworth.tasks.sources.mmlu import mmlu_pro_problems, mmlu_problems, redux_problems
from tokenworth.tasks.sources.native import native_problems

WORLD_SIZE = 1000
"""How many problems a task that makes them has when it is asked for its length; `Task.item` reaches any index."""

_READERS: Mapping[str, Callable[[Path], Iterator[Problem | Fault]]] = {
    "jsonl": native_problems,
    "mmlu": mmlu_problems,
    "mmlu-redux": redux_problems,
    "mmlu-pro": mmlu_pro_problems,
    "gsm8k": gsm8k_problems,
    "math": math_problems,
}


class Task(Sequence[Problem], ABC):
    """The problems of a spec, by number or by name."""

    @abstractmethod
    def number(self, item: int | str) -> int:
        """The index from 0 of the problem with this id or index; text that is the id of a problem is taken as one.

        Raises: UnknownName for an id, InvalidInput for an index that does not exist.
        """

    def item(self, item: int | str) -> Problem:
        """The problem with this id, or with this index from 0. Raises as `number`."""
        return self._at(self.number(item))

    def after(self, item: int | str) -> Problem | None:
        """The problem after this one, the first after the last; None where there is no other. One that cannot be read is passed over."""
        number, size = self.number(item), len(self)
        for step in range(1, size):
            try:
                return self._at((number + step) % size)
            except TokenworthError:
                continue
        return None

    @overload
    def __getitem__(self, index: int) -> Problem: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Problem]: ...
    def __getitem__(self, index: int | slice) -> Problem | Sequence[Problem]:
        if isinstance(index, slice):
            return [self._at(number) for number in range(*index.indices(len(self)))]
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(index)
        return self._at(number)

    @abstractmethod
    def _at(self, number: int) -> Problem: ...


class MadeTask(Task):
    """The first ``size`` problems of a task whose problems are made when they are asked for; `item` reaches any index.

    ``name``: the task as in the ids of its problems, ``NAME/INDEX``.
    """

    def __init__(self, name: str, make: Callable[[int], Problem], size: int) -> None:
        self.name, self._make, self._size = name, make, size

    def __len__(self) -> int:
        return self._size

    def _at(self, number: int) -> Problem:
        return self._make(number)

    def after(self, item: int | str) -> Problem | None:
        """The problem after this one; there always is one."""
        return self._make(self.number(item) + 1)

    def number(self, item: int | str) -> int:
        """Any index from 0, also beyond the task's length, or that of the problem with this id."""
        index = _index(str(item).removeprefix(f"{self.name}/"))
        if index is None or index < 0:
            kind = self.name.partition(":")[0]
            raise InvalidInput(f"item {item!r}: expected an index from 0, or an id such as {self.name}/0, in this {kind} task")
        return index


class ReadTask(Task):
    """Problems that were read, all of them, once. In the place of one that could not be read is its fault, raised when it is asked for."""

    def __init__(self, spec: str, problems: Sequence[Problem | Fault]) -> None:
        self.spec, self._problems = spec, problems
        self._by_id: dict[str, int] | None = None

    def __len__(self) -> int:
        return len(self._problems)

    def _at(self, number: int) -> Problem:
        problem = self._problems[number]
        if not isinstance(problem, Problem):
            raise problem
        return problem

    def number(self, item: int | str) -> int:
        """The index of the first problem with this id, or this index."""
        if self._by_id is None:
            read = [(number, one) for number, one in enumerate(self._problems) if isinstance(one, Problem)]
            self._by_id = {problem.id: number for number, problem in reversed(read)}
        if isinstance(item, str) and item in self._by_id:
            return self._by_id[item]
        index = _index(item)
        if index is None:
            unknown = unknown_name(f"problem id in {self.spec!r}", str(item), self._by_id)
            fault = next((one for one in self._problems if not isinstance(one, Problem)), None)
            raise unknown if fault is None else UnknownName(f"{unknown}; it may stand in a line that is not a problem: {fault}")
        if not 0 <= index < len(self):
            raise InvalidInput(f"item {item}: task {self.spec!r} has {len(self)} problems; expected 0 to {len(self) - 1} or an id")
        return index


_MOST_FAULTS = 1000


def load_task(spec: str, *, limit: int | None = None, keep_faults: bool = False) -> Task:
    """The problems a spec names, the first ``limit`` of them when given, read once; the order is that of the source.

    ``keep_faults``: a line that is not a problem is an error only when its item is asked for, unless no line is one or 1,000 are none.

    Raises: UnknownName with close matches for a format, family or split that does not exist; MissingFile; InvalidInput
    naming file and line for content that cannot be read, and for a task without problems; MissingExtra.
    """
    if limit is not None and limit < 1:
        raise InvalidInput(f"limit {limit}: expected at least 1 problem")
    kind, rest = _split_spec(spec)
    if kind not in _READERS and kind != "hf":
        made = _world(rest) if kind == "world" else _of_domain(kind, rest)
        return MadeTask(made.name, made.problem, WORLD_SIZE if limit is None else limit)
    if kind == "hf":
        problems = hub_problems(rest, limit=limit)[:limit]
    else:
        problems = _read(itertools.islice(_READERS[kind](Path(rest)), limit), _MOST_FAULTS if keep_faults else 0)
    if not problems:
        raise InvalidInput(f"task {spec!r} has no problems; expected at least one")
    return ReadTask(spec, problems)


def _read(lines: Iterator[Problem | Fault], most: int) -> list[Problem | Fault]:
    """All lines. Raises the first fault where no line is a problem, or more than ``most`` are none: it is no file of problems then."""
    read: list[Problem | Fault] = []
    faults: list[Fault] = []
    for one in lines:
        read.append(one)
        if not isinstance(one, Problem):
            faults.append(one)
            if len(faults) > most:
                raise faults[0]
    if faults and len(faults) == len(read):
        raise faults[0]
    return read


def load_item(spec: str, item: int | str) -> Problem:
    """One problem of a task by its id or its index. For several, `load_task` once and ask it for each.

    Raises: as `load_task` and `Task.item`.
    """
    return load_task(spec).item(item)


def _index(item: int | str) -> int | None:
    if isinstance(item, int):
        return item
    text = item.strip()
    # Twelve digits: longer ones name no problem, and int() refuses thousands of them.
    return int(text) if text.removeprefix("-").isdecimal() and len(text) <= 12 else None


def _world(rest: str) -> MadeProblems:
    from tokenworth.tasks.world.problems import FAMILIES, SPLITS, world_problem

    family, _, split = rest.partition("/")
    if family not in FAMILIES:
        raise unknown_name("world family", family, FAMILIES)
    if split and split not in SPLITS:
        raise unknown_name("split of a world task", split, SPLITS)
    split = split or "test"
    return MadeProblems(name=f"world:{family}/{split}", problem=lambda index: world_problem(family, index, split=split, seed=0))


def _of_domain(name: str, rest: str) -> MadeProblems:
    domain = domain_named(name)
    if domain.task is None:
        raise InvalidInput(f"task {name}:{rest}: the domain {name} makes no problems; {_usage()}")
    return domain.task(rest)


def _formats() -> tuple[str, ...]:
    """What may stand before the colon of a task spec."""
    return ("world", *(name for name in catalog.DOMAINS if domain_named(name).task is not None), *_READERS, "hf")


def _usage() -> str:
    own = "".join(f"{name}:{form}, " for name in catalog.DOMAINS if (form := domain_named(name).task_form))
    return f"expected world:FAMILY[/SPLIT], {own}PATH.jsonl[.gz], PATH.csv, mmlu-pro:PATH, gsm8k:PATH, math:PATH or hf:NAME"


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):  # names that no file can have
        return False


def _split_spec(spec: str) -> tuple[str, str]:
    """(format, rest) of a spec; the format of a bare path follows from its name."""
    if spec.splitlines() not in ([spec], []) or "\0" in spec:
        raise InvalidInput(f"task {spec[:80]!r} is not one line of text; {_usage()}")
    kind, colon, rest = spec.partition(":")
    is_read = kind in _READERS or kind == "hf"
    if is_read or kind == "world" or kind in catalog.DOMAINS:
        if not rest:
            raise InvalidInput(f"task {spec!r} names no {'file or data set' if is_read else 'family'}; {_usage()}")
        return kind, rest
    name = spec.casefold().removesuffix(".gz")
    if name.endswith((".jsonl", ".ndjson")):
        return "jsonl", spec
    if name.endswith(".csv"):
        return "mmlu", spec
    if _is_file(spec):
        raise InvalidInput(f"task {spec!r}: the format does not follow from the name; {_usage()}")
    if colon:
        raise unknown_name("task format", kind, _formats())
    if not spec:
        raise InvalidInput(f"no task given; {_usage()}")
    raise UnknownName(f"{unknown_name('task', spec, _formats())}; {_usage()}")
