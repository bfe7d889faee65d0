"""Hostile files for every reader: devices, pipes, bombs, numbers and keys; one line each, soon and in little memory."""

from __future__ import annotations

import gzip
import json
import os
import socket
import threading
from pathlib import Path

import pytest

from tests.hostile.bounded import bounded
from tokenworth.errors import InvalidInput
from tokenworth.store.documents import parse_document
from tokenworth.tasks.sources.files import json_records, text_lines

READERS: dict[str, list[str]] = {
    "report": ["report", "FILE"],
    "export": ["export", "FILE", "--out", "x.json"],
    "import": ["import", "FILE"],
    "verify": ["verify", "maze", "FILE"],
    "confusion": ["confusion", "maze", "FILE"],
    "replay": ["replay", "maze", "FILE"],
    "first-errors": ["first-errors", "FILE"],
    "runs": ["runs", "--store", "FILE"],
    "a store": ["curve", "--model", "toy:toy.json", "--store", "FILE"],
    "a configuration": ["runs", "--store", "run.db", "--config", "FILE"],
    "trace ids": ["curve", "--model", "toy:toy.json", "--trace-ids", "FILE"],
    "an automaton": ["curve", "--model", "toy:FILE"],
    "prices": ["curve", "--model", "http://127.0.0.1:9/v1#m", "--prices", "FILE", "--max-usd", "1", "--task", "world:steps"],
    "a key": ["curve", "--model", "http://127.0.0.1:9/v1#m", "--api-key-file", "FILE", "--task", "world:steps", "--retry-for", "1"],
    "native": ["sample", "--task", "jsonl:FILE"],
    "mmlu": ["sample", "--task", "mmlu:FILE"],
    "mmlu-pro": ["sample", "--task", "mmlu-pro:FILE"],
    "gsm8k": ["sample", "--task", "gsm8k:FILE"],
    "math": ["sample", "--task", "math:FILE"],
}


def _calls(file: str) -> list[list[str]]:
    return [[word.replace("FILE", file) for word in words] for words in READERS.values()]


@pytest.fixture
def folder(good: Path, tmp_path: Path) -> Path:
    for name in ("toy.json", "run.db"):
        (tmp_path / name).write_bytes((good / name).read_bytes())
    return tmp_path


def _refused(calls: list[list[str]], folder: Path) -> None:
    for words, ended in zip(calls, bounded(calls, folder), strict=True):
        assert ended.one_line and ended.cpu_s < 5, words


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom", "/dev/full"])
def test_devices(folder: Path, device: str) -> None:
    if not Path(device).exists():
        pytest.skip(f"no {device}")
    (folder / "link.json").symlink_to(device)
    (folder / "link.db").symlink_to(device)
    _refused([*_calls(device), ["report", "link.json"], ["export", "link.db", "--out", "x.json"]], folder)


