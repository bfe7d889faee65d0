"""What is known of one trace: the documents of it that were given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from jaxtyping import Float, Int

from tokenworth.core.document import Document, ModelDoc, TraceDoc
from tokenworth.core.problem import Problem
from tokenworth.core.table import trace_id
from tokenworth.methods.anchors.document import AnchorsDoc
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.forced.document import ForcedDoc
from tokenworth.methods.inside.channels import ChannelDoc
from tokenworth.methods.lens.document import LensDoc
from tokenworth.methods.patch.document import PatchDoc
from tokenworth.methods.pivots.document import PivotsDoc
from tokenworth.methods.survey.rows import question_key

Of = CurveDoc | ForcedDoc | LensDoc | PatchDoc | PivotsDoc | AnchorsDoc
T = TypeVar("T", CurveDoc, ForcedDoc, LensDoc, PatchDoc, PivotsDoc, AnchorsDoc)


@dataclass(slots=True, kw_only=True)
class Known:
    """The documents of one trace, the last of each kind."""

    ident: str
    model: ModelDoc
    trace: TraceDoc
    problem: Problem | None
    by_kind: dict[type, Of] = field(default_factory=dict[type, Of])
    channels: dict[str, Float[np.ndarray, " token"]] = field(default_factory=dict[str, Float[np.ndarray, " token"]])

    @property
    def question(self) -> str:
        """What clusters traces."""
        return question_key(self.problem, self.ident)

    def get(self, kind: type[T]) -> T | None:
        """The document of a kind."""
        found = self.by_kind.get(kind)
        return found if isinstance(found, kind) else None


def by_trace(documents: Iterable[Document]) -> tuple[list[Known], list[ChannelDoc], int]:
    """The traces in the order in which they come, the channels of files, and how many documents are of no trace of tokens."""
    found, files, unread = dict[str, Known](), list[ChannelDoc](), 0
    for one in documents:
        if isinstance(one, ChannelDoc):
            files.append(one)
        elif isinstance(one, Of) and one.trace.unit == "token":
            ident = trace_id(one.model.name, one.trace)
            here = found.setdefault(ident, Known(ident=ident, model=one.model, trace=one.trace, problem=one.problem))
            here.by_kind[type(one)] = one
            if one.trace.logprobs is not None:
                here.trace = one.trace
        else:
            unread += 1
    return list(found.values()), files, unread


def clusters(known: Sequence[Known]) -> Int[np.ndarray, " trace"]:
    """A number for the question of each trace."""
    names: dict[str, int] = {}
    return np.asarray([names.setdefault(one.question, len(names)) for one in known], dtype=np.int64)
