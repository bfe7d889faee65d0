"""The table of a document, for the exporters that write one."""

from __future__ import annotations

from tokenworth import catalog
from tokenworth.core.document import Document
from tokenworth.core.table import Table
from tokenworth.errors import InvalidInput


def table_of(document: Document, form: str) -> Table:
    """The table that the document's measure makes of it. Raises InvalidInput, naming the ``form`` of the file, where it makes none."""
    measure = next(one for one in catalog.measures() if one.schema == document.schema)
    if measure.table is None:
        raise InvalidInput(f"a result of {measure.name} holds no rollouts to write as {form}; write it as JSON")
    return measure.table(document)
