"""One word, one meaning: a public name of a class or of a type stands for one thing in the whole package."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import tokenworth

SOURCES = Path(tokenworth.__file__).parent
EXCEPTIONS: Mapping[str, str] = {}
"""Names that several modules may define, each with the reason."""


def named_types(source: str) -> Iterator[str]:
    """Public classes and aliases of types at the top of a module. A type variable of one letter stands for anything, and is no word."""
    for node in ast.parse(source).body:
        names: list[ast.expr] = []
        if isinstance(node, ast.ClassDef):
            yield from () if node.name.startswith("_") else (node.name,)
        elif isinstance(node, ast.Assign):
            names = node.targets
        elif isinstance(node, ast.AnnAssign):
            names = [node.target]
        for name in names:
            if isinstance(name, ast.Name) and name.id[:1].isupper() and not name.id.isupper():
                yield name.id


def renamed_imports(source: str) -> Iterator[str]:
    """What a module imports from the package under another name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "tokenworth":
            yield from (f"{one.name} as {one.asname}" for one in node.names if one.asname not in (None, one.name))


def shared(modules: Mapping[str, str]) -> dict[str, list[str]]:
    """Names that more than one module defines, with these modules."""
    places: dict[str, list[str]] = defaultdict(list)
    for place, source in modules.items():
        for name in named_types(source):
            places[name].append(place)
    return {name: found for name, found in sorted(places.items()) if len(found) > 1}


@pytest.fixture(scope="module")
def modules() -> dict[str, str]:
    return {str(path.relative_to(SOURCES)): path.read_text(encoding="utf-8") for path in sorted(SOURCES.rglob("*.py"))}


@pytest.mark.slow
def test_each_name_of_a_type_is_defined_in_one_module(modules: dict[str, str]) -> None:
    found = shared(modules)
    assert {name: places for name, places in found.items() if name not in EXCEPTIONS} == {}
    assert EXCEPTIONS.keys() <= found.keys(), "an exception that is not needed"


@pytest.mark.slow
def test_nothing_of_the_package_is_imported_under_another_name(modules: dict[str, str]) -> None:
    assert len(modules) > 100
    assert {place: names for place, source in modules.items() if (names := list(renamed_imports(source)))} == {}


def test_a_second_definition_is_found() -> None:
    """The negative twin, for each form of definition."""
    forms = ("class Step: ...", "Step = tuple[int, str]", "Step: TypeAlias = int", 'Step = TypeVar("Step")')
    for first in forms:
        assert [*shared({"a.py": forms[0], "b.py": first})] == ["Step"], first
    private = 'class _Step: ...\nLIMIT = 1\nT = TypeVar("T")\ndef step() -> None: ...'
    assert shared({"a.py": private, "b.py": private}) == {}
    assert [*renamed_imports("from tokenworth.core.grade import Verdict as Verdicts")] == ["Verdict as Verdicts"]
    assert [*renamed_imports("import numpy as np\nfrom tokenworth.core.grade import Verdict as Verdict")] == []
