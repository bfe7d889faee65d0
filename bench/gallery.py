"""Gallery: size, time until it can be used, and time to sort, to choose by a box and to scroll, for 622, 8,000 and 100,000 traces.

    python bench/gallery.py [--chromium PATH]

Each time stands twice: by the clock, from the event to the painted frame (the wait for the next frame included), and on the page's own
thread, which is the same on a busy machine. Medians, with the worst in brackets.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from playwright.sync_api import Browser, Page, sync_playwright

from bench.report_size import FLAGS
from tests.report import gallery_cases as cases
from tokenworth.report.html import render_split

SIZES = ((622, 300), (8_000, 300), (100_000, 48))
PAINTED = (
    "new Promise((r) => requestAnimationFrame(() => { const c = new MessageChannel(); c.port1.onmessage = r; c.port2.postMessage(0); }))"
)
SORT = f"""async (value) => {{ const t = performance.now(); const s = document.querySelector('.controls select'); s.value = value;
  s.dispatchEvent(new Event('change', {{ bubbles: true }})); await {PAINTED}; return performance.now() - t; }}"""
PRESS = """() => { const s = document.querySelector('.scatterframe'); const e = s.getBoundingClientRect(); s.setPointerCapture = () => {};
  window.__send = (type, x, y) => s.dispatchEvent(new PointerEvent(type, { bubbles: true, clientX: e.left + x, clientY: e.top + y }));
  window.__send('pointerdown', 60, 20); }"""
BRUSH = f"""async (k) => {{ const t = performance.now(); __send('pointermove', 90 + 10 * k, 50 + 9 * k);
  await {PAINTED}; return performance.now() - t; }}"""
SCROLL = f"""async () => {{ const t = performance.now(); document.querySelector('.thumbs').scrollTop += 130;
  await {PAINTED}; return performance.now() - t; }}"""


class Timed:
    """Clock and thread time of the steps on a page."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._page = page

    def busy(self) -> float:
        """Milliseconds of the page's thread so far."""
        found = self._session.send("Performance.getMetrics")["metrics"]
        return 1000 * next(one["value"] for one in found if one["name"] == "TaskDuration")

    def steps(self, script: str, values: list[Any]) -> str:
        """Both times of a script for each of some values."""
        clock, thread = [], []
        for value in values:
            before = self.busy()
            clock.append(self._page.evaluate(script, value))
            thread.append(self.busy() - before)
        return f"{_figure(clock)} {_figure(thread)}"


def _figure(times: list[float]) -> str:
    return f"{f'{statistics.median(times):.0f} ({max(times):.0f})':>11}"


def measure(browser: Browser, path: Path) -> str:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    timed = Timed(page)
    page.goto(path.as_uri())
    _until(page, lambda: page.evaluate("Boolean(window.__tw)"))
    ready = page.evaluate("window.__tw.ready")
    page.wait_for_timeout(500)
    opened = timed.busy()
    sort = timed.steps(SORT, ["0", "1", "2", "-2", "0", "-3", "1", "2"])
    page.evaluate(PRESS)
    brush = timed.steps(BRUSH, list(range(12)))
    page.evaluate("__send('pointerup', 60, 20)")
    scroll = timed.steps(SCROLL, [None] * 12)
    page.close()
    return f"{ready:>9.0f} {opened:>7.0f} {sort} {brush} {scroll}"


def _until(page: Page, holds: Callable[[], bool]) -> None:
    while not holds():
        page.wait_for_timeout(20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    print(
        f"{'traces':>7} {'points':>6} {'MB':>5} {'ready ms':>9} {'thread':>7}"
        + "".join(f" {name:>11} {'thread':>11}" for name in ("sort", "brush", "scroll"))
    )
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=FLAGS)
        for n, points in SIZES:
            split = render_split(cases.page(cases.view(n, points)), f"{n}_data")
            (Path(folder) / f"{n}_data").mkdir()
            path = Path(folder) / f"{n}.html"
            for name, text in {**split.files, path.name: split.html}.items():
                (Path(folder) / name).write_text(text, encoding="utf-8")
            size = (len(split.html) + sum(map(len, split.files.values()))) / 1e6
            print(f"{n:>7,} {points:>6} {size:>5.1f} {measure(browser, path)}", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
