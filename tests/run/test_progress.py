"""The progress line: what it tells of local and of metered backends, within its width."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from tokenworth.core.ports import Spent
from tokenworth.run.progress import BatchProgress, Finished, Left, ManyProgress, RunCounts
from tokenworth.workbench.progress import WIDTH, ProgressLine, compact, duration

SPENT = Spent(requests=12, retried=3, errors=1, tokens_read=123_456, tokens_cached=98_765, tokens_generated=4_500, money=0.01234)


LEFT = Left(seconds=30.0, at_most=False)


def lines(*events: BatchProgress | ManyProgress | Finished) -> list[str]:
    stream = io.StringIO()
    line = ProgressLine("curve", stream, every_s=0.0)
    for event in events:
        line(event)
    return stream.getvalue().splitlines()


def progress(spent: Spent | None, *, done: int = 12, total: int = 48, seconds: float = 10.0, left: Left | None = None) -> BatchProgress:
    return BatchProgress(batch=0, done=done, total=total, tokens=4_500, seconds=seconds, spent=spent, left=left)


def test_a_metered_backend_is_told_in_one_line() -> None:
    (line,) = lines(progress(SPENT, left=LEFT))
    assert line == "curve: 12/48 requests, 123k tokens in, 4.50k out, 30 s left, cost 0.01234, 1 error, 3 retried"
    calm = Spent(requests=12, tokens_read=1_000, tokens_cached=900, tokens_generated=10, money=None)
    (line,) = lines(progress(calm, left=LEFT))
    assert line == "curve: 12/48 requests, 1.00k tokens in, 10 out, 30 s left, 900 cached, 450 tokens/s"


def test_the_end_of_a_metered_run() -> None:
    counts = RunCounts(batches=2, requests=50, drawn=48, reused=2)
    (line,) = lines(Finished(counts=counts, seconds=100.0, spent=SPENT))
    assert line == "curve: 48 drawn, 2 reused, 1:40 min, 123k tokens in, 4.50k out, cost 0.01234, 1 error, 3 retried"
    assert len(line) < WIDTH <= len(line + ", 98.8k cached"), "what matters least is left out"


@pytest.mark.parametrize("scale", [1, 10**3, 10**6, 10**9])
def test_no_line_is_longer_than_its_width(scale: int) -> None:
    spent = Spent(
        retried=97 * scale, errors=scale, tokens_read=98_765 * scale, tokens_cached=scale, tokens_generated=999 * scale, money=1.23 * scale
    )
    counts = RunCounts(drawn=10**7, reused=10**7)
    for line in lines(
        progress(spent, done=4_000 * scale, total=4_096 * scale, seconds=1e6), Finished(counts=counts, seconds=1e6, spent=spent)
    ):
        assert len(line) < WIDTH and "tokens in" in line


def test_local_runs_say_when_the_batch_ends() -> None:
    assert lines(progress(None)) == ["curve: batch 1, 12/48 requests, 4,500 tokens, batch ends in 30 s, 450 tokens/s"]


def test_the_time_left_of_the_whole_run_is_said_where_it_is_known() -> None:
    bound = Left(seconds=125.0, at_most=True)
    assert lines(progress(None, left=bound)) == ["curve: batch 1, 12/48 requests, 4,500 tokens, ≤ 2:05 min left, 450 tokens/s"]
    many = ManyProgress(ended=2, total=9, tokens=4_500, seconds=10.0, left=bound)
    assert lines(many) == ["curve: 2 of 9 problems done, ≤ 2:05 min left, 4.50k tokens, 450 tokens/s"]
    assert lines(replace(many, left=None)) == ["curve: 2 of 9 problems done, 4.50k tokens, 450 tokens/s"]


def test_numbers_are_short() -> None:
    assert [compact(n) for n in (0, 999, 1_000, 12_345, 999_700, 1_234_567, 5e9)] == [
        "0",
        "999",
        "1.00k",
        "12.3k",
        "1.00M",
        "1.23M",
        "5.00G",
    ]
    assert [duration(s) for s in (0.4, 59.4, 60, 125, 11_400)] == ["0 s", "59 s", "1:00 min", "2:05 min", "3:10 h"]
