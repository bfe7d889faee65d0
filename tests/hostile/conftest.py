"""A good store, of which hostile ones are made."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.helpers import LADDER


@pytest.fixture(autouse=True, scope="session")
def _interrupts() -> None:
    """Children of a shell's background process ignore Ctrl-C; these must not."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an automaton ``toy.json``, a store ``run.db`` of 100 rollouts of it, and its result ``curve.json``."""
    from tokenworth.cli.main import run

    folder = tmp_path_factory.mktemp("good")
    (folder / "toy.json").write_text(json.dumps(LADDER))
    toy = f"toy:{folder / 'toy.json'}"
    command = ["curve", "--model", toy, "--seed", "8", "--max-rollouts", "100", "--store", f"{folder}/run.db"]
    assert run([*command, "--json", f"{folder}/curve.json"]) == 0
    return folder
