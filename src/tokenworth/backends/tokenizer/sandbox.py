"""A Jinja2 environment for templates of unknown origin: sandboxed, and metered so that none runs on for long.

Jinja2's sandbox keeps a template from Python's internals, not from using up time and memory. Here every step is charged
to a budget of work: a turn of a loop, a call, a filter, and the size of every value built, *before* it is built where
one step can make much out of little (``'a' * 10**9``, ``replace``, ``join``, padding). What exceeds the budget is refused.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from types import MethodType
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

STEP = 20
"""What a turn of a loop or a call costs; a character or an item costs 1."""
_LONGEST_INT = 1 << 16
_BYTES_METHODS = frozenset({"encode", "to_bytes"})
# Random output, or text out of all proportion to what chat templates need.
_DROPPED_FILTERS = ("batch", "center", "filesizeformat", "pprint", "random", "slice", "urlize", "wordwrap", "xmlattr")
# These pass values on without writing them out: items count, their lengths do not.
_LIGHT_FILTERS = frozenset(
    {
        *("abs", "attr", "count", "d", "default", "dictsort", "first", "groupby", "items", "last", "length", "list", "map", "max", "min"),
        *("reject", "rejectattr", "reverse", "round", "select", "selectattr", "sort", "unique"),
    }
)


class OutOfWork(TemplateError):
    """The template did more work than any chat template needs."""


def light_size(value: Any, most: int) -> int:
    """Items in ``value``, nested ones included; a string of n characters on its own counts n/64. Stops counting at ``most``."""
    return 1 + (len(value) >> 6) if isinstance(value, str) else _size(value, most, characters=False)


def full_size(value: Any, most: int) -> int:
    """Characters and items in ``value``: about the length it has when written out. Stops counting at ``most``."""
    return _size(value, most, characters=True)


def _size(value: Any, most: int, *, characters: bool) -> int:
    total, pending = 0, [value]
    while pending and total <= most:
        item = pending.pop()
        total += 1
        if isinstance(item, str):
            total += len(item) if characters else 0
        elif isinstance(item, range):
            total += len(item)
        elif isinstance(item, Mapping):
            pending.extend(item.keys())
            pending.extend(item.values())
        elif isinstance(item, _Namespace):
            pending.append(object.__getattribute__(item, "_Namespace__attrs"))
        elif isinstance(item, Collection):
            pending.extend(item)
    return total


class _Namespace(Namespace):
    """Jinja2's ``namespace``, whose names may not begin with an underscore: no way to Python's own attributes."""

    # No parameter is called self: a template may write namespace(self=...).
    def __init__(*args: Any, **kwargs: Any) -> None:
        values = dict(*args[1:], **kwargs)
        for name in values:
            _check_name(name)
        Namespace.__init__(args[0], values)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_name(name)
        super().__setitem__(name, value)


def _check_name(name: Any) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError(f"a namespace cannot hold {name!r}: names that begin with an underscore are Python's own")


class _Dict:
    """``dict`` as a function only."""

    def __call__(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict(*args, **kwargs)

    def fromkeys(self, *args: Any) -> dict[Any, Any]:
        return dict.fromkeys(*args)


class _Generation(Extension):
    """``{% generation %}`` marks what the model writes, for training; here its body is written as it is."""

    tags = {"generation"}  # noqa: RUF012  (Jinja2's own declaration)

    def parse(self, parser: Parser) -> nodes.Node:
        lineno = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=lineno)


class _Meters(NodeTransformer):
    """Puts a charge where a template can take time or memory without calling anything."""

    def __init__(self, environment: MeteredEnvironment) -> None:
        self._environment = environment

    def _through(self, method: str, *args: nodes.Expr, at: nodes.Node) -> Any:
        target = nodes.EnvironmentAttribute(method)
        call = nodes.Call(target, list(args), [], None, None)
        return call.set_lineno(at.lineno, override=True).set_environment(self._environment)

    def _tick(self, body: list[nodes.Node], at: nodes.Node) -> Any:
        written = sum(len(data.data) for node in body for data in node.find_all(nodes.TemplateData))
        return self._through("charged_turn", nodes.Const(STEP + written), at=at)

    def _ticked(self, node: Any) -> Any:
        self.generic_visit(node)
        statement = nodes.ExprStmt(self._tick(node.body, node)).set_lineno(node.lineno).set_environment(self._environment)
        node.body.insert(0, statement)
        return node

    visit_Macro = visit_CallBlock = _ticked

    def visit_For(self, node: nodes.For) -> nodes.Node:
        self._ticked(node)
        if node.test is not None:
            turn = self._tick([], node)
            node.test = nodes.And(turn, node.test).set_lineno(node.lineno).set_environment(self._environment)
        return node

    def visit_Output(self, node: nodes.Output) -> nodes.Node:
        self.generic_visit(node)
        node.nodes = [
            child if isinstance(child, nodes.TemplateData | nodes.Const) else self._through("charged_text", child, at=node)
            for child in node.nodes
        ]
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return self._through("charged_concat", *node.nodes, at=node)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        node.expr = self._weighed(node.expr)
        for operand in node.ops:
            operand.expr = self._weighed(operand.expr)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            node.node = self._weighed(node.node)
        return node

    def _container(self, node: Any) -> Any:
        self.generic_visit(node)
        stored = getattr(node, "ctx", "load") != "load"
        return node if stored else self._weighed(node)

    visit_List = visit_Tuple = visit_Dict = _container

    def _weighed(self, node: nodes.Expr) -> nodes.Expr:
        try:
            node.as_const()
        except nodes.Impossible:
            return self._through("charged_value", node, at=node)
        return node


class MeteredEnvironment(ImmutableSandboxedEnvironment):
    """The environment. Set ``left`` to the work allowed before each compilation and rendering; not for two threads at once."""

    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _Generation])
        self.left = 0
        self.filters["tojson"] = _tojson
        kept = {name: function for name, function in self.filters.items() if name not in _DROPPED_FILTERS}
        self.filters = {name: self._metered(name, function) for name, function in kept.items()}
        self.tests = {name: self._metered(name, function, light=True) for name, function in self.tests.items()}
        self.globals.pop("lipsum", None)
        self.globals.update(dict=_Dict(), namespace=_Namespace, raise_exception=_raise, strftime_now=lambda form: now().strftime(form))

    def charge(self, work: int) -> None:
        """Takes ``work`` off what is left. Raises: `OutOfWork` when it was less."""
        self.left -= work
        if self.left < 0:
            raise OutOfWork("it does more work than a chat template needs (a loop or a text without end?)")

    def charged_turn(self, work: int) -> bool:
        """True, for ``work``."""
        self.charge(work)
        return True

    def charged_text(self, value: Any) -> Any:
        """``value``, which is written next."""
        self.charge(full_size(value, self.left))
        return value

    def charged_value(self, value: Any) -> Any:
        """``value``, which is looked through or copied next."""
        self.charge(light_size(value, self.left))
        return value

    def charged_concat(self, *values: Any) -> str:
        """The values' texts in one."""
        self.charge(full_size(values, self.left))
        return "".join(map(str, values))

    def _generate(self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False) -> str:
        metered = _Meters(self).visit(source)
        return super()._generate(metered, name, filename, defer_init)

    def _metered(self, name: str, function: Callable[..., Any], *, light: bool = False) -> Callable[..., Any]:
        size = light_size if light or name in _LIGHT_FILTERS else full_size
        skipped = 1 if getattr(function, "jinja_pass_arg", None) is not None else 0

        @functools.wraps(function)
        def charged(*args: Any, **kwargs: Any) -> Any:
            given = list(args[skipped:])
            if name == "join" and given and not isinstance(given[0], str | Collection):
                given[0] = list(given[0])
            self.charge(STEP + sum(size(value, self.left) for value in (*given, *kwargs.values())))
            self.charge(_grown(name, given, kwargs))
            result = function(*args[:skipped], *given, **kwargs)
            self.charge(size(result, self.left))
            return result

        return charged

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls ``__obj``, charged for its arguments and its result."""
        if isinstance(__obj, MethodType) and __obj.__self__ is __self:
            return __obj(*args)
        method = getattr(__obj, "__wrapped__", __obj)
        owner = getattr(method, "__self__", None)
        if isinstance(owner, Collection):
            __self.charge(light_size(owner, __self.left))
        __self.charge(STEP + sum(light_size(value, __self.left) for value in (*args, *kwargs.values())))
        if getattr(method, "__name__", "") in _BYTES_METHODS:
            raise SecurityError(f"{method.__name__}() makes bytes, and a chat template writes text")
        if isinstance(owner, str):
            if method.__name__ == "join" and args and not isinstance(args[0], str | Collection):
                args = (list(args[0]), *args[1:])
            __self._charge_growth(method.__name__, owner, args, kwargs)
        result = super().call(__context, __obj, *args, **kwargs)
        __self.charge(full_size(result, __self.left))
        return result

    def _charge_growth(self, method: str, owner: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        if method in ("join", "format", "format_map"):
            # A field may stand many times.
            self.charge(full_size((args, kwargs), self.left) * max(1, owner.count("{")))
        self.charge(_grown(method, [*args[:1], owner] if method == "join" else [owner, *args], kwargs))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """The operator's result, charged before it is computed."""
        if isinstance(left, int) and isinstance(right, int):
            bits = left.bit_length() * max(right, 1) if operator == "**" else left.bit_length() + right.bit_length()
            if bits > _LONGEST_INT:
                raise OutOfWork(f"a whole number of {bits} bits")
        elif operator == "*":
            times = max((value for value in (left, right) if isinstance(value, int)), default=1)
            self.charge(STEP + _length(left, right) * max(times, 1))
        elif operator == "%" and isinstance(left, str):
            self.charge(full_size((left, right), self.left) * max(1, left.count("%")))
            self.charge(_padding(left, right if isinstance(right, tuple) else (right,), {}))
        else:
            self.charge(STEP + _length(left, right))
        return super().call_binop(context, operator, left, right)


