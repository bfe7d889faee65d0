"""What a run may cost: prices from the command line and from a price table, and the limit."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tokenworth.cli.choices import MoneyChoice
from tokenworth.cli.options import is_shared
from tokenworth.errors import InvalidInput
from tokenworth.run.cost import Price
from tokenworth.run.prices import load_prices
from tokenworth.workbench.models import is_served

LIMIT_CURRENCY = "USD"


def price_of(money: MoneyChoice, model: str | tuple[str, ...], *, dry_run: bool) -> Price | None:
    """The model's price: what the command line says, and the price table for the rest; None without either.

    Raises: UnknownName for a server's model that the table does not list; InvalidInput where a price is missing or two currencies meet.
    """
    given: dict[str, float] = {
        name: getattr(money, name) for name in ("price_input", "price_output", "price_cached") if getattr(money, name) is not None
    }
    listed = _listed(money, model, is_needed=not {"price_input", "price_output"} <= given.keys())
    if not given or listed is None:
        return listed or _price(given, model, dry_run=dry_run)
    if listed.currency != LIMIT_CURRENCY:
        raise InvalidInput(
            f"prices on the command line are in {LIMIT_CURRENCY}, those in {money.prices} in {listed.currency}; give one or the other"
        )
    return Price(
        input_per_million=given.get("price_input", listed.input_per_million),
        output_per_million=given.get("price_output", listed.output_per_million),
        cached_input_per_million=given.get("price_cached", listed.cached_input_per_million),
    )


def _listed(money: MoneyChoice, model: str | tuple[str, ...], *, is_needed: bool) -> Price | None:
    if money.prices is None:
        return None
    table = load_prices(money.prices)
    names = [name for address in ([model] if isinstance(model, str) else model) for name in (address, address.partition("#")[2]) if name]
    known = next((table.prices[name] for name in names if name in table.prices), None)
    # A server's model is listed by its address, or by the name that stands behind it.
    return table.for_model(names[-1]) if known is None and is_needed and is_served(model) else known


def _price(given: Mapping[str, float], model: str | tuple[str, ...], *, dry_run: bool) -> Price | None:
    """The price from the command line alone. A dry run takes what is not given as free; a run that spends needs both."""
    if not given:
        return None
    for name in ("price_input", "price_output"):
        if name not in given and not dry_run and is_served(model):
            raise InvalidInput(f"no {name[6:]} price; give --{name.replace('_', '-')} as well, or --prices FILE.toml")
    return Price(
        input_per_million=given.get("price_input", 0.0),
        output_per_million=given.get("price_output", 0.0),
        cached_input_per_million=given.get("price_cached"),
    )


def limit_of(money: MoneyChoice, model: str | tuple[str, ...], price: Price | None) -> float | None:
    """The money the run may cost; None without a limit. Raises InvalidInput for a limit that cannot be kept."""
    limit = money.max_usd
    if limit is None:
        return None
    if not (math.isfinite(limit) and limit > 0):
        raise InvalidInput(f"--max-usd {limit}: expected a number above 0")
    if not is_served(model):
        if is_shared("max_usd"):
            return None
        raise InvalidInput(f"--max-usd {limit:g}: {model} costs nothing here; leave it out, or give --max-rollouts")
    if price is None or (money.prices is None and None in (money.price_input, money.price_output)):
        raise InvalidInput(f"--max-usd {limit:g} needs prices: give --prices FILE.toml, or --price-input and --price-output")
    if price.currency != LIMIT_CURRENCY:
        raise InvalidInput(f"--max-usd {limit:g}: the prices in {money.prices} are in {price.currency}; expected {LIMIT_CURRENCY}")
    return float(limit)


def money_text(amount: float, currency: str) -> str:
    """An amount with its currency, in as many digits as say something."""
    return f"{amount:,.2f} {currency}" if amount >= 100 else f"{amount:.4f} {currency}" if amount >= 0.01 else f"{amount:.2g} {currency}"
