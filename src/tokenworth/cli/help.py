"""What ``--help`` shows: options under headings, the rare ones with ``--help-all`` only."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from tokenworth.cli.trust import ALLOWING, check_trusted, flags_for, note_allowed

_ALL = "tokenworth.help_all"
_GENERAL = "General"
MOST = 26
"""A verb with more options than this leaves the rare ones to ``--help-all``."""
_WIDEST = 26
"""An option that takes more columns than this has its sentence on the next line."""


RETIRED = {
    ("audit", "--items"): "--problems",
    ("confusion", "--confidence"): "--level",
    ("edits", "--base"): "--trace-of",
    ("edits", "--rollouts"): "--samples",
    ("import", "--kind"): "--layout",
    ("modulo", "--max-tokens"): "--arm-tokens",
    ("sample", "--choose"): "--base",
    ("verify", "--level"): "--strictness",
    ("verify", "--limit"): "--max-errors",
}
"""(verb, an option's former name) -> its name now; for the message that refuses it."""


class VerbOption(click.Option):
    """An option that knows its place in help. ``rare``: shown by ``--help-all`` only."""

    def __init__(self, *names: Any, heading: str = _GENERAL, rare: bool = False, **rest: Any) -> None:
        super().__init__(*names, **rest)
        self.heading, self.rare = heading, rare


verb_option = partial(click.option, cls=VerbOption)
"""The decorator of an option with a place in help."""
json_option = partial(verb_option, "--json", "json_path", metavar="FILE", heading="Output")
dry_run_option = verb_option("--dry-run", is_flag=True, heading="Output", help="Say what a run would do; write nothing.")
MADE = "Write a summary of what was written as JSON; - for standard output."
"""What ``--json`` is in verbs that write files of their own."""


class Verb(click.Command):
    """A command with ``--help-all``, whose help is grouped."""

    def __init__(self, *args: Any, **rest: Any) -> None:
        super().__init__(*args, **rest)
        self.params.append(click.Option(["--help-all"], is_flag=True, is_eager=True, expose_value=False, hidden=True, callback=_show_all))
        for flag in flags_for(self.params):
            self.params.append(VerbOption([flag], is_flag=True, expose_value=False, rare=True, help=ALLOWING[flag], callback=note_allowed))

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the verb. Raises as `check_trusted`."""
        check_trusted(ctx)
        return super().invoke(ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuses an option that it does not know; of a former name it says the new one."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            old, new = error.option_name, RETIRED.get((self.name or "", error.option_name))
            if new is None:
                raise
            raise click.NoSuchOption(old, message=f"No such option: {old} is now {new}", ctx=ctx) from None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the options by heading, and how many are left out."""
        # Positional arguments stand in the line of usage.
        options = [one for one in self.get_params(ctx) if isinstance(one, click.Option) and not one.hidden]
        options.sort(key=lambda one: ("--help" in one.opts, bool(ALLOWING.keys() & set(one.opts))))
        shown = options
        if len(options) > MOST and not ctx.meta.get(_ALL):
            shown = [one for one in options if not getattr(one, "rare", False)]
        groups: dict[str, list[tuple[str, str]]] = {}
        for one in shown:
            heading = _GENERAL if one.is_eager else getattr(one, "heading", "Options")
            groups.setdefault(heading, []).append(one.get_help_record(ctx) or ("", ""))
        groups[_GENERAL] = groups.pop(_GENERAL)
        width = min(_WIDEST, max(len(name) for rows in groups.values() for name, _ in rows))
        for heading, ((first, told), *others) in groups.items():
            with formatter.section(heading):
                # One column for all groups: click aligns each by its widest row.
                formatter.write_dl([(first.ljust(width), told), *others], col_max=width)
        if left_out := len(options) - len(shown):
            formatter.write(f"\n{left_out} more option{'s' * (left_out > 1)}: {ctx.command_path} --help-all\n")


def _show_all(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.meta[_ALL] = True
        click.echo(context.get_help(), color=context.color)
        context.exit()
