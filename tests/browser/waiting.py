"""Waiting on a page whose policy forbids evaluated strings, which the driver's own waiting uses."""

from __future__ import annotations

import time


def until(page, expression: str, arg: object = None, seconds: float = 20.0) -> None:
    """Returns once a JavaScript expression (or function of ``arg``) is truthy on the page."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression, arg):
        assert time.monotonic() < end, f"not true within {seconds} s: {expression}"
        page.wait_for_timeout(15)
