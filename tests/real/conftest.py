"""Leaves these tests out unless TOKENWORTH_REAL names the folder of the real model's GGUF file (``make test-real``).

Prints what they measured.
"""

import os

import pytest

collect_ignore_glob = [] if os.environ.get("TOKENWORTH_REAL") else ["test_*.py"]

MEASURED: list[str] = []


@pytest.fixture(scope="session")
def measured() -> list[str]:
    """Lines to be printed after the tests."""
    return MEASURED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in MEASURED:
        terminalreporter.write_line(line)
