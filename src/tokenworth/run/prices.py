"""Prices of models, read from a TOML file."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from tokenworth.core.files import read_input
from tokenworth.errors import InvalidInput, MissingFile, unknown_name
from tokenworth.run.cost import Price

_FIELDS = {"input": "input_per_million", "cached_input": "cached_input_per_million", "output": "output_per_million"}
_OPTIONAL = "cached_input"
_LONGEST = 12
_MOST_BYTES = 1 << 20
"""Letters of a currency's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable:
    """Prices by model name. ``source`` names the file in errors."""

    source: str
    currency: str
    prices: Mapping[str, Price]

    def for_model(self, name: str) -> Price:
        """The price of a model. Raises UnknownName, with close matches, for one that is not listed."""
        if name not in self.prices:
            raise unknown_name(f"model in the price table {self.source}:", name, self.prices)
        return self.prices[name]


def load_prices(path: str | os.PathLike[str]) -> PriceTable:
    """The price table of a TOML file: ``[models."NAME"]`` with ``input``, ``output`` and, optionally, ``cached_input``.

    Prices are money per million tokens, in USD unless ``currency`` at the top of the file says otherwise.

    Raises: MissingFile; InvalidInput, naming file and key, for what is not a price table: unknown keys, a price that is not a
    number ≥ 0, no models.
    """
    source = str(path)
    try:
        table = tomllib.loads(read_input(path, _MOST_BYTES).decode())
    except FileNotFoundError:
        raise MissingFile(f'no price table {source}; expected TOML with [models."NAME"] and input, output in USD per million') from None
    except (OSError, ValueError, RecursionError) as error:
        said = getattr(error, "strerror", None) or error
        raise InvalidInput(f"price table {source}: {' '.join(str(said).split())}") from error
    _check_keys(table, ("currency", "models"), source, "")
    currency: object = table.get("currency", "USD")
    if not isinstance(currency, str) or not (currency.isalpha() and len(currency) <= _LONGEST):
        raise InvalidInput(f'price table {source}: currency is {currency!r}; expected letters, such as "USD"')
    models: object = table.get("models")
    if not isinstance(models, dict) or not models:
        raise InvalidInput(f'price table {source}: no models; expected a table [models."NAME"] for each')
    listed = cast("dict[str, object]", models)
    prices = {name: _price(entry, currency, source, f"models.{name!r}") for name, entry in listed.items()}
    return PriceTable(source=source, currency=currency, prices=prices)


def _price(entry: object, currency: str, source: str, where: str) -> Price:
    if not isinstance(entry, dict):
        raise InvalidInput(f"price table {source}: {where} is {entry!r}; expected a table with input and output")
    fields = cast("dict[str, object]", entry)
    _check_keys(fields, tuple(_FIELDS), source, f"{where}: ")
    values: dict[str, Any] = {}
    for key, name in _FIELDS.items():
        if key not in fields and key != _OPTIONAL:
            raise InvalidInput(f"price table {source}: {where} has no {key}; expected a price per million tokens")
        values[name] = _number(fields[key], source, f"{where}.{key}") if key in fields else None
    return Price(**values, currency=currency)


def _number(value: object, source: str, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= sys.float_info.max:
        raise InvalidInput(f"price table {source}: {where} is {value!r}; expected a number ≥ 0, money per million tokens")
    return float(value)


def _check_keys(table: Mapping[str, object], known: tuple[str, ...], source: str, where: str) -> None:
    for key in table:
        if key not in known:
            raise InvalidInput(f"price table {source}: {where}{unknown_name('key', key, known)}")
