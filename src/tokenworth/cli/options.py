"""Options from settings: a dataclass is the one home of names, types, defaults and help; a TOML file can hold the values."""

from __future__ import annotations

import ast
import inspect
import textwrap
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Literal, TypeVar

import click
from click.core import ParameterSource

from tokenworth.cli.help import VerbOption
from tokenworth.cli.trust import ALLOWING, CONFIG
from tokenworth.core.files import read_input
from tokenworth.core.measure import check_sizes
from tokenworth.errors import InvalidInput, MissingFile, NoEffect, unknown_name

S = TypeVar("S")
_SHARED = "tokenworth.shared"
_STANDS_FOR = {int: "N", float: "X", date: "YYYY-MM-DD"}
"""The value in help, by its type; of a text the name of the option."""


@cache
def explained(kind: type) -> Mapping[str, str]:
    """The sentence that stands under each field of a settings class, its own or an inherited one."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef)
    found = {name: said for base in kind.__bases__ if is_dataclass(base) for name, said in explained(base).items()}
    for field, text in zip(body.body, body.body[1:], strict=False):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                found[name] = " ".join(said.split())
            case _:
                pass
    return found


def parameters_of(
    kind: type, heading: str = "Options", *, defaults: Mapping[str, Any] | None = None, texts: Mapping[str, str] | None = None
) -> list[click.Parameter]:
    """The positional arguments and options of a settings class, in the order of its fields.

    ``heading``: what they stand under in help, where the class has no ``HEADING`` of its own. ``defaults`` and ``texts``: defaults and
    sentences by field, where those of the class are not meant.
    """
    hints, said = typing.get_type_hints(kind), {**explained(kind), **(texts or {})}
    heading = getattr(kind, "HEADING", heading)
    usual = {one.name: None if one.default is MISSING else one.default for one in fields(kind)} | dict(defaults or {})
    return [_parameter(one, hints[one.name], said.get(one.name, ""), heading, usual[one.name]) for one in fields(kind)]


def taken(kind: type[S], values: Mapping[str, Any]) -> S:
    """The settings of this class among the values of all parameters. A shared line of a config file that means nothing beside the other
    choices is left out. Raises what the class refuses."""
    hints = typing.get_type_hints(kind)
    given = {one.name: _value(one, hints[one.name], values[one.name]) for one in fields(kind)}  # pyright: ignore[reportArgumentType]
    while True:
        try:
            made = kind(**given)
        except NoEffect as error:
            idle = [name for name in error.names if name in given and is_shared(name)]
            if not idle:
                raise
            # The default of the class takes its place.
            given = {name: value for name, value in given.items() if name not in idle}
        else:
            check_sizes(made)
            return made


def is_shared(name: str) -> bool:
    """Whether an option's value is a shared line of a config file: that is for every verb, and for some of them without effect."""
    context = click.get_current_context(silent=True)
    if context is None or name not in context.meta.get(_SHARED, ()):
        return False
    return context.get_parameter_source(name) is ParameterSource.DEFAULT_MAP


def _parameter(one: Field[Any], hint: Any, text: str, heading: str, default: Any) -> click.Parameter:
    about = one.metadata
    if about.get("argument"):
        return click.Argument([one.name], metavar=about.get("metavar"), required=one.default is MISSING)
    flag = f"--{one.name.replace('_', '-')}"
    names = [one.name, *([about["short"]] if "short" in about else [])]
    inner = _inner(hint)
    # As click sets off the defaults that it writes itself.
    text = text.replace(" [default:", "  [default:")
    shown: dict[str, Any] = {"help": text, "rare": about.get("rare", False), "heading": about.get("heading", heading)}
    if inner is bool:
        return VerbOption([*names, f"{flag}/--no-{flag[2:]}" if default else flag], is_flag=True, default=default, **shown)
    shown["metavar"] = about.get("metavar", _STANDS_FOR.get(inner, one.name.upper().replace("_", "-")))
    if _is_multiple(one, hint):
        plain = (default,) if isinstance(default, str) else default
        return VerbOption([*names, flag], multiple=True, default=plain, show_default=bool(plain), **shown)
    kind: Any = inner if inner in (int, float, str) else str
    if typing.get_origin(inner) is Literal:
        kind = click.Choice(typing.get_args(inner))
        shown["metavar"] = about.get("metavar", "|".join(typing.get_args(inner)))
    elif inner is date:
        kind = click.DateTime(["%Y-%m-%d"])
    listed = None if about.get("listed") else default
    return VerbOption([*names, flag], type=kind, default=listed, show_default=default is not None and not about.get("listed"), **shown)


