"""What a dry run of a search foresees: without an outcome, between its first end and its last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.checkout import ROOT
from tests.helpers import PLAIN
from tests.methods.test_pivots import base, run, short
from tokenworth.backends.toy.forks import Forks
from tokenworth.cli.main import run as cli
from tokenworth.core.request.experiment import DrawsAhead, Foreseen
from tokenworth.methods.pivots.experiment import pivots
from tokenworth.methods.pivots.settings import PivotSettings


def forecasts(of: Forks, seed: int = 0, **choices: Any) -> list[tuple[int, DrawsAhead]]:
    """Before each batch: rollouts so far, and what is foreseen."""
    made = pivots(short(of), judge=of.judge, sampling=PLAIN, settings=PivotSettings(seed=seed, **choices), chosen="any")
    rng, found, drawn = np.random.default_rng([4, seed]), list[tuple[int, DrawsAhead]](), 0
    try:
        batch = next(made)
        while True:
            if isinstance(batch, Foreseen):
                assert batch.forecast is not None
                found.append((drawn, batch.forecast()))
                drawn += len(batch)
            batch = made.send(of.answer(batch, rng))
    except StopIteration:
        return found


@pytest.mark.parametrize("steps", [(), ((12, 0.35),), ((12, 0.22), (24, -0.15), (30, 0.12))])
def test_the_whole_run_lies_between_the_two_ends_that_are_foreseen(steps: tuple[tuple[int, float], ...]) -> None:
    of = base(*steps)
    result, foreseen = run(of), forecasts(of)
    assert len(foreseen) > 1
    for drawn, one in foreseen:
        assert drawn + one.least_rollouts <= result.n_rollouts <= drawn + one.most_rollouts
    first = foreseen[0][1]
    assert 0.8 * first.least_tokens <= result.generated_tokens <= 1.2 * first.most_tokens
    assert first.most_tokens < 0.1 * 10_000 * PLAIN.max_tokens, "the bound that a budget gives is of another order"


def test_it_follows_the_precision_that_is_asked_for_and_ends_with_the_budget() -> None:
    of = base((12, 0.35))
    wide, fine = (forecasts(of, delta=delta, max_rollouts=10**6)[0][1] for delta in (0.2, 0.1))
    assert fine.least_rollouts > 3 * wide.least_rollouts and fine.most_rollouts > 3 * wide.most_rollouts
    assert forecasts(of, max_rollouts=50)[0][1].most_rollouts == 50
    assert forecasts(of, max_tokens=500)[0][1].most_tokens <= 500


def test_the_command_says_what_it_needs_and_then_what_it_foresees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    toy = ["pivots", "--model", f"toy:{ROOT / 'examples' / 'toy.json'}", "--seed", "8", "--store", "x.db"]
    assert cli([*toy, "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "not what is expected" in told and "Foreseen" not in told
    assert cli([*toy, "--max-rollouts", "1"]) == 0
    capsys.readouterr()
    assert cli([*toy, "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "Foreseen: at least 204 rollouts" in told and "not what is expected" not in told
