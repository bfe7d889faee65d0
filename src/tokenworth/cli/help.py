"""What ``--help`` shows: options under headings, the rare ones with ``--help-all`` only."""

from __future__ import annotations

from typing import Any

import click

_ALL = "tokenworth.help_all"
_GENERAL = "General"
MOST = 26
"""A verb with more options than this leaves the rare ones to ``--help-all``."""
_WIDEST = 26
"""An option that takes more columns than this has its sentence on the next line."""


class VerbOption(click.Option):
    """An option that knows its place in help. ``rare``: shown by ``--help-all`` only."""

    def __init__(self, *names: Any, heading: str = _GENERAL, rare: bool = False, **rest: Any) -> None:
        super().__init__(*names, **rest)
        self.heading, self.rare = heading, rare


class Verb(click.Command):
    """A command with ``--help-all``, whose help is grouped."""

    def __init__(self, *args: Any, **rest: Any) -> None:
        super().__init__(*args, **rest)
        self.params.append(click.Option(["--help-all"], is_flag=True, is_eager=True, expose_value=False, hidden=True, callback=_show_all))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the options by heading, and how many are left out."""
        # Positional arguments stand in the line of usage.
        options = [one for one in self.get_params(ctx) if isinstance(one, click.Option) and not one.hidden]
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
