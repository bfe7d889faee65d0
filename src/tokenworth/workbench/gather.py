"""Draws the documents that a measure derives from: every problem of a task, all in one stream of requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tokenworth import catalog
from tokenworth.core.document import About, Document
from tokenworth.core.measure import Derives, Gather, Measure
from tokenworth.core.table import trace_id
from tokenworth.errors import InvalidInput, TokenworthError
from tokenworth.workbench.case import Case
from tokenworth.workbench.choices import BaseSettings, SamplerSettings
from tokenworth.workbench.runner import Job, Runner

Cases = Sequence[tuple[str, Callable[[], Case]]]


class Gathering:
    """The documents of a run over many problems, and where each trace was found.

    ``on_error``: told the item and the fault of each problem that could not be done; the others go on.
    """

    def __init__(
        self,
        runner: Runner,
        *,
        task: str,
        sampler: SamplerSettings,
        config: Mapping[str, Any],
        on_error: Callable[[str, TokenworthError], None],
    ) -> None:
        self._runner, self._task, self._sampler, self._config, self._on_error = runner, task, sampler, config, on_error
        self._found: dict[str, tuple[str, str]] = {}
        self.documents: list[Document] = []
        self.failed = 0

    def job(self, gather: Gather) -> Job:
        """The run of one gathered measure."""
        measure: Measure = catalog.load(catalog.MEASURES, "measure", gather.measure)
        base = BaseSettings(base=gather.base)
        return Job(measure=measure, settings=gather.settings, sampler=self._sampler, base=base, task=self._task, config=self._config)

    def add(self, gather: Gather, cases: Cases) -> None:
        """Measures all of the problems."""
        for ended in self._runner.run(self.job(gather), cases):
            if ended.error is not None:
                self.failed += 1
                self._on_error(ended.item, ended.error)
            elif ended.document is not None:
                self.documents.append(ended.document)
                document: Any = ended.document
                self._found.setdefault(trace_id(document.model.name, document.trace), (ended.item, gather.base))

    def refine(self, ids: Sequence[str], gather: Gather, cases: Cases) -> None:
        """Measures the traces of these ids, each on the problem and the draw that it was found at."""
        by_base: dict[str, set[str]] = {}
        for ident in ids:
            item, base = self._found[ident.partition("#")[0]]
            by_base.setdefault(base, set()).add(item)
        for base, items in by_base.items():
            self.add(replace(gather, base=base), [case for case in cases if case[0] in items])


def gathered(gathering: Gathering, run: Derives, settings: Any, cases: Cases, about: Callable[[], About]) -> Iterator[Document]:
    """The document of all that was gathered, and the one after refining where the measure refines; the last is the result.

    Raises InvalidInput where not one problem could be measured.
    """
    assert run.gathers is not None
    for gather in run.gathers(settings):
        gathering.add(gather, cases)
    if not gathering.documents:
        raise InvalidInput(f"none of {len(cases):,} problems could be measured; see what was reported of each")
    document = run.document(gathering.documents, settings, about())
    yield document
    wanted = run.refines(document, settings)
    if wanted is not None:
        gathering.refine(wanted[0], wanted[1], cases)
        yield run.document(gathering.documents, settings, about())
