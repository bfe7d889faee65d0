"""The verb `serve-model`: a GGUF file on a server of this machine, for several runs or several machines to ask."""

from __future__ import annotations

import socket

import click

from tokenworth.cli.help import Verb, verb_option
from tokenworth.cli.options import config_option
from tokenworth.core.inert import one_line
from tokenworth.errors import InvalidInput

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LAST_PORT = 65_535


def _check_port(host: str, port: int) -> None:
    """Refuses a port that cannot be had: llama.cpp would say so in other words."""
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        said = error.strerror or error
        raise InvalidInput(f"port {port} of {host} cannot be had ({said}); give another --port, 0 for a free one") from error


@click.command("serve-model", cls=Verb)
@config_option
@click.argument("file", metavar="FILE.gguf")
@verb_option("--port", type=int, metavar="N", default=8080, show_default=True, heading="Serve-model", help="0 takes a free one.")
@verb_option("--host", default="127.0.0.1", show_default=True, heading="Serve-model", help="Address to listen at.")
@verb_option(
    "--slots", type=int, metavar="N", heading="Serve-model", help="Rollouts that decode together.  [default: up to 16, as memory allows]"
)
@verb_option("--threads", type=int, metavar="N", heading="Model", help="CPU threads.  [default: all, 1 for a small file]")
@verb_option("--device", metavar="DEVICE", default="cpu", show_default=True, heading="Model", help="cpu, cuda or cuda:N.")
@verb_option(
    "--fast", is_flag=True, heading="Serve-model", help="Keys and values of 16 bits, and flash attention: readings are rounded more."
)
def serve_model(file: str, port: int, host: str, slots: int | None, threads: int | None, device: str, fast: bool) -> None:
    """Serve a GGUF file with llama.cpp.

    Prints the address that --model takes, and serves until it is stopped. One run needs no server: --model gguf:FILE.gguf.
    """
    from dataclasses import replace

    from tokenworth.backends.llama.file import read_gguf
    from tokenworth.backends.llama.process import LlamaProcess
    from tokenworth.backends.llama.settings import EXACT, HALF, settings_for

    for name, value in (("slots", slots), ("threads", threads)):
        if value is not None and value < 1:
            raise InvalidInput(f"--{name} {value}: expected at least 1")
    if not 0 <= port <= _LAST_PORT:
        raise InvalidInput(f"--port {port}: expected 0 to {_LAST_PORT}")
    _check_port(host, port)
    model = read_gguf(file)
    settings = settings_for(model, slots=slots, threads=threads, device=device, cache=HALF if fast else EXACT)
    process = LlamaProcess(model, replace(settings, host=host, port=port), key=None)
    try:
        click.echo(f"{process.address()}/v1#{model.path.stem}")
        click.echo(one_line(f"{settings.slots} slots of {settings.context:,} tokens; runs need --tokenizer {file}"), err=True)
        if host not in _LOOPBACK:
            click.echo(one_line(f"anyone who can reach {host} can use it"), err=True)
        process.wait()
        fault = process.fault()
        if fault is not None:
            raise fault
    finally:
        process.close()
