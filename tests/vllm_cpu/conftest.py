"""Leaves these tests out unless TOKENWORTH_VLLM names the Python of an environment with vLLM (``make test-vllm``).

Prints what they measured.
"""

import os

import pytest

collect_ignore_glob = [] if os.environ.get("TOKENWORTH_VLLM") else ["test_*.py"]

MEASURED: list[str] = []


@pytest.fixture(scope="session")
def measured() -> list[str]:
    """Lines to be printed after the tests."""
    return MEASURED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in MEASURED:
        terminalreporter.write_line(line)
