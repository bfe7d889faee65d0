"""The verb `serve-model`, and a GGUF file as a run's model."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tokenworth.cli.main import run

TOKENWORTH = (sys.executable, "-m", "tokenworth")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--port", "70000"], "--port 70000: expected 0 to 65535"),
        (["--slots", "0"], "--slots 0: expected at least 1"),
        (["--port", "TAKEN"], "cannot be had"),
        (["none.gguf"], "Got unexpected extra argument"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(options: list[str], told: str, tiny_gguf: Path, capsys: pytest.CaptureFixture[str]):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = [str(taken.getsockname()[1]) if one == "TAKEN" else one for one in options]
        assert run(["serve-model", str(tiny_gguf), *words]) == 2
    said = capsys.readouterr().err
    assert told in said and said.count("\n") == 1


def test_it_serves_until_it_is_stopped(tiny_gguf: Path):
    child = subprocess.Popen(
        [*TOKENWORTH, "serve-model", str(tiny_gguf), "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline().startswith("http://127.0.0.1:")
    os.kill(child.pid, signal.SIGINT)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 130
    assert [line for line in errors.splitlines() if line] == [f"16 slots of 512 tokens; runs need --tokenizer {tiny_gguf}", "stopped"]


def test_a_run_goes_on_from_its_store_wherever_the_file_is(tiny_gguf: Path, tmp_path: Path):
    moved = tmp_path / "moved.gguf"
    moved.write_bytes(tiny_gguf.read_bytes())
    words = ["sample", "--task", "world:steps", "--item", "3-4", "--format", "tiny", "--limit", "40", "--store", str(tmp_path / "run.db")]
    counts: list[tuple[int, int]] = []
    for file, n in ((tiny_gguf, 3), (moved, 5), (moved, 5)):
        done = subprocess.run(
            [*TOKENWORTH, *words, "--model", f"gguf:{file}", "--samples", str(n), "--json", str(tmp_path / "{item}.json")],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert not [line for line in done.stderr.splitlines() if "llama" in line or "ggml" in line]
        made = [json.loads(path.read_text())["provenance"] for path in sorted(tmp_path.glob("*.json"))]
        counts.append((sum(one["drawn"] for one in made), sum(one["reused"] for one in made)))
    assert counts == [(6, 0), (4, 6), (0, 10)]
