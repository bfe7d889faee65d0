"""What there is, by name: the only place of registration. It holds strings, which tie nothing; what they name is loaded when used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from tokenworth.errors import unknown_name

MEASURES: dict[str, str] = {
    "sample": "tokenworth.methods.sample:MEASURE",
    "curve": "tokenworth.methods.curve:MEASURE",
    "pivots": "tokenworth.methods.pivots:MEASURE",
    "prevalence": "tokenworth.methods.prevalence:MEASURE",
    "forks": "tokenworth.methods.forks:MEASURE",
    "anchors": "tokenworth.methods.anchors:MEASURE",
    "forced": "tokenworth.methods.forced:MEASURE",
    "verify": "tokenworth.methods.verify:MEASURE",
    "confusion": "tokenworth.methods.confusion:MEASURE",
    "first-errors": "tokenworth.methods.first_errors:MEASURE",
    "edits": "tokenworth.methods.edits:MEASURE",
    "intervene": "tokenworth.methods.intervene:MEASURE",
    "modulo": "tokenworth.methods.modulo:MEASURE",
    "replay": "tokenworth.methods.replay:MEASURE",
    "audit": "tokenworth.methods.audit:MEASURE",
    "survey": "tokenworth.methods.survey:MEASURE",
    "align": "tokenworth.methods.align:MEASURE",
    "inside": "tokenworth.methods.inside:MEASURE",
    "lens": "tokenworth.methods.lens:MEASURE",
    "clocks": "tokenworth.methods.clocks:MEASURE",
    "probe": "tokenworth.methods.probe:MEASURE",
    "attention": "tokenworth.methods.attention:MEASURE",
    "patch": "tokenworth.methods.patch:MEASURE",
}
DOMAINS: dict[str, str] = {
    "maze": "tokenworth.tasks.maze.domain:DOMAIN",
    "sokoban": "tokenworth.tasks.sokoban.domain:DOMAIN",
    "countdown": "tokenworth.tasks.countdown.domain:DOMAIN",
    "blocksworld": "tokenworth.tasks.blocksworld.domain:DOMAIN",
}
EDITS: dict[str, str] = {
    "resample": "tokenworth.methods.intervene.whole:RESAMPLE",
    "none": "tokenworth.methods.intervene.whole:NONE",
    "blank": "tokenworth.methods.intervene.whole:BLANK",
    "filler": "tokenworth.methods.intervene.whole:FILLER",
    "lorem": "tokenworth.methods.intervene.whole:LOREM_FILLER",
    "repeat": "tokenworth.methods.intervene.whole:REPEAT",
    "random": "tokenworth.methods.intervene.whole:RANDOM",
    "shuffled": "tokenworth.methods.intervene.whole:SHUFFLED",
    "sentences": "tokenworth.methods.intervene.whole:SENTENCES",
    "random-other": "tokenworth.methods.intervene.whole:RANDOM_OTHER",
    "swap": "tokenworth.methods.intervene.whole:SWAP",
    "no-question": "tokenworth.methods.intervene.whole:NO_QUESTION",
    "truncate": "tokenworth.methods.intervene.part:TRUNCATE",
    "drop": "tokenworth.methods.intervene.part:DROP",
    "negate": "tokenworth.methods.intervene.part:NEGATE",
    "replace": "tokenworth.methods.intervene.part:REPLACE",
    "insert": "tokenworth.methods.intervene.part:INSERT",
    "strip": "tokenworth.methods.intervene.part:STRIP",
    "mistake-sum": "tokenworth.methods.intervene.mistake:MISTAKE_SUM",
    "mistake-option": "tokenworth.methods.intervene.mistake:MISTAKE_OPTION",
    "hint-suggested": "tokenworth.methods.intervene.hint:HINT_SUGGESTED",
    "hint-professor": "tokenworth.methods.intervene.hint:HINT_PROFESSOR",
    "hint-consistency": "tokenworth.methods.intervene.hint:HINT_CONSISTENCY",
    "hint-visual": "tokenworth.methods.intervene.hint:HINT_VISUAL",
    "hint-metadata": "tokenworth.methods.intervene.hint:HINT_METADATA",
    "hint-grader": "tokenworth.methods.intervene.hint:HINT_GRADER",
    "hint-unauthorised": "tokenworth.methods.intervene.hint:HINT_UNAUTHORISED",
}
"""What `intervene` can do to a trace or a prompt."""
REQUESTS: Mapping[str, str] = {
    "sample": "tokenworth.core.request.sample:Sample",
    "next_token": "tokenworth.core.request.next_token:NextToken",
    "read": "tokenworth.core.request.read:Read",
    "hidden": "tokenworth.core.request.hidden:Hidden",
    "lens": "tokenworth.core.request.lens:Lens",
    "hide": "tokenworth.core.request.hide:Hide",
    "regenerate": "tokenworth.core.request.regenerate:Regenerate",
    "transplant": "tokenworth.core.request.transplant:Transplant",
    "masses": "tokenworth.core.request.masses:Masses",
    "suppress": "tokenworth.core.request.suppress:Suppress",
}
INSIDE: Mapping[str, str] = {
    "hidden": "tokenworth.internals.hidden:hidden",
    "lens": "tokenworth.internals.lens:lens",
    "hide": "tokenworth.internals.patch:hide",
    "transplant": "tokenworth.internals.patch:transplant",
    "masses": "tokenworth.internals.attention:masses",
    "suppress": "tokenworth.internals.attention:suppress",
}
"""By kind of request that looks inside a model: a function of a local model, its kept prefixes and the request that gives the response."""
BACKENDS: Mapping[str, str] = {
    "toy": "tokenworth.backends.toy.source:SOURCE",
    "local": "tokenworth.backends.local.source:SOURCE",
    "gguf": "tokenworth.backends.gguf.source:SOURCE",
    "http": "tokenworth.backends.http.source:SOURCE",
}
"""In this order they are asked whether the name of a model is theirs."""
GRADERS: Mapping[str, str] = {
    "option": "tokenworth.tasks.grade.option:option",
    "exact": "tokenworth.tasks.grade.exact:exact",
    "numeric": "tokenworth.tasks.grade.numeric:numeric",
    "latex": "tokenworth.tasks.grade.latex:LatexGrader",
    "plan": "tokenworth.tasks.grade.plan:plan",
}
"""By answer kind: a function of a problem and a text, or a class whose objects are such functions."""
IMPORTERS: Mapping[str, str] = {
    "thought-anchors": "tokenworth.importers.thought_anchors:FOLDERS",
    "hinted-mcq": "tokenworth.importers.hinted:CURVES",
    "exit-table": "tokenworth.importers.exit_table:TABLE",
    "exit-curves": "tokenworth.importers.exit_curves:ROWS",
    "exit-page": "tokenworth.importers.exit_curves:PAGES",
    "thought-branches": "tokenworth.importers.thought_branches:TREES",
    "forking-paths": "tokenworth.importers.forking_paths:TABLES",
    "forking-fast": "tokenworth.importers.forking_fast:ROWS",
    "pivotal-tokens": "tokenworth.importers.pivotal:EVENTS",
    "lm-eval": "tokenworth.importers.lm_eval:SAMPLES",
    "inspect": "tokenworth.importers.inspect_log:LOGS",
    "rollouts": "tokenworth.importers.rollouts_cache:CACHE",
    "document": "tokenworth.importers.own:DOCUMENTS",
}
"""In this order they are asked whether a file or folder is theirs."""
EXPORTERS: Mapping[str, str] = {
    ".json": "tokenworth.store.documents:write_document",
    ".parquet": "tokenworth.exporters.parquet:write_parquet",
    ".csv": "tokenworth.exporters.comma:write_csv",
    ".dpo.jsonl": "tokenworth.exporters.preference:write_pairs",
    ".pts.jsonl": "tokenworth.exporters.pivotal:write_pivotal",
    "idx_tok_df.csv": "tokenworth.exporters.forking:write_forking",
    "chunks_labeled.json": "tokenworth.exporters.thought_anchors:write_chunks",
    ".safetensors": "tokenworth.exporters.tensors:write_tensors",
}
"""By the end of a file's name, the longest that fits: a function of a document and a path that writes the file whole or not at all."""
SECTIONS: dict[str, str] = {
    "sample": "tokenworth.report.sections.traces:SECTION",
    "curve": "tokenworth.report.sections.traces:SECTION",
    "pivots": "tokenworth.report.sections.pivots:SECTION",
    "prevalence": "tokenworth.report.sections.prevalence:SECTION",
    "forks": "tokenworth.report.sections.forks:SECTION",
    "anchors": "tokenworth.report.sections.anchors:SECTION",
    "forced": "tokenworth.report.sections.traces:SECTION",
    "survey": "tokenworth.report.sections.gallery:SECTION",
    "verify": "tokenworth.report.sections.verified:SECTION",
    "confusion": "tokenworth.report.sections.verified:SECTION",
    "first-errors": "tokenworth.report.sections.first_errors:SECTION",
    "edits": "tokenworth.report.sections.edits:SECTION",
    "intervene": "tokenworth.report.sections.intervene:SECTION",
    "modulo": "tokenworth.report.sections.modulo:SECTION",
    "replay": "tokenworth.report.sections.replay:SECTION",
    "audit": "tokenworth.report.sections.audit:SECTION",
    "align": "tokenworth.report.sections.align:SECTION",
    "lens": "tokenworth.report.sections.lens:SECTION",
    "inside": "tokenworth.report.sections.inside:SECTION",
    "clocks": "tokenworth.report.sections.clocks:SECTION",
    "probe": "tokenworth.report.sections.probe:SECTION",
    "attention": "tokenworth.report.sections.attention:SECTION",
    "patch": "tokenworth.report.sections.patch:SECTION",
}
"""What a page shows of a measure's documents; of a measure that is not here it shows their fields."""


def _loaded(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def load(table: Mapping[str, str], kind: str, name: str) -> Any:
    """The entry of a table of the catalogue. Raises UnknownName, calling it a ``kind``, with close matches."""
    if name not in table:
        raise unknown_name(kind, name, table)
    return _loaded(table[name])


def measures() -> Iterator[Any]:
    """All measures."""
    return (_loaded(place) for place in MEASURES.values())


def requests() -> Iterator[Any]:
    """All kinds of requests."""
    return (_loaded(place) for place in REQUESTS.values())
