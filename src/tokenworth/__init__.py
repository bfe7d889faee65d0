"""tokenworth: what each token of a trace is worth, measured.

    import tokenworth as tw

    with tw.Workbench("tiny", store="run.db") as bench:
        case = bench.case("world:steps", 3)
        trace = case.sample(16, seed=0).trace("correct")
        curve = case.curve(trace, half_width=0.1)
        tw.write_report("report.html", curve, case.forced(trace))

Importing this package loads neither torch nor transformers.
"""

from __future__ import annotations

__version__ = "0.1.0"

# Not typing's: nothing is imported here, so that ``python -m tokenworth`` loads nothing from the folder it is started in.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from tokenworth import plot
    from tokenworth.core.problem import AnswerKind, Option, Problem
    from tokenworth.core.sampling import Sampling
    from tokenworth.errors import TokenworthError
    from tokenworth.exporters.parquet import to_frame
    from tokenworth.importers.importer import import_path
    from tokenworth.store.documents import read_document, write_document
    from tokenworth.tasks.load import load_item, load_task
    from tokenworth.workbench.bench import Workbench
    from tokenworth.workbench.page import write_report

_HOMES = {
    "AnswerKind": "tokenworth.core.problem",
    "Option": "tokenworth.core.problem",
    "Problem": "tokenworth.core.problem",
    "Sampling": "tokenworth.core.sampling",
    "TokenworthError": "tokenworth.errors",
    "Workbench": "tokenworth.workbench.bench",
    "import_path": "tokenworth.importers.importer",
    "load_item": "tokenworth.tasks.load",
    "load_task": "tokenworth.tasks.load",
    "plot": "tokenworth.plot",
    "read_document": "tokenworth.store.documents",
    "to_frame": "tokenworth.exporters.parquet",
    "write_document": "tokenworth.store.documents",
    "write_report": "tokenworth.workbench.page",
}

__all__ = [
    "AnswerKind",
    "Option",
    "Problem",
    "Sampling",
    "TokenworthError",
    "Workbench",
    "__version__",
    "import_path",
    "load_item",
    "load_task",
    "plot",
    "read_document",
    "to_frame",
    "write_document",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tokenworth' has no attribute {name!r}")
    from importlib import import_module

    home = import_module(_HOMES[name])
    return home if _HOMES[name] == f"tokenworth.{name}" else getattr(home, name)
