"""``tokenworth VERB``: one clear line and exit code 2 for anything that cannot be done."""

from __future__ import annotations

import os
import signal
import sys
from typing import ClassVar

import click

from tokenworth import __version__
from tokenworth.errors import TokenworthError, unknown_name
from tokenworth.report.inert import one_line


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

    Results go to standard output, progress to standard error. Exit code 2 means that nothing was done, for the reason in one line.
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
        sys.stdout.flush()
    except TokenworthError as error:
        return _fail(str(error))
    except click.ClickException as error:
        return _fail(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped; with --store the same command goes on from what was drawn", err=True)
        return 130
    except BrokenPipeError:
        # The reader of our output is gone; without this Python complains once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _fail(f"{error.filename or 'input/output'}: {error.strerror or error}")
    return result if isinstance(result, int) else 0


def _fail(message: str) -> int:
    click.echo("error: " + one_line(" ".join(message.split())), err=True)
    return 2
