"""Colours: apart for readers without red or green cones, and readable under text."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from tests.checkout import ROOT
from tokenworth.core.grade import UNGRADED
from tokenworth.report import palette

# Source: Machado, Oliveira and Fernandes 2009, table 1, severity 1.
PROTAN = ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998))
DEUTAN = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))
SIGHT = {"full": np.eye(3), "protan": np.array(PROTAN), "deutan": np.array(DEUTAN)}
XYZ = np.array(((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041)))


def lab(colour: str, sight: str) -> np.ndarray:
    s = np.array(palette.rgb(colour))
    linear = np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
    xyz = XYZ @ np.clip(SIGHT[sight] @ linear, 0, 1) / np.array((0.95047, 1.0, 1.08883))
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array((116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])))


def delta_e(a: str, b: str, sight: str) -> float:
    """CIE 1976 colour difference."""
    return float(np.linalg.norm(lab(a, sight) - lab(b, sight)))


def contrast(a: str, b: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    bright, dim = sorted((luminance(a), luminance(b)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in palette.rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_measure_knows_a_bad_pair():
    assert delta_e("#F2A0A0", "#A9C7A0", "deutan") < 20 < delta_e("#F2A0A0", "#A9C7A0", "full")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["value", "delta"])
@pytest.mark.parametrize("sight", ["full", "protan", "deutan"])
def test_diverging_ends_stay_apart(theme, name, sight):
    colours = palette.ramp(theme, name)
    assert delta_e(colours[0], colours[-1], sight) >= 40
    assert delta_e(colours[0], colours[10], sight) >= 15 and delta_e(colours[-1], colours[10], sight) >= 15


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["gold", "probability"])
@pytest.mark.parametrize("sight", ["full", "protan", "deutan"])
def test_sequential_ends_stay_apart(theme, name, sight):
    colours = palette.ramp(theme, name)
    assert delta_e(colours[0], colours[-1], sight) >= 20


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_on_every_bin_is_readable(theme):
    for name in palette.RAMPS[theme]:
        assert min(contrast(palette.INK[theme], c) for c in palette.ramp(theme, name)) >= 4.5
    assert contrast(palette.INK[theme], palette.PAPER[theme]) >= 7


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("sight", ["full", "protan", "deutan"])
def test_neighbouring_options_differ(theme, sight):
    colours = palette.categorical(theme)
    assert min(delta_e(a, b, sight) for a, b in itertools.pairwise(colours)) >= 15


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_patterns_of_unknown_outcomes_are_visible(theme):
    assert contrast(palette.GROUND[theme], palette.STROKE[theme]) >= 3
    for name in ("GROUND", "STROKE"):
        r, g, b = palette.rgb(getattr(palette, name)[theme])
        assert max(r, g, b) - min(r, g, b) < 0.1, "neutral"


def test_the_viewer_has_a_pattern_for_every_unknown_outcome():
    web = ROOT / "web" / "src"
    styles = dict(re.findall(r'\[(-\d)\]: style\("([a-z-]+)"', (web / "states.ts").read_text()))
    assert {int(place): name for place, name in styles.items()} == {
        place: label.replace(" ", "-") for label, place in palette.STATES.items() if label != UNGRADED
    }
    css = (web / "style.css").read_text()
    assert all(f".cat-{name} {{" in css for name in styles.values())


def test_bins():
    assert [palette.bin_of(x, 0, 1) for x in (0, 0.024, 0.026, 0.5, 1, 1.2, -3)] == [0, 0, 1, 10, 20, 20, 0]
    assert [palette.bin_of(k / 20, 0, 1) for k in range(21)] == list(range(21))
    assert palette.bin_of(None, 0, 1) == palette.bin_of(float("nan"), 0, 1) == palette.NO_BIN
    assert [palette.bin_of(x, -0.2, 0.2) for x in (-0.2, 0, 0.2)] == [0, 10, 20]


def test_terminal_colours_are_the_nearest():
    assert [palette.ansi256(c) for c in ("#000000", "#FFFFFF", "#FF0000", "#808080")] == [16, 231, 196, 244]
    assert all(16 <= palette.ansi256(c) <= 255 for c in palette.ramp("light", "value"))
