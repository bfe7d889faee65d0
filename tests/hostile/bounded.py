"""A process in which each of several calls may map only so much more memory; it says what each took.

Run as a program: ``python -m tests.hostile.bounded`` reads a JSON list of calls from standard input and writes a line of JSON for each. A
call is a command line, or ``["render", FOLDER, TEXT]``: the prompt of a text with the tokenizer files of a folder.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.checkout import child_environment

ROOM = 500 << 20
"""Bytes that a call may map beyond what is mapped before it."""
CPU_S = 30.0
"""Processor time of a call, its guarded process not counted; most take less than one second."""
LATE_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a call ended."""

    code: int
    out: str
    err: str
    cpu_s: float
    peak_mib: float
    """Most memory resident in this process so far, or in one that it started."""

    @property
    def one_line(self) -> str:
        """The one line of error that a refusal is."""
        assert self.code == 2 and self.err.count("\n") == 1 and "Traceback" not in self.err, self
        assert self.cpu_s < CPU_S, self
        return self.err


def bounded(calls: list[list[str]], folder: Path, room: int = ROOM) -> list[Ended]:
    """How each call ended, run one after the other in one process in a folder."""
    command = [sys.executable, "-m", "tests.hostile.bounded", str(room)]
    done = subprocess.run(
        command, input=json.dumps(calls), cwd=folder, env=child_environment(), capture_output=True, text=True, timeout=LATE_S, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [Ended(**json.loads(line)) for line in done.stdout.splitlines()]


def _call(words: list[str]) -> int:
    if words[0] == "render":
        from tokenworth.backends.tokenizer.files import load_tokenizer
        from tokenworth.backends.tokenizer.prompt import render_prompt
        from tokenworth.errors import TokenworthError

        try:
            print(render_prompt(load_tokenizer(words[1]), words[2])[0])
        except TokenworthError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        return 0
    from tokenworth.cli.main import run

    return run(words)


def _own_peak() -> float:
    """Most memory of this process, in MiB; what getrusage says counts the process that started it."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024


def main() -> None:
    room = int(sys.argv[1])
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    answers = sys.stdout
    for words in json.load(sys.stdin):
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        out, err = io.StringIO(), io.StringIO()
        began = time.process_time()
        resource.setrlimit(resource.RLIMIT_AS, (mapped + room, hard))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = _call(words)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
        peak = max(_own_peak(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
        ended = {"code": code, "out": out.getvalue(), "err": err.getvalue(), "cpu_s": time.process_time() - began, "peak_mib": peak}
        print(json.dumps(ended), file=answers, flush=True)


if __name__ == "__main__":
    main()
