"""``tokenworth VERB``: one clear line and exit code 2 for anything that cannot be done."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import warnings
from importlib import import_module

import click

from tokenworth import __version__, catalog
from tokenworth.__main__ import STOPPING
from tokenworth.core.inert import one_line
from tokenworth.core.measure import Draws
from tokenworth.errors import StoreError, TokenworthError, unknown_name

READER_GONE = 128 + 13
"""Exit code when the reader of our output is gone: what a shell says of a program that SIGPIPE ended."""

_GOES_ON = "the same command goes on from what was drawn"
_LOST = "nothing is kept without --store, the same command begins anew"
PLAIN = ("demo", "report", "figure", "import", "export", "runs", "status", "merge", "serve-model", "doctor")
"""Verbs that are no measures: a module each, `import` and `export` with `report`."""


class _ReaderGone(Exception):
    """Carries a broken pipe past click, which would end the program with exit code 1."""


class _Verbs(click.Group):
    """The verbs: every measure of the catalogue, and the plain ones. Each is loaded when it is used, so that ``report`` starts fast."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (BrokenPipeError, StoreError) as error:
            if isinstance(error, BrokenPipeError) or isinstance(error.__cause__, BrokenPipeError):
                raise _ReaderGone from error
            raise

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return [PLAIN[0], *catalog.MEASURES, *PLAIN[1:]]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands:
            if cmd_name in PLAIN:
                name = cmd_name.replace("-", "_")
                module = import_module(f"tokenworth.cli.{'files' if name in ('report', 'import', 'export') else name}")
                self.commands[cmd_name] = getattr(module, "import_" if name == "import" else name)
            elif cmd_name in catalog.MEASURES:
                verb = import_module("tokenworth.cli.verb")
                self.commands[cmd_name] = verb.verb_of(catalog.load(catalog.MEASURES, "measure", cmd_name))
            else:
                raise unknown_name("verb", cmd_name, self.list_commands(ctx))
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

    Results go to standard output, progress to standard error. Exit code 1: a fault was found, or some items failed; 2: could not run, for
    the reason in one line.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        return 2
    return 0


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits. A batch system's SIGTERM and the end of a terminal stop it as Ctrl-C does: what is under way is
    waited for."""
    for name in STOPPING:
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) is not signal.SIG_IGN:
            signal.signal(getattr(signal, name), _interrupt)
    if not sys.warnoptions:
        # What a library has to say to its developers is not for the user.
        warnings.simplefilter("ignore")
        os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    code = run(arguments)
    _end_at_once()
    sys.exit(code)


def _end_at_once() -> None:
    """From here on a signal ends the process by itself: what is left is Python's own end, in which an exception would be a traceback."""
    for name in STOPPING:
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) is _interrupt:
            signal.signal(getattr(signal, name), signal.SIG_DFL)


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
        _end_at_once()
        click.echo(one_line(_stopped(sys.argv[1:] if arguments is None else arguments, error)), err=True)
        return 130
    except (_ReaderGone, BrokenPipeError):
        _let_go()
        return READER_GONE
    except MemoryError:
        return _fail("not enough memory; give a smaller input, or fewer rollouts at once")
    except OSError as error:
        return _fail(f"{error.filename or 'input/output'}: {error.strerror or error}")
    return result if isinstance(result, int) else 0


def _let_go() -> None:
    """Sends what is still to be written nowhere: Python would complain once more at exit."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _stopped(words: list[str], error: BaseException) -> str:
    """What to say after Ctrl-C: what the verb itself says of it, or what becomes of the draws of a verb that draws."""
    said = " ".join(map(str, getattr(error.__cause__, "args", ()) or error.args))
    verb = words[0] if words else ""
    draws = verb in catalog.MEASURES and isinstance(catalog.load(catalog.MEASURES, "measure", verb).run, Draws)
    if not said and "--dry-run" not in words and (draws or verb == "demo"):
        kept = verb == "demo" or any(word.partition("=")[0] == "--store" for word in words)
        # A configuration may name the store.
        said = _GOES_ON if kept else f"with --store {_GOES_ON}" if "--config" in words else _LOST
    return f"stopped; {said}" if said else "stopped"


def _fail(message: str) -> int:
    click.echo("error: " + one_line(" ".join(message.split())), err=True)
    return 2
