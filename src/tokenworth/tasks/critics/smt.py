"""A critic of assignments: constraints that the caller states in z3, values that the answer gives."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tokenworth import __version__
from tokenworth.errors import InvalidInput, MissingExtra
from tokenworth.tasks.critics.critic import Ruling

MAX_CHARS = 20_000
"""Characters an answer may have."""
_VALUE = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]{0,63})\s*=\s*(true|false|-?[0-9]{1,60}(?:/[0-9]{1,60})?)\s*")


class SmtCritic:
    """Accepts an assignment ``x = 3, y = -1/2, p = true`` (commas, semicolons or line ends between) that meets every constraint.

    ``variables``: name -> z3 constant of sort Int, Real or Bool; the answer must give each of them one value. ``constraints``: name -> z3
    formula, written by the caller: only numbers and truth values of the answer reach z3. What a formula names beside the
    variables may have any value, the same one in all formulas: an answer is accepted where one value of it meets all constraints
    together. What z3 does not decide within ``timeout_ms`` is not met.

    Raises: MissingExtra where z3-solver is not installed; InvalidInput for variables of another sort.
    """

    strictness = "exact"
    reads_whole = False
    name = "z3-solver"

    def __init__(self, *, variables: Mapping[str, Any], constraints: Mapping[str, Any], timeout_ms: int = 2_000) -> None:
        self._z3 = _library()
        if not variables or not constraints:
            raise InvalidInput("a z3 critic of no variables or no constraints; give at least one of each")
        kinds = (self._z3.Z3_INT_SORT, self._z3.Z3_REAL_SORT, self._z3.Z3_BOOL_SORT)
        strange = next((name for name, variable in variables.items() if variable.sort().kind() not in kinds), None)
        if strange is not None:
            raise InvalidInput(f"variable {strange} is of sort {variables[strange].sort()}; expected Int, Real or Bool")
        self._variables, self._constraints, self._timeout = dict(variables), dict(constraints), timeout_ms

    @property
    def version(self) -> str:
        """Of this package and of z3-solver."""
        return f"{__version__} with z3-solver {self._z3.get_version_string()}"

    def check(self, answer: str) -> Ruling:
        """One message for each constraint that is not met."""
        values = _values(answer)
        if values is None:
            return Ruling(accepted=False, messages=("expected values such as x = 3, y = true, each variable once",))
        messages = [f"no value for {name}" for name in self._variables if name not in values]
        messages += [f"no variable {name}" for name in values if name not in self._variables]
        pairs: list[Any] = []
        for name, written in values.items():
            variable = self._variables.get(name)
            value = None if variable is None else self._value(variable, written)
            if value is None:
                messages += [] if variable is None else [f"{name} = {written[:40]} is not of sort {variable.sort()}"]
            else:
                pairs.append(variable == value)
        if not messages:
            messages = self._unmet(pairs)
        return Ruling(accepted=not messages, messages=tuple(messages))

    def _value(self, variable: Any, written: str) -> Any:
        """The z3 value, None where it does not fit the variable's sort."""
        kind = variable.sort().kind()
        if kind == self._z3.Z3_BOOL_SORT:
            return self._z3.BoolVal(written == "true") if written in ("true", "false") else None
        if written in ("true", "false"):
            return None
        top, _, bottom = written.partition("/")
        if kind == self._z3.Z3_INT_SORT:
            return None if bottom else self._z3.IntVal(int(top))
        return None if bottom and not int(bottom) else self._z3.Q(int(top), int(bottom or "1"))

    def _unmet(self, pairs: Sequence[Any]) -> list[str]:
        """A message for each constraint that fails by itself; none fails, but all together: one message."""
        messages = [said for name, one in self._constraints.items() if (said := self._failing(f"constraint {name}", (*pairs, one)))]
        if messages:
            return messages
        together = self._failing("all constraints together", (*pairs, *self._constraints.values()))
        return [together] if together else []

    def _failing(self, name: str, formulas: Sequence[Any]) -> str | None:
        """What is wrong with these formulas in one solver; None where they can all hold."""
        solver = self._z3.Solver()
        solver.set("timeout", self._timeout)
        solver.add(*formulas)
        result = solver.check()
        if result == self._z3.sat:
            return None
        is_plural = name.startswith("all")
        if result == self._z3.unsat:
            return f"{name} {'are' if is_plural else 'is'} not met"
        return f"{name} could not be decided in {self._timeout} ms"


def _library() -> Any:
    if importlib.util.find_spec("z3") is None:
        raise MissingExtra("this critic needs z3-solver, which is not installed; run: pip install 'tokenworth[critics]'")
    return importlib.import_module("z3")


def _values(answer: str) -> dict[str, str] | None:
    """The values of an answer as written; None where it is anything but values, or gives one variable twice."""
    if len(answer) > MAX_CHARS:
        return None
    values: dict[str, str] = {}
    for part in re.split(r"[,;\n]", answer):
        if not part.strip():
            continue
        match = _VALUE.fullmatch(part)
        if match is None or match.group(1) in values:
            return None
        values[match.group(1)] = match.group(2)
    return values
