"""Options that several verbs share, and the TOML file that can hold them."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from tokenworth.errors import InvalidInput, MissingFile, unknown_name
from tokenworth.methods.curve.settings import PLANS

F = TypeVar("F", bound=Callable[..., Any])


def chain(*decorators: Callable[[Any], Any]) -> Callable[[F], F]:
    """One decorator that adds options in the order given."""

    def apply(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


def _read_config(context: click.Context, _: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    path = Path(value)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingFile(f"no config file {value}; expected a TOML file of option = value lines") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(f"config file {value}: {' '.join(str(error).split())}") from error
    verb = context.info_name or ""
    commands = _commands(context)
    shared = {key: item for key, item in table.items() if not isinstance(item, dict)}
    for name, item in table.items():
        if isinstance(item, dict) and name not in commands:
            raise InvalidInput(f"config file {value}: {unknown_name('section', name, commands)}")
    own = table.get(verb, {})
    context.default_map = _checked(context, value, {**shared}, strict=False) | _checked(context, value, own, strict=True)
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
        if name not in everywhere or name == "config":
            raise InvalidInput(f"config file {path}: {unknown_name('option', key, everywhere - {'config'})}")
        if name in here:
            found[here[name]] = [item] if name == "model" and isinstance(item, str) else item
    return found


def _names(command: click.Command) -> dict[str, str]:
    names: dict[str, str] = {}
    for parameter in command.params:
        for flag in parameter.opts:
            if flag.startswith("--") and parameter.name:
                names[flag[2:]] = parameter.name
    return names


config_option = click.option(
    "--config", metavar="FILE.toml", callback=_read_config, is_eager=True, expose_value=False,
    help="Read options from a TOML file: option = value lines, and a [VERB] section for one verb. The command line wins.",
)  # fmt: skip
json_option = click.option(
    "--json", "json_path", metavar="FILE", help="Write the result document here; - for standard output; {item} for the item."
)
seed_option = click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Names the stream of draws.")
store_option = click.option("--store", metavar="FILE.db", help="SQLite file that keeps every rollout; a re-run draws only what is missing.")

local_options = chain(
    click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N."),
    click.option("--dtype", type=click.Choice(["float32", "bfloat16"]), default="float32", show_default=True),
    click.option("--batch", type=click.IntRange(1), default=64, show_default=True, help="Rollouts that decode together."),
    click.option("--threads", type=click.IntRange(1), help="CPU threads [default: torch's own; 1 for the bundled model]."),
    click.option("--date", type=click.DateTime(["%Y-%m-%d"]), help="Today, for chat templates that write the date into the prompt."),
    click.option("--format", "trace_format", help="How traces are opened and closed, when it is not to be read off the chat template."),
)

problem_options = chain(
    click.option("--task", help="world:FAMILY, maze:FAMILY/SIDE, problems.jsonl, mmlu:FILE.csv, mmlu-pro:, gsm8k:, math:FILE or hf:NAME."),
    click.option("--item", default="0", show_default=True, help="Index or id of the problem in the task, or several: 0-9,12."),
    click.option("--grader", help="option, exact, numeric, latex or module:callable, instead of the problem's own."),
)

sampling_options = chain(
    click.option("--temperature", type=float, default=1.0, show_default=True, help="0 is greedy."),
    click.option("--top-p", type=float, default=1.0, show_default=True, help="1 is off."),
    click.option("--top-k", type=int, default=0, show_default=True, help="0 is off."),
    click.option("--min-p", type=float, default=0.0, show_default=True, help="0 is off."),
    click.option(
        "--limit", type=click.IntRange(1), help="Tokens a whole completion may have [default: what the context leaves, at most 4096]."
    ),
)

dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be drawn (requests, tokens, money) and stop.")

budget_options = chain(
    click.option("--prices", metavar="FILE.toml", help='Price table of models: [models."NAME"] with input, cached_input, output.'),
    click.option("--price-input", type=float, help="USD per million tokens read; wins over --prices."),
    click.option("--price-cached", type=float, help="USD per million tokens read from the server's cache [default: as --price-input]."),
    click.option("--price-output", type=float, help="USD per million tokens generated; wins over --prices."),
    click.option("--max-usd", type=float, help="Stop before a server's model has cost more than this, and report on what was drawn."),
)

base_options = chain(
    click.option(
        "--trace-ids",
        metavar="FILE",
        help="Token ids of the base completion (JSON list, or numbers apart by space), instead of a sampled one.",
    ),
    click.option("--base", default="any", show_default=True, help="Which sampled answer is the base: any, correct, incorrect or an index."),
    click.option(
        "--draws",
        type=click.IntRange(1),
        help="How many answers to draw to choose the base from [default: 1, or 16 for correct and incorrect].",
    ),
)

plan_options = chain(
    click.option("--plan", type=click.Choice(PLANS), default="excursions", show_default=True),
    click.option(
        "--samples", type=int, help="Rollouts a cut (plain, stride: default 20); plain rollouts each cut should be worth (excursions)."
    ),
    click.option("--stride", type=int, help="Distance of measured cuts, for the plan stride."),
    click.option("--refine", type=float, help="Stride plan: go on halving intervals whose ends differ by this much."),
    click.option("--max-rollouts", type=int, help="Stop after this many rollouts."),
    click.option("--max-tokens", type=int, help="Stop after this many generated tokens."),
    click.option("--snap", is_flag=True, help="Where text cannot reach a cut, measure the nearest one it reaches instead of none."),
    click.option("--half-width", type=float, help="Stop when every cut's interval is this narrow [default: 0.1 when nothing else is set]."),
    click.option("--level", type=float, default=0.95, show_default=True, help="Level of the intervals."),
    click.option("--interval", type=click.Choice(["wilson", "beta"]), default="wilson", show_default=True),
)


def uniform(*names: str) -> Callable[[F], F]:
    """Accepts options that every verb takes and this one has no use for, so that one script can pass them everywhere."""
    texts = {
        "seed": ("--seed", "Accepted as by every verb; nothing here is random."),
        "store": ("--store", "Accepted as by every verb; no rollouts are kept here."),
    }
    made = [click.option(flag, expose_value=False, default=None, help=text) for flag, text in (texts[n] for n in names if n in texts)]
    if "dry-run" in names:
        made.append(click.option("--dry-run", is_flag=True, expose_value=False, help="Accepted as by every verb; this one only reads."))
    return chain(*made)
