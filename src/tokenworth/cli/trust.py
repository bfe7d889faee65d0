"""What a configuration file may not say by itself: which code runs, and which server a key is sent to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from tokenworth.errors import InvalidInput

CONFIG = "tokenworth.config"
"""Where a context notes the name of its configuration."""
ALLOW_CODE, ALLOW_KEY = "--allow-code", "--allow-key"
CALLABLE = "module:callable"
"""How the help of an option says that it takes code."""
_CODE = re.compile(r"([^:]*):.*", re.DOTALL)
_OUTCOME = "label"
"""What may stand before the colon of a target without being a module."""
_ADDRESSES, _KEYS = ("model", "reader"), ("api_key_env", "api_key_file")
ALLOWING: Mapping[str, str] = {
    ALLOW_CODE: f"Run code that a --config file names as {CALLABLE}.",
    ALLOW_KEY: "Send the key to a server that a --config file names.",
}
"""Flags of the command line alone, each with its sentence."""


def flags_for(params: list[click.Parameter]) -> list[str]:
    """The flags of `ALLOWING` that a verb of these parameters has a use for."""
    code = any(CALLABLE in (one.help or "") for one in params if isinstance(one, click.Option))
    return [ALLOW_CODE] * code + [ALLOW_KEY] * (_KEYS[0] in {one.name for one in params})


def note_allowed(context: click.Context, param: click.Parameter, value: bool) -> None:
    """Keeps what the command line allows."""
    context.meta[param.opts[0]] = value


def check_trusted(context: click.Context) -> None:
    """Raises InvalidInput where the configuration says what the command line does not allow it to say."""
    if context.meta.get(CONFIG) is not None:
        _check_code(context)
        _check_key(context)


def _from_file(context: click.Context, name: str) -> Iterator[str]:
    """The values of an option that the configuration gave."""
    if context.get_parameter_source(name) is ParameterSource.DEFAULT_MAP:
        value: Any = context.params.get(name)
        yield from (one for one in (value if isinstance(value, list | tuple) else [value]) if isinstance(one, str))


def _check_code(context: click.Context) -> None:
    if context.meta.get(ALLOW_CODE):
        return
    for one in context.command.params:
        if not isinstance(one, click.Option) or CALLABLE not in (one.help or "") or one.name is None:
            continue
        for text in _from_file(context, one.name):
            found = _CODE.fullmatch(text)
            if found and (one.name, found[1]) != ("target", _OUTCOME):
                flag = one.opts[0]
                raise InvalidInput(
                    f"config file {context.meta[CONFIG]}: {flag[2:]} = {text!r} would run code of the module {found[1]!r}; "
                    f"give {flag} on the command line, or {ALLOW_CODE} if the file is yours"
                )


def _check_key(context: click.Context) -> None:
    """A key goes to an address of the configuration where the command line allows it, or names the key and no address."""
    typed = {name for name in (*_KEYS, *_ADDRESSES) if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    if context.meta.get(ALLOW_KEY) or (typed and typed.isdisjoint(_ADDRESSES)):
        return
    from tokenworth.backends.http.secret import KEY_VARIABLE
    from tokenworth.backends.http.source import is_address

    # What stands in the place of a key's name may be the key itself.
    named = [f"--{name.replace('_', '-')}" for name in _KEYS if name in typed or any(_from_file(context, name))]
    named += [KEY_VARIABLE] if os.environ.get(KEY_VARIABLE, "").strip() else []
    for name in _ADDRESSES:
        for address in _from_file(context, name):
            if named and is_address(address):
                where = urlsplit(address).hostname
                raise InvalidInput(
                    f"config file {context.meta[CONFIG]}: the key ({named[0]}) would be sent to {where}, which the file names; "
                    f"give --{name} on the command line, or {ALLOW_KEY} if the file is yours"
                )
