"""Laws of the house: nothing is so long that it cannot be read at once."""

from __future__ import annotations

import ast

import pytest

from tests.checkout import ROOT

MODULES = sorted((ROOT / "src" / "tokenworth").rglob("*.py"))
MOST_LINES, MOST_OF_A_FUNCTION = 400, 50


def too_long(text: str) -> list[str]:
    """What of a module's text is longer than it may be."""
    found = [f"the module has {n} lines"] if (n := text.count("\n")) > MOST_LINES else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            documented = ast.get_docstring(node, clean=False) or ""
            n = (node.end_lineno or node.lineno) - node.lineno + 1 - documented.count("\n")
            found += [f"{node.name} has {n} lines"] * (n > MOST_OF_A_FUNCTION)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_modules_and_functions_are_short(path: object) -> None:
    assert too_long(path.read_text(encoding="utf-8")) == []  # type: ignore[attr-defined]


def test_what_is_long_is_found() -> None:
    assert too_long("\n" * 401) == ["the module has 401 lines"]
    assert too_long("def f():\n" + "    x = 1\n" * 50) == ["f has 51 lines"]


@pytest.mark.parametrize("path", [one for one in MODULES if one.name == "__init__.py"], ids=lambda path: str(path.parent.name))
def test_an_init_holds_a_docstring_and_at_most_one_object(path: object) -> None:
    body = ast.parse(path.read_text(encoding="utf-8")).body  # type: ignore[attr-defined]
    if path.parent.name != "tokenworth":  # type: ignore[attr-defined]
        assert sum(not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr) for node in body) <= 1
