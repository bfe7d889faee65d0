"""A base trace that is given: as ids, as text, or from a file of an earlier run, ours or another tool's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tokenworth.errors import InvalidInput, MismatchError, MissingFile
from tokenworth.store.documents import document_json
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.choices import BaseSettings
from tokenworth.workbench.given import given_ids

TRACE, ANSWER = "Start with 7. 7 minus 4 is 3. So it is 3.", "</think> The answer is (A)."


@pytest.fixture(scope="module")
def bench() -> Any:
    pytest.importorskip("torch")
    with Workbench("tiny") as made:
        yield made


@pytest.fixture
def give(bench: Workbench, tmp_path: Path) -> Any:
    """(text of a file, number, how it is given) -> the text of the ids that come of it."""

    def call(text: str | bytes, *, how: str = "trace_from", number: int | None = None, item: int = 3) -> str:
        path = tmp_path / "file"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        name = str(path) if number is None else f"{path}#{number}"
        ids = given_ids(BaseSettings(**{how: name}), bench.case("world:steps", item).subject(), bench.model)
        return bench.model.codec.decode(ids)

    return call


def test_a_text_is_tokenised_with_its_close_marker(bench: Workbench, give: Any) -> None:
    assert give(TRACE + ANSWER, how="trace") == TRACE + ANSWER
    assert give("<think>" + TRACE + ANSWER, how="trace") in (TRACE + ANSWER, "<think>" + TRACE + ANSWER)
    subject = bench.case("world:steps", 3).subject()
    assert subject.close is not None and subject.codec.encode(ANSWER)[: len(subject.close)] == subject.close
    with pytest.raises(InvalidInput, match="empty"):
        give("", how="trace")


def test_a_text_that_does_not_come_back_is_refused(bench: Workbench, give: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = type(bench.model.codec).encode
    monkeypatch.setattr(type(bench.model.codec), "encode", lambda self, text: plain(self, text.replace("So", "so")))
    with pytest.raises(InvalidInput, match=r"another text back at character 30, 'so it is 3"):
        give(TRACE, how="trace")


def test_traces_of_our_own_results(bench: Workbench, give: Any) -> None:
    case = bench.case("world:steps", 3)
    measured = case.sample(3)
    texts = [bench.model.codec.decode(one.ids) for one in measured.result.rollouts]
    whole = document_json(measured.document)
    assert [give(whole, number=n) for n in range(3)] == texts and give(whole) == texts[0]
    curve = case.curve(measured.trace(1), max_rollouts=8).document
    assert give(document_json(curve)) == texts[1]
    with pytest.raises(InvalidInput, match="no trace 3"):
        give(whole, number=3)
    with pytest.raises(MismatchError, match="another prompt"):
        give(whole, item=4)
    # Of another model only the text is taken.
    assert give(document_json(replace(curve, model=replace(curve.model, fingerprint="other"))), item=4) == texts[1]


def test_answers_that_other_tools_kept(give: Any) -> None:
    lines = "".join(json.dumps({"doc_id": i, "resps": [[f"{TRACE}{i}{ANSWER}"]]}) + "\n" for i in range(3))
    assert give(lines, number=2) == f"{TRACE}2{ANSWER}"
    block = [{"type": "reasoning", "reasoning": TRACE}, {"type": "text", "text": ANSWER.removeprefix("</think>")}]
    log = {"version": 2, "samples": [{"output": {"choices": [{"message": {"content": content}}]}} for content in (TRACE + ANSWER, block)]}
    assert give(json.dumps(log)) == TRACE + ANSWER
    assert give(json.dumps(log), number=1).removeprefix("<think>") == TRACE + ANSWER


@pytest.mark.parametrize(("text", "said"), [
    ("", "no trace 0"), ("{}", "no trace 0"), ("[]", "no trace 0"), ("not JSON", "file:1: "), ('{"resps": [[]]}', "no trace 0"),
    ('{"samples": [3]}', "sample 0: no text"), ('{"schema": "tokenworth.curve/99"}', "schema"), (b"\xff\xfe", "cannot be read"),
])  # fmt: skip
def test_files_without_a_trace(give: Any, text: str, said: str) -> None:
    with pytest.raises((InvalidInput, MismatchError), match=said):
        give(text)


def test_one_way_at_a_time() -> None:
    with pytest.raises(InvalidInput, match="leave one out"):
        BaseSettings(trace="a", trace_from="b")


def test_a_missing_file(bench: Workbench) -> None:
    subject = bench.case("world:steps", 3).subject()
    for how in ("trace", "trace_ids", "trace_from"):
        with pytest.raises(MissingFile):
            given_ids(BaseSettings(**{how: "nowhere"}), subject, bench.model)  # type: ignore[arg-type]


def test_a_curve_of_a_given_text(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "trace.txt").write_text(TRACE + ANSWER)
    (ended,) = bench.measure("curve", "world:steps", "3", base=BaseSettings(trace=str(tmp_path / "trace.txt")), max_rollouts=8)
    document: Any = ended.document
    assert ended.error is None and "".join(document.trace.pieces) == TRACE