def _value(one: Field[Any], hint: Any, value: Any) -> Any:
    if one.metadata.get("listed"):
        given = value if value is None or isinstance(value, str) else ",".join(map(str, value))
        return one.default if given is None else tuple(part.strip() for part in given.split(",") if part.strip())
    if _is_multiple(one, hint):
        several = (value,) if isinstance(value, str) else tuple(value)
        return several[0] if len(several) == 1 and typing.get_origin(hint) is not tuple else several
    return value.date() if isinstance(value, datetime) else value


def _is_multiple(one: Field[Any], hint: Any) -> bool:
    """Whether an option may be repeated: ``tuple[str, ...]``, also beside ``str``."""
    return not one.metadata.get("listed") and any(typing.get_origin(part) is tuple for part in (hint, *typing.get_args(hint)))


def _inner(hint: Any) -> Any:
    """The type itself, without ``| None``."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return next(part for part in typing.get_args(hint) if part is not type(None))
    return hint


# -- the config file ------------------------------------------------------------------------------------------------------------------


_MOST_CONFIG = 1 << 20
_TYPED = {"config", *(flag[2:] for flag in ALLOWING)}
"""Options that a file cannot give."""


def _read_config(context: click.Context, _: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        table = tomllib.loads(read_input(value, _MOST_CONFIG).decode())
    except FileNotFoundError:
        raise MissingFile(f"no config file {value}; expected a TOML file of option = value lines") from None
    except (OSError, ValueError, RecursionError) as error:
        said = getattr(error, "strerror", None) or error
        raise InvalidInput(f"config file {value}: {' '.join(str(said).split())}") from error
    context.meta[CONFIG] = value
    verb = context.info_name or ""
    commands = _commands(context)
    shared = {key: item for key, item in table.items() if not isinstance(item, dict)}
    for name, item in table.items():
        if isinstance(item, dict) and name not in commands:
            raise InvalidInput(f"config file {value}: {unknown_name('section', name, commands)}")
    own = table.get(verb, {})
    for_all, for_this = _checked(context, value, shared, strict=False), _checked(context, value, own, strict=True)
    context.default_map = for_all | for_this
    context.meta[_SHARED] = for_all.keys() - for_this.keys()
    return value


def _commands(context: click.Context) -> dict[str, click.Command]:
    """Every verb of the program with its command."""
    parent = context.parent
    if parent is None or not isinstance(parent.command, click.Group):
        return {context.info_name or "": context.command}
    group = parent.command
    found = {name: group.get_command(parent, name) for name in group.list_commands(parent)}
    return {name: command for name, command in found.items() if command is not None}


def _checked(context: click.Context, path: str, values: dict[str, Any], *, strict: bool) -> dict[str, Any]:
    """Option values by parameter name. A shared key must be an option of some verb, a section's key one of that verb."""
    here = _names(context.command)
    everywhere = set(here).union(*(() if strict else (_names(command) for command in _commands(context).values())))
    found: dict[str, Any] = {}
    for key, item in values.items():
        name = key.replace("_", "-")
        if name not in everywhere or name in _TYPED:
            raise InvalidInput(f"config file {path}: {unknown_name('option', key, everywhere - _TYPED)}")
        if name in here:
            option = here[name]
            # click would cut a fraction off, and take true for 1.
            if isinstance(option.type, click.types.IntParamType) and isinstance(item, float | bool):
                raise InvalidInput(f"config file {path}: {key} is {item}; expected a whole number")
            if option.multiple == isinstance(item, list):
                found[option.name or name] = item
            else:
                found[option.name or name] = [item] if option.multiple else ",".join(map(str, item))
    return found


def _names(command: click.Command) -> dict[str, click.Option]:
    return {
        flag[2:]: one
        for one in command.params
        if isinstance(one, click.Option)
        for flag in one.opts
        if flag.startswith("--") and not one.hidden
    }


config_option = click.option(
    "--config", metavar="FILE.toml", callback=_read_config, is_eager=True, expose_value=False,
    help="Read options from a TOML file; the command line wins.",
)  # fmt: skip
