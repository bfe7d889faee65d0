"""One Chromium for all browser tests, and pages that record everything a report must not do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.browser.waiting import until

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


def unavailable(reason: str) -> None:
    """Skips, or fails where everything is required."""
    if os.environ.get("TOKENWORTH_REQUIRE_ALL"):
        pytest.fail(f"browser tests are required: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def context(tmp_path_factory) -> Iterator[object]:
    path = os.environ.get("TOKENWORTH_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    if not Path(path).exists():
        unavailable(f"no chromium at {path}")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        unavailable("playwright is not installed")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"), executable_path=path, args=FLAGS, viewport={"width": 1280, "height": 900}
        )
        found.grant_permissions(["clipboard-read", "clipboard-write"])
        yield found
        found.close()


@dataclass
class Watch:
    """What a page asked for, threw and printed."""

    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def assert_quiet(self) -> None:
        assert self.errors == []
        assert [r for r in self.requests if not r.startswith(("file:", "data:", "blob:"))] == []


Open = Callable[..., object]


def processor_ms(session: Any) -> float:
    """Milliseconds of a processor that the page's main thread has taken so far: the same on a busy machine."""
    return 1000 * next(one["value"] for one in session.send("Performance.getMetrics")["metrics"] if one["name"] == "TaskDuration")


@pytest.fixture
def open_report(context, tmp_path) -> Iterator[Open]:
    """A function that writes a view as a page, opens it and waits until it is ready; checks at the end that it kept quiet."""
    from tokenworth.report.html import render_html

    pages: list[tuple[object, Watch]] = []

    def opened(view, place: str = "", *, width: int = 1280, height: int = 900):
        path = tmp_path / f"report-{len(pages)}.html"
        path.write_text(render_html(view), encoding="utf-8")
        page, watch = context.new_page(), Watch()
        pages.append((page, watch))
        page.on("request", lambda r: watch.requests.append(r.url))
        page.on("pageerror", lambda e: watch.errors.append(str(e)))
        page.on("console", lambda m: watch.errors.append(m.text) if m.type in {"error", "warning"} else None)
        page.add_init_script("document.addEventListener('securitypolicyviolation', (e) => console.error('CSP ' + e.violatedDirective))")
        session = context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.processor_ms = lambda: processor_ms(session)
        page.set_viewport_size({"width": width, "height": height})
        page.goto(path.as_uri() + place)
        until(page, "Boolean(window.__tw)")
        return page

    yield opened
    for page, watch in pages:
        # The theme is kept for every file.
        page.evaluate("localStorage.clear()")
        page.close()
        watch.assert_quiet()
