"""Colours of a report: sequential and diverging ramps in 21 bins, categorical colours, and the nearest terminal colour.

Every ramp was chosen so that its ends stay apart for readers without red or green cones and so that text on any bin
keeps a contrast of 4.5 or more (tests measure both).
"""

from __future__ import annotations

import math

from tokenworth.core.document import Number
from tokenworth.core.grade import (
    ENDED_IN_TRACE,
    ERROR,
    REFUSED,
    TRUNCATED,
    TRUNCATED_IN_ANSWER,
    TRUNCATED_IN_TRACE,
    UNGRADED,
    UNPARSEABLE,
)

NO_BIN = 255
"""Colour bin of a unit without a number."""
BINS = 21
"""21 bins are exact for counts out of 20."""

RAMPS: dict[str, dict[str, tuple[str, str, str]]] = {
    "light": {
        "value": ("#F6A868", "#F7F7F5", "#8FB8DE"),
        "delta": ("#F6A868", "#FDFDFC", "#8FB8DE"),
        "gold": ("#F6F6F3", "#BBDDD2", "#6FBFA8"),
        "probability": ("#C6A2DC", "#E3D3EC", "#FAF9FA"),
    },
    "dark": {
        "value": ("#7A4A16", "#2A2D31", "#1F4E79"),
        "delta": ("#7A4A16", "#1B1E22", "#1F4E79"),
        "gold": ("#23272A", "#1E433B", "#17624F"),
        "probability": ("#66407F", "#40304C", "#1E2024"),
    },
}
"""Low, middle and high end of each ramp."""

INK = {"light": "#1F2328", "dark": "#E6E8EB"}
PAPER = {"light": "#FFFFFF", "dark": "#15181C"}

CATEGORICAL = ("#0072B2", "#009E73", "#E69F00", "#56B4E9", "#D55E00", "#CC79A7", "#F0E442", "#6B6B6B")
"""Okabe and Ito's colours, ordered so that neighbours stay farthest apart for every reader; drawn a little towards
the paper. Letters carry the same information."""
_SOFTEN = 0.2

OTHER = -1
"""Place of an outcome without its own colour."""
STATES: dict[str, int] = {
    TRUNCATED_IN_TRACE: -4,
    TRUNCATED_IN_ANSWER: -5,
    TRUNCATED: -3,
    ENDED_IN_TRACE: -6,
    UNPARSEABLE: -2,
    REFUSED: -7,
    ERROR: -8,
    UNGRADED: -2,
}
"""Places of the unknown outcomes, in the order they are shown: greys with different patterns (the viewer's states.ts)."""
GROUND = {"light": "#DADDE0", "dark": "#3D444B"}
STROKE = {"light": "#5D656E", "dark": "#A3ABB4"}
"""The two greys of the patterns."""


def rgb(colour: str) -> tuple[float, float, float]:
    """Red, green and blue in [0, 1] of ``#RRGGBB``."""
    return int(colour[1:3], 16) / 255, int(colour[3:5], 16) / 255, int(colour[5:7], 16) / 255


def _hex(channels: tuple[float, ...]) -> str:
    return "#" + "".join(f"{round(255 * x):02X}" for x in channels)


def ramp(theme: str, name: str) -> tuple[str, ...]:
    """The 21 colours of a ramp, linear in sRGB between its three stops."""
    low, middle, high = (rgb(x) for x in RAMPS[theme][name])
    half = BINS // 2
    colours: list[str] = []
    for i in range(BINS):
        start, end, t = (low, middle, i / half) if i <= half else (middle, high, (i - half) / half)
        colours.append(_hex(tuple(a + t * (b - a) for a, b in zip(start, end, strict=True))))
    return tuple(colours)


def categorical(theme: str) -> tuple[str, ...]:
    """The categorical colours of a theme."""
    paper = rgb(PAPER[theme])
    return tuple(_hex(tuple((1 - _SOFTEN) * a + _SOFTEN * b for a, b in zip(rgb(c), paper, strict=True))) for c in CATEGORICAL)


def bin_of(x: Number, low: float, high: float) -> int:
    """The bin of ``x`` on the scale ``low`` to ``high``, clipped to it; `NO_BIN` for no number."""
    if x is None or math.isnan(x):
        return NO_BIN
    t = (x - low) / (high - low)
    return max(0, min(BINS - 1, math.floor(t * (BINS - 1) + 0.5)))


def ansi256(colour: str) -> int:
    """The nearest colour of the 6×6×6 cube or the grey ramp of a 256-colour terminal."""
    r, g, b = (255 * x for x in rgb(colour))
    levels = (0, 95, 135, 175, 215, 255)
    cube = [min(range(6), key=lambda i, x=x: abs(levels[i] - x)) for x in (r, g, b)]
    grey = max(0, min(23, round(((r + g + b) / 3 - 8) / 10)))

    def off(c: tuple[float, float, float]) -> float:
        return (c[0] - r) ** 2 + (c[1] - g) ** 2 + (c[2] - b) ** 2

    shade = 8 + 10 * grey
    if off((levels[cube[0]], levels[cube[1]], levels[cube[2]])) <= off((shade, shade, shade)):
        return 16 + 36 * cube[0] + 6 * cube[1] + cube[2]
    return 232 + grey


def css() -> str:
    """CSS variables of both themes: ``--value-0`` … ``--probability-20`` and ``--cat-0`` …; ``auto`` follows the system, paper is light."""
    light, dark = _variables("light"), _variables("dark")
    aliases = "".join(f"[data-palette={name}]{{{';'.join(f'--c{i}:var(--{name}-{i})' for i in range(BINS))}}}\n" for name in RAMPS["light"])
    bins = "".join(f".b{i}{{background-color:var(--c{i})}}" for i in range(BINS))
    return (
        f"{aliases}{bins}\n:root{{{light}}}\n@media screen{{:root[data-theme=dark]{{{dark}}}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}\n"
    )


def _variables(theme: str) -> str:
    names = [f"--{name}-{i}:{colour}" for name in RAMPS[theme] for i, colour in enumerate(ramp(theme, name))]
    names += [f"--cat-{i}:{colour}" for i, colour in enumerate(categorical(theme))]
    return ";".join([*names, f"--ink:{INK[theme]}", f"--paper:{PAPER[theme]}", f"--ground:{GROUND[theme]}", f"--stroke:{STROKE[theme]}"])