def test_pipes_that_nobody_writes_to(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    calls = [
        call for name, call in zip(READERS, _calls("pipe"), strict=True) if name in ("report", "verify", "native", "runs", "an automaton")
    ]
    for words, ended in zip(calls, bounded(calls, folder), strict=True):
        assert "nothing writes to this pipe" in ended.one_line, words


def test_a_pipe_that_is_written_to_late_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Timer(0.3, lambda: pipe.write_text('{"a": 1}\n{"a": 2}\n'))
    writer.start()
    assert [row for _, row in json_records(pipe)] == [{"a": 1}, {"a": 2}]
    writer.join()


def test_sockets_folders_and_names_that_no_file_has(folder: Path) -> None:
    name = str(folder / "socket")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(name)
        _refused(_calls(name), folder)
    for bad in ("x" * 5000, "a/" * 3000 + "b", "toy.json/b", "nul\0byte"):
        _refused(_calls(bad), folder)


def test_lines_without_a_record(folder: Path) -> None:
    lines = {"blank": b"\n", "spaces": b" \t \r\n", "bad": b"x\n", "lists": b"[]\n", "objects": b"{}\n", "bytes": b"\xff" * 999 + b"\n"}
    lines |= {"long": b" " * (2**20 - 1) + b"\n", "one": b" " * 2**20}
    for name, line in lines.items():
        with gzip.open(folder / f"{name}.jsonl.gz", "wb") as file:
            for _ in range(1000 if len(line) == 2**20 else 64):
                file.write(line * (2**20 // len(line)))
    calls: list[list[str]] = []
    for name in lines:
        calls += [call for reader, call in zip(READERS, _calls(f"{name}.jsonl.gz"), strict=True) if reader != "a key"]
    for words, ended in zip(calls, bounded(calls, folder), strict=True):
        assert ended.code == 2 and ended.err.count("\n") <= 25 and "Traceback" not in ended.err and ended.cpu_s < 5, (words, ended)


def test_packed_files_that_unpack_to_much(folder: Path) -> None:
    with gzip.open(folder / "zeros.html.gz", "wb") as file:
        for _ in range(300):
            file.write(b" " * 2**20)
    with gzip.open(folder / "one-line.jsonl.gz", "wb") as file:
        file.write(b'{"id": "')
        for _ in range(100):
            file.write(b"a" * 2**20)
    calls = [["import", "zeros.html.gz", "--layout", "exit-page"]]
    calls += [["verify", "maze", "one-line.jsonl.gz"], ["sample", "--task", "jsonl:one-line.jsonl.gz"], ["import", "one-line.jsonl.gz"]]
    for words, ended in zip(calls, bounded(calls, folder, room=700 << 20), strict=True):
        assert ended.one_line, words


def test_whole_numbers_that_no_float_holds(good: Path, folder: Path) -> None:
    """Wherever a document has a whole number, as in the first of each list."""
    document = json.loads((good / "curve.json").read_text())
    places: list[tuple[object, ...]] = []

    def look(value: object, place: tuple[object, ...]) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                look(item, (*place, key))
        elif isinstance(value, list):
            for number, item in enumerate(value[:1]):
                look(item, (*place, number))
        elif isinstance(value, int) and not isinstance(value, bool):
            places.append(place)

    look(document, ())
    assert len(places) > 15
    calls: list[list[str]] = []
    for number, (*parents, last) in enumerate(places):
        for large in (2**53, 2**63, -(2**63) - 1, 10**30):
            changed = json.loads(json.dumps(document))
            inner = changed
            for step in parents:
                inner = inner[step]
            inner[last] = large
            (folder / f"{number}-{large}.json").write_text(json.dumps(changed))
            calls.append(["report", f"{number}-{large}.json", "--text"])
    for words, ended in zip(calls, bounded(calls, folder), strict=True):
        assert "too large" in ended.one_line or "document" in ended.err or "fit schema" in ended.err, words


def test_large_numbers_that_are_held_end_soon(good: Path, folder: Path) -> None:
    """A report of a document that contradicts itself takes no time or memory in proportion to a number in it."""
    document = json.loads((good / "curve.json").read_text())
    calls: list[list[str]] = []
    for key in ("n_started", "cuts", "rollouts", "generated_tokens", "seed"):
        large = 2**53 - 1
        changed = document | {key: [large, *document[key][1:]] if isinstance(document[key], list) else large}
        (folder / f"{key}.json").write_text(json.dumps(changed))
        calls += [
            ["report", f"{key}.json", "--text"],
            ["report", f"{key}.json", "-o", "x.html"],
            ["export", f"{key}.json", "--out", "x.csv"],
        ]
    for words, ended in zip(calls, bounded(calls, folder), strict=True):
        assert ended.code in (0, 2) and "Traceback" not in ended.err and ended.cpu_s < 10, words


def test_keys_that_stand_twice(good: Path) -> None:
    text = (good / "curve.json").read_text().rstrip()
    for changed in (text[:-1] + ', "seed": 9}', text.replace('"model":{', '"model":{"name":"x",', 1)):
        with pytest.raises(InvalidInput, match="stands twice in one object"):
            parse_document(changed.encode(), "x.json")
    parse_document(text.encode(), "x.json")
    large = text.replace('"sampling"', '"sampling"', 1)
    assert large == text


def test_values_in_proportion_to_the_file(folder: Path) -> None:
    """Deep and wide JSON in each reader of whole documents."""
    (folder / "deep.json").write_text("[" * 10**6)
    (folder / "deep-object.json").write_text('{"a":' * 10**6)
    (folder / "wide.json").write_text('{"schema":"tokenworth.curve/1","more":[' + "[]," * 10**6 + "[]]}")
    (folder / "digits.json").write_text('{"schema":"tokenworth.curve/1","seed":' + "9" * 10**6 + "}")
    calls = [["report", f"{name}.json"] for name in ("deep", "deep-object", "wide", "digits")]
    calls += [["curve", "--model", f"toy:{name}.json"] for name in ("deep", "deep-object", "wide", "digits")]
    calls += [["curve", "--model", "toy:toy.json", "--trace-ids", f"{name}.json"] for name in ("deep", "deep-object", "digits")]
    _refused(calls, folder)


def test_a_hundred_thousand_blank_lines_are_too_many(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text("\n" * 99_000 + '{"a": 1}\n' + "\n" * 99_000 + '{"a": 2}\n')
    assert [row for _, row in json_records(file)] == [{"a": 1}, {"a": 2}]
    file.write_text("a\n" + "\n" * 100_001 + "b\n")
    with pytest.raises(InvalidInput, match="100,000 lines in a row without text"):
        list(text_lines(file))
