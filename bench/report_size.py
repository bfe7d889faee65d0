"""Report: build time and size, time to ready, hover time, for traces of 1k, 10k and 30k tokens.

    python bench/report_size.py [--chromium PATH]

Ready: milliseconds from navigation to the first painted, answering page. Hover: from the pointer event to the frame
that shows its effect (text, plots, detail panel), so it includes the wait for the next frame.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from playwright.sync_api import Browser, Page, sync_playwright

from tests.report import report_cases as cases
from tokenworth.report.html import render_html
from tokenworth.report.page import page_of

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WATCH = """() => { window.__t = [];
  window.addEventListener('pointerover', (e) => requestAnimationFrame(() => {
    const c = new MessageChannel(); c.port1.onmessage = () => window.__t.push(performance.now() - e.timeStamp); c.port2.postMessage(0);
  }), true); }"""


def hover(page: Page, moves: int, seed: int) -> list[float]:
    """Milliseconds of ``moves`` pointer moves to random places of the text."""
    box = page.locator(".scroller").bounding_box()
    assert box is not None
    rng = random.Random(seed)
    page.evaluate(WATCH)
    for _ in range(moves):
        page.mouse.move(box["x"] + rng.uniform(80, min(700, box["width"] - 20)), box["y"] + rng.uniform(8, box["height"] - 8))
        page.wait_for_timeout(20)
    return sorted(page.evaluate("window.__t"))


def measure(browser: Browser, path: Path, moves: int) -> tuple[float, float, float, float, int]:
    ready: list[float] = []
    for _ in range(3):
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(path.as_uri())
        while not page.evaluate("Boolean(window.__tw)"):
            page.wait_for_timeout(50)
        ready.append(page.evaluate("window.__tw.ready"))
        if len(ready) < 3:
            page.close()
    page.wait_for_timeout(400)
    times = hover(page, moves, 0)
    recolour = page.evaluate(
        "() => { const t = performance.now(); document.querySelector('[data-metric=probability]').click();"
        " return new Promise((r) => requestAnimationFrame(() => setTimeout(() => r(performance.now() - t)))); }"
    )
    nodes = page.evaluate("document.querySelectorAll('*').length")
    page.close()
    return sorted(ready)[1], times[len(times) // 2], times[int(0.95 * len(times))], recolour, nodes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--moves", type=int, default=120)
    options = parser.parse_args()
    print(
        f"{'tokens':>7} {'view s':>7} {'html s':>7} {'MB':>6} {'ready ms':>9} {'hover p50':>10} {'p95 ms':>7} {'recolour':>9} {'nodes':>6}"
    )
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=FLAGS)
        for n in (1_000, 10_000, 30_000):
            base = cases.trace(n)
            curve, forced = cases.curve(n, trace=base), cases.forced(n, trace=base)
            started = time.perf_counter()
            view = page_of([curve, forced])
            built = time.perf_counter()
            page = render_html(view)
            done = time.perf_counter()
            path = Path(folder) / f"{n}.html"
            path.write_text(page, encoding="utf-8")
            figures = measure(browser, path, options.moves)
            print(
                f"{n:>7,} {built - started:>7.2f} {done - built:>7.2f} {path.stat().st_size / 1e6:>6.2f} {figures[0]:>9.0f} "
                f"{figures[1]:>10.1f} {figures[2]:>7.1f} {figures[3]:>9.0f} {figures[4]:>6,}",
                flush=True,
            )
        browser.close()


if __name__ == "__main__":
    main()
