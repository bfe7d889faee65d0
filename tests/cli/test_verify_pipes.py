"""The verbs `verify` and `confusion` among other programs: standard input, pipes, and readers that leave."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.checkout import child_environment
from tokenworth.catalog import DOMAINS
from tokenworth.cli.main import run
from tokenworth.tasks.sources.files import json_records, text_lines

ROWS = [{"id": f"t{i}", "text": "ok = yes" if i % 3 else "bad = yes"} for i in range(500)]
DATA = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
LIMIT_S = 60


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(DOMAINS, "toy", "tests.laws.toy_domain:DOMAIN")
    monkeypatch.chdir(tmp_path)


_CHILD = """
import sys
from tokenworth.catalog import DOMAINS
DOMAINS["toy"] = "tests.laws.toy_domain:DOMAIN"
from tokenworth.cli.main import main
main()
"""


def child(*arguments: str, stdin: int, stdout: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _CHILD, *arguments]
    return subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, env=child_environment())


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line with a pipe as standard input that shows a byte at a time at first."""

    def call(data: bytes, *arguments: str) -> tuple[int, str, str]:
        reader, writer = os.pipe()
        kept = os.dup(0)
        os.dup2(reader, 0)
        os.close(reader)
        thread = threading.Thread(target=feed, args=(writer, data))
        thread.start()
        try:
            code = run(list(arguments))
        finally:
            os.dup2(kept, 0)
            os.close(kept)
            thread.join(LIMIT_S)
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return call


def feed(writer: int, data: bytes) -> None:
    with os.fdopen(writer, "wb", buffering=0) as pipe:
        for i in range(min(3, len(data))):
            pipe.write(data[i : i + 1])
        pipe.write(data[3:])


@pytest.mark.slow
@pytest.mark.parametrize("packed", [False, True])
def test_standard_input(piped: Callable[..., tuple[int, str, str]], packed: bool) -> None:
    Path("in.jsonl").write_bytes(DATA)
    assert run(["verify", "toy", "in.jsonl", "--json", "file.out"]) == 1
    code, out, err = piped(gzip.compress(DATA) if packed else DATA, "verify", "toy", "-", "--json", "-")
    assert code == 1 and out.encode() == Path("file.out").read_bytes() and "texts:  500" in err
    table = piped(b"", "confusion", "toy", "in.jsonl")[1]
    for data in (DATA, Path("file.out").read_bytes()):
        found = piped(gzip.compress(data) if packed else data, "confusion", "toy", "-")[1]
        # Above the tables stand the title and where they come from.
        assert found[found.index("toy · ") :] == table[table.index("toy · ") :] and "source /dev/stdin" in found


def test_names_and_faults_of_standard_input(piped: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = piped(b'{"text": "ok"}\n{"text": 5}\n', "verify", "toy", "-", "--json", "-")
    assert code == 2 and json.loads(out)["id"] == "stdin:1" and "/dev/stdin:2: expected id and text" in err
    code, out, err = piped(b"", "verify", "toy", "-")
    assert code == 2 and not out and "no records in -" in err
    code, out, err = piped(gzip.compress(DATA)[:40], "verify", "toy", "-")
    assert code == 2 and "/dev/stdin: the gzip file ends" in err


@pytest.mark.slow
def test_verdicts_come_line_by_line() -> None:
    """A verdict can be read before the next text is written: neither side waits for a buffer to fill."""
    made = child("verify", "toy", "-", "--json", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert made.stdin is not None and made.stdout is not None and made.stderr is not None
    late = threading.Timer(LIMIT_S, made.kill)
    late.start()
    try:
        for row in ROWS[:3]:
            made.stdin.write(json.dumps(row).encode() + b"\n")
            made.stdin.flush()
            assert json.loads(made.stdout.readline())["id"] == row["id"]
        made.stdin.close()
        assert made.stdout.read() == b"" and made.wait(LIMIT_S) == 1
    finally:
        late.cancel()
        made.kill()
        made.stderr.close()
        made.stdout.close()
        made.wait()


@pytest.mark.slow
def test_a_reader_that_leaves_ends_it_quietly() -> None:
    """Exit code 141, as a shell says of SIGPIPE: neither 1, which means invalid texts, nor a complaint."""
    Path("in.jsonl").write_bytes(DATA * 20)
    made = child("verify", "toy", "in.jsonl", "--json", "-", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert made.stdout is not None and made.stderr is not None
    with made.stderr:
        first = made.stdout.readline()
        made.stdout.close()
        assert json.loads(first)["id"] == "t0" and made.stderr.read() == b"" and made.wait(LIMIT_S) == 141


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("packed", [False, True])
def test_named_pipes(packed: bool) -> None:
    os.mkfifo("in.pipe")
    os.mkfifo("out.pipe")
    found: list[bytes] = []
    data = gzip.compress(DATA) if packed else DATA
    threads = [
        threading.Thread(target=lambda: Path("in.pipe").write_bytes(data)),
        threading.Thread(target=lambda: found.append(Path("out.pipe").read_bytes())),
    ]
    for thread in threads:
        thread.start()
    assert run(["verify", "toy", "in.pipe", "--json", "out.pipe"]) == 1
    for thread in threads:
        thread.join(LIMIT_S)
    assert [json.loads(line)["id"] for line in found[0].splitlines()] == [row["id"] for row in ROWS]


def test_what_is_read_is_never_written(piped: Callable[..., tuple[int, str, str]]) -> None:
    """Also where the shell opened the file: as standard input, or to append to it."""
    Path("in.jsonl").write_bytes(DATA)
    for redirected, arguments in ((0, ("-", "--json", "in.jsonl")), (1, ("in.jsonl", "--json", "-"))):
        kept, opened = os.dup(redirected), os.open("in.jsonl", os.O_RDWR | os.O_APPEND)
        os.dup2(opened, redirected)
        try:
            code = run(["verify", "toy", *arguments])
        finally:
            os.dup2(kept, redirected)
            os.close(kept)
            os.close(opened)
        assert code == 2 and Path("in.jsonl").read_bytes() == DATA
    assert "is both input and output; choose another" in piped(b"", "verify", "toy", "in.jsonl", "--json", "in.jsonl")[2]


def test_a_closed_standard_output_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in.jsonl").write_bytes(DATA)
    monkeypatch.setattr(sys, "stdout", None)
    assert run(["verify", "toy", "in.jsonl", "--json", "-"]) == 2
    assert "standard output is closed" in capsys.readouterr().err
    assert run(["verify", "toy", "in.jsonl", "--table"]) == 1


def test_records_and_lines_agree() -> None:
    """Good files give the same to both readers; only what is wrong is an item of one and ends the other."""
    Path("in.jsonl").write_bytes(b"\xef\xbb\xbf" + DATA + b"\n\r\n  \n" + DATA.rstrip())
    rows = [row for _, row in json_records(Path("in.jsonl"))]
    assert rows == ROWS * 2
    lines = list(io.StringIO((DATA + b"\n\r\n  \n" + DATA.rstrip()).decode(), newline="\n"))
    assert [line for _, line in text_lines(Path("in.jsonl"))] == lines
    assert [where for where, _ in json_records(Path("in.jsonl"))][-1] == f"in.jsonl:{len(lines)}"
