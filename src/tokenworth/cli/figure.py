"""The verb `figure`: results as a figure for a paper."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from tokenworth.cli.help import MADE, Verb, dry_run_option, json_option, verb_option
from tokenworth.cli.options import config_option
from tokenworth.cli.show import write_facts
from tokenworth.errors import InvalidInput
from tokenworth.store.documents import read_document

_RANGE = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")


@click.command(cls=Verb)
@config_option
@click.argument("documents", nargs=-1, required=True, metavar="RESULT.json…")
@verb_option("-o", "--out", required=True, metavar="FILE", heading="Output", help="Where to write.")
@verb_option("--width", type=float, default=85.0, show_default=True, metavar="MM", heading="Figure", help="Width in millimetres.")
@verb_option(
    "--show",
    type=click.Choice(["both", "curve", "text"]),
    default="both",
    show_default=True,
    heading="Figure",
    help="The curve, the trace in colour, or both.",
)
@verb_option(
    "--colour",
    type=click.Choice(["value", "delta", "probability", "forced"]),
    heading="Figure",
    help="What the tokens' colours show.  [default: the value, or the forced answer]",
)
@verb_option("--units", metavar="A-B", heading="Figure", help="Only these tokens (or sentences) of the trace as text, counted from 0.")
@json_option(help=MADE)
@dry_run_option
def figure(documents: tuple[str, ...], out: str, width: float, show: str, colour: str | None, units: str | None, **rest: Any) -> None:
    """Draw a figure for a paper: curve and coloured trace.

    The end of the file's name says the format: .svg, .pdf or .png. Its bytes depend on the results, the options and the version of
    matplotlib alone.
    """
    from tokenworth import plot

    found = None if units is None else _RANGE.fullmatch(units)
    if units is not None and found is None:
        raise InvalidInput(f"--units {units!r}; expected a range such as 0-119")
    span = None if found is None else (int(found[1]), int(found[2]) + 1)
    parts = ("curve", "text") if show == "both" else (show,)
    trace = plot.view_of([read_document(Path(path)) for path in documents])
    page, caption = plot.figure(trace, width=width, show=parts, colour=colour, units=span), plot.caption(trace)
    size = tuple(round(float(inches) * 25.4, 1) for inches in page.get_size_inches())
    if not rest["dry_run"]:
        plot.save(page, out)
    if not write_facts({"figure": out, "width_mm": size[0], "height_mm": size[1], "caption": caption}, rest["json_path"]):
        click.echo(f"{'would write' if rest['dry_run'] else 'wrote'} {out}: {size[0]:g} × {size[1]:g} mm\n{caption}")