def _depth(value: Any) -> int:
    """How deep a value is nested."""
    depth, level = 0, [value]
    while level:
        depth += 1
        inner = [item.values() if isinstance(item, Mapping) else item for item in level]
        level = [one for items in inner if isinstance(items, Collection) and not isinstance(items, str | range) for one in items]
    return depth


def _length(*values: Any) -> int:
    return sum(len(value) for value in values if isinstance(value, str | list | tuple))


def _grown(name: str, given: list[Any], kwargs: Mapping[str, Any]) -> int:
    """How long the result of a filter or string method can be, where that is not bounded by the length of its arguments."""
    ints = [abs(value) for value in (*given[1:], *kwargs.values()) if isinstance(value, int)]
    texts = [value for value in (*given, *kwargs.values()) if isinstance(value, str)]
    if name == "replace" and len(texts) > 2:
        return texts[0].count(texts[1]) * len(texts[2])
    if name == "replace":
        return sum(map(len, texts)) ** 2
    if name == "join" and len(texts) and given and isinstance(given[0], Collection):
        return len(given[0]) * max(map(len, texts))
    if name == "translate":
        return len(given[0]) * full_size(given[1:], 1 << 30)
    if name in ("indent", "expandtabs"):
        unit = max([*ints, *map(len, texts[1:]), 8])
        return (len(str(given[0]).splitlines()) + str(given[0]).count("\t") + 1) * unit
    if name == "tojson":
        # Each item may stand on a line of its own, with all that is between two of them.
        items, between = _size(given[0], 1 << 30, characters=False), full_size([*given[1:], *kwargs.values()], 1 << 30)
        return items * (_depth(given[0]) * max([*ints, *map(len, texts), 0]) + between) if len(given) > 1 or kwargs else 0
    if name in ("ljust", "rjust", "center", "zfill", "round"):
        return sum(ints)
    if name == "sum":
        start = given[2] if len(given) > 2 else kwargs.get("start", 0)
        return 0 if isinstance(start, int | float) else light_size(given[0], 1 << 30) ** 2
    if name in ("format", "format_map"):
        fields = str(given[0]).count("%") * full_size([given[1:], kwargs], 1 << 30)
        return fields + _padding(str(given[0]), tuple(given[1:]), kwargs)
    return 0


def _padding(form: str, given: tuple[Any, ...], named: Mapping[str, Any]) -> int:
    """How much the widths and precisions in a format can add."""
    written = sum(min(int(digits[:12]), 1 << 40) for digits in re.findall(r"[0-9]+", form))
    if not re.search(r"%[^a-zA-Z%]*\*|\{[^{}]*\{", form):
        return written
    pending, most = [*given, *named.values()], 0
    while pending:
        value = pending.pop()
        if isinstance(value, Mapping):
            pending.extend(value.values())
        elif isinstance(value, Collection) and not isinstance(value, str | range):
            pending.extend(value)
        elif isinstance(value, int):
            most += abs(value)
        elif isinstance(value, str) and value.isdigit():
            most += int(value[:12])
    return written + most


def _raise(message: Any) -> None:
    raise TemplateError(str(message))


def _tojson(value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False) -> str:
    """JSON as Hugging Face's templates expect it: Jinja2's own filter would escape what HTML needs escaped."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
