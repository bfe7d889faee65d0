"""What the rest of the house needs to know of one question that can be asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from tokenworth.core.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One entry of the catalogue's measures."""

    name: str
    document: type[Any]
    table: Callable[[Any], Table] | None = None
    """What table files hold of a document; None where it has no rows to write."""

    @property
    def schema(self) -> str:
        """The schema that its documents name."""
        (field,) = (one for one in fields(self.document) if one.name == "schema")
        return str(field.default)
