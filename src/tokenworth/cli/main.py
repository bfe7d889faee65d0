"""``tokenworth VERB``: one clear line and exit code 2 for anything that cannot be done."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tomllib
from pathlib import Path
from typing import ClassVar

import click

from tokenworth import __version__
from tokenworth.core.inert import one_line
from tokenworth.errors import StoreError, TokenworthError, unknown_name

READER_GONE = 128 + 13
"""Exit code when the reader of our output is gone: what a shell says of a program that SIGPIPE ended."""

_GOES_ON = "the same command goes on from what was drawn"
_DRAWN = {"demo": _GOES_ON} | dict.fromkeys(("sample", "curve", "forced", "edits", "modulo"), f"with --store {_GOES_ON}")
"""Verbs that draw, and what becomes of it when they are stopped."""


class _ReaderGone(Exception):
    """Carries a broken pipe past click, which would end the program with exit code 1."""


class _Verbs(click.Group):
    """Loads a verb's module when the verb is used, so that ``--help`` and ``report`` start fast."""

    modules: ClassVar[dict[str, str]] = {
        "demo": "demo",
        "sample": "measure",
        "curve": "measure",
        "forced": "measure",
        "verify": "formal",
        "confusion": "formal",
        "modulo": "modulo",
        "audit": "audit",
        "edits": "edits",
        "report": "files",
        "import": "files",
        "export": "files",
        "runs": "runs",
        "doctor": "doctor",
    }

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (BrokenPipeError, StoreError) as error:
            if isinstance(error, BrokenPipeError) or isinstance(error.__cause__, BrokenPipeError):
                raise _ReaderGone from error
            raise

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in self.modules:
            raise unknown_name("verb", cmd_name, self.modules)
        if cmd_name not in self.commands:
            from importlib import import_module

            module = import_module(f"tokenworth.cli.{self.modules[cmd_name]}")
            self.commands[cmd_name] = getattr(module, f"{cmd_name}_" if cmd_name == "import" else cmd_name)
        return self.commands[cmd_name]


@click.group(
    cls=_Verbs,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="tokenworth")
@click.pass_context
def cli(context: click.Context) -> int:
    """Measure what each token of a language model's trace is worth.

    Results go to standard output, progress to standard error. Exit code 2: could not run, or not all of it, for the reason in one line.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        return 2
    return 0


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits. A batch system's SIGTERM stops it as Ctrl-C does: what is under way is waited for."""
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(run(arguments))


def _interrupt(number: int, frame: object) -> None:
    del number, frame
    raise KeyboardInterrupt


def run(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    try:
        result = cli.main(args=arguments, prog_name="tokenworth", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except TokenworthError as error:
        return _fail(str(error))
    except click.ClickException as error:
        return _fail(error.format_message())
    except (click.Abort, KeyboardInterrupt) as error:
        click.echo(one_line(_stopped(sys.argv[1:] if arguments is None else arguments, error)), err=True)
        return 130
    except (_ReaderGone, BrokenPipeError):
        _let_go()
        return READER_GONE
    except OSError as error:
        return _fail(f"{error.filename or 'input/output'}: {error.strerror or error}")
    return result if isinstance(result, int) else 0


def _let_go() -> None:
    """Sends what is still to be written nowhere: Python would complain once more at exit."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _stopped(words: list[str], error: BaseException) -> str:
    """What to say after Ctrl-C: what the verb itself tells of it, or what becomes of the draws of a verb that draws."""
    told = " ".join(map(str, getattr(error.__cause__, "args", ()) or error.args))
    if not told and not _is_replay(words):
        told = _DRAWN.get(words[0] if words else "", "")
    return f"stopped; {told}" if told else "stopped"


def _is_replay(words: list[str]) -> bool:
    """Whether recorded draws are replayed, by the command line or by the config file that it names."""
    given = [word.partition("=") for word in words]
    if any(name == "--replay" for name, _, _ in given):
        return True
    files = [value if equals else "".join(words[at + 1 : at + 2]) for at, (name, equals, value) in enumerate(given) if name == "--config"]
    try:
        table = tomllib.loads(Path(files[-1]).read_text(encoding="utf-8")) if files else {}
    except (OSError, ValueError):
        return False
    own = table.get(words[0], {})
    return "replay" in table or (isinstance(own, dict) and "replay" in own)


def _fail(message: str) -> int:
    click.echo("error: " + one_line(" ".join(message.split())), err=True)
    return 2
