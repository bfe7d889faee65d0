"""Options of served models, and what they make: how a server is reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from tokenworth.backends.http.source import check_address
from tokenworth.cli.options import chain, local_options
from tokenworth.errors import InvalidInput
from tokenworth.workbench.models import check_names, is_served

if TYPE_CHECKING:
    from tokenworth.backends.http.options import ServerOptions

MODEL_HELP = (
    "tiny, maze-correct, maze-swapped, maze-feedback (bundled), toy:FILE.json, hf:PATH, a folder, or a server: http://HOST:PORT/v1#NAME; "
    "repeat to pool one model's servers."
)


def one_or_more(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> str | tuple[str, ...]:
    """A single name as it is, several as a tuple."""
    del context, parameter
    return value[0] if len(value) == 1 else value


model_option = click.option("--model", multiple=True, default=("tiny",), show_default=True, callback=one_or_more, help=MODEL_HELP)

server_options = chain(
    click.option(
        "--tokenizer", metavar="FOLDER", help="A served model's tokenizer: a folder, hf:OWNER/NAME or tiny [default: the model's name]."
    ),
    click.option("--api-key-env", metavar="NAME", help="Environment variable with the server's key [default: TOKENWORTH_API_KEY]."),
    click.option("--api-key-file", metavar="FILE", help="File with the server's key; it is read, sent and never written anywhere."),
    click.option("--concurrency", type=click.IntRange(1), help="Requests in flight to one server [default: 64, or llama.cpp's slots]."),
    click.option("--per-request", type=click.IntRange(1), help="Rollouts of one request [default: what the server takes, up to 16]."),
    click.option("--timeout", type=float, default=600.0, show_default=True, help="Seconds a server has for one whole reply."),
    click.option("--retry-for", type=float, default=300.0, show_default=True, help="Seconds a request is tried again after failures."),
    click.option("--requests-per-minute", type=float, help="Rate limit of one server."),
    click.option("--tokens-per-minute", type=float, help="Rate limit of one server, tokens read and generated together."),
    click.option("--thinking/--no-thinking", default=True, show_default=True, help="The switch of chat templates that have one."),
)

model_options = chain(model_option, local_options, server_options)


def server_of(options: Mapping[str, Any]) -> ServerOptions | None:
    """How the options' server is reached; None where the model is none.

    Raises InvalidInput for a number out of range, and for a tokenizer or key given with a model that is not served.
    """
    check_names(options["model"])
    if isinstance(options["model"], str):
        check_address(options["model"])
    if not is_served(options["model"]):
        for name in ("tokenizer", "api_key_env", "api_key_file"):
            if options.get(name) is not None:
                raise InvalidInput(f"--{name.replace('_', '-')} is for servers, and {options['model']} is none; leave it out")
        return None
    from tokenworth.backends.http.options import Patience, Rates, ServerOptions

    _quiet_retries()
    for name in ("timeout", "retry_for", "requests_per_minute", "tokens_per_minute"):
        value = options.get(name)
        if value is not None and not 0 < value < float("inf"):
            raise InvalidInput(f"--{name.replace('_', '-')} {value}: expected a number above 0")
    return ServerOptions(
        tokenizer=options["tokenizer"],
        key_file=options["api_key_file"],
        key_variable=options["api_key_env"],
        concurrency=options["concurrency"],
        n_most=options["per_request"],
        patience=Patience(deadline_s=options["timeout"], total_s=options["retry_for"]),
        rates=Rates(requests_per_minute=options["requests_per_minute"], tokens_per_minute=options["tokens_per_minute"]),
    )


def _quiet_retries() -> None:
    """Retries are counted and shown in the progress line; where structlog is installed they would be printed as well."""
    from importlib.util import find_spec

    if find_spec("stamina") is not None:
        from stamina.instrumentation import set_on_retry_hooks

        set_on_retry_hooks([])
