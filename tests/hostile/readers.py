"""Everything that reads what somebody else wrote, as a function of bytes, with good inputs of each kind.

Nothing here is a test: `fuzzing` damages the inputs and calls the readers.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tests.helpers import LADDER
from tokenworth import catalog
from tokenworth.tasks.domains import domain_named

SHARED = Path(os.environ.get("TOKENWORTH_SHARED", "/nowhere"))
"""Real data; more seeds where it is."""
_SEEDS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """``seeds``: good inputs. ``read``: takes one input; raises TokenworthError for what it refuses. ``share``: of the inputs."""

    seeds: Callable[[], list[bytes]]
    read: Callable[[bytes, Path], object]
    share: float = 1.0


def lines(*parts: str) -> list[bytes]:
    """The first lines of a file of real data, none where it is not here."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        return []
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:  # type: ignore[operator]
        return [line for _, line in zip(range(_SEEDS), file, strict=False) if len(line) < 1 << 16]


# -- formal texts -----------------------------------------------------------------------------------------------------------------------


def _record(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


@cache
def mazes() -> list[bytes]:
    """Solved mazes."""
    maze = domain_named("maze")
    assert maze.task is not None and maze.solve is not None
    made = [maze.solve(maze.task("searchformer/5").problem(number)) for number in range(_SEEDS)]
    return [_record(id=f"m{i}", prompt=one.prompt, trace=one.trace) for i, one in enumerate(made)]


@cache
def levels() -> list[bytes]:
    """Solved levels of Sokoban."""
    from tests.tasks.sokoban_levels import random_level
    from tests.tasks.sokoban_search import solve

    draw = np.random.default_rng(5)
    found = [solve(random_level(seed, cols=6, rows=6, boxes=1, walls=seed % 4), draw) for seed in range(60)]
    return [_record(id=f"s{i}", prompt=one.prompt, trace=one.trace_text()) for i, one in enumerate(found) if one is not None][:_SEEDS]


@cache
def searches() -> list[bytes]:
    """Searches of Countdown."""
    from tests.tasks.countdown_search import Solver, write_search
    from tokenworth.tasks.countdown.instance import Puzzle

    draw = np.random.default_rng(6)
    made: list[bytes] = []
    for number in range(_SEEDS):
        puzzle = Puzzle(target=int(draw.integers(10, 60)), numbers=tuple(int(x) for x in draw.integers(1, 20, 3 + number % 2)))
        trace = write_search(puzzle, Solver(heuristic="sum"), draw)
        made.append(_record(id=f"c{number}", target=puzzle.target, nums=puzzle.numbers, text=trace[: 1 << 15]))
    return made + lines("formal-sos", "sos-qwen2.5-0.5b.jsonl.gz") + lines("formal-sos", "sos-symbolic-search.jsonl.gz")


@cache
def towers() -> list[bytes]:
    """Plans of Blocksworld."""
    from tests.tasks.blocks_cases import PLAN, PROMPT

    words = PLAN.split("\n")
    made = [_record(id=f"b{i}", prompt=PROMPT, trace="\n".join(words[: len(words) - i % 3])) for i in range(6)]
    return made + lines("planbench", "r1-blocksworld3-zero-shot.jsonl.gz")


TEXTS: dict[str, Callable[[], list[bytes]]] = {"maze": mazes, "sokoban": levels, "countdown": searches, "blocksworld": towers}


def _about() -> Any:
    from tokenworth.core.document import About, Provenance

    return About(provenance=Provenance(version="0", source="x"))


def _records(data: bytes) -> Iterator[tuple[str, object]]:
    from tokenworth.errors import InvalidInput
    from tokenworth.tasks.sources.odd_json import odd_object

    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            try:
                record = odd_object(line.decode())
            except ValueError as error:
                raise InvalidInput(" ".join(str(error).split())) from error
            # As `json_records` does.
            yield f"x:{number}", record if isinstance(record, dict) else InvalidInput("not an object")


def _judge(measure: str, domain: str, dialect: str, data: bytes, folder: Path) -> object:
    """One pass over the records, with its document, or its lines, and what is printed of it."""
    del folder
    from tokenworth.report.page import page_of
    from tokenworth.report.text import render_text

    found = catalog.load(catalog.MEASURES, "measure", measure)
    fold = found.run.fold(found.settings(domain=domain, dialect=dialect))
    for where, record in _records(data):
        fold.add(where, record)
    document = fold.document(_about())
    list(fold.summary())
    return render_text(page_of([document])) if measure == "confusion" else document


def _draw(domain: str, dialect: str, data: bytes, folder: Path) -> object:
    del folder
    known = domain_named(domain)
    for where, record in _records(data):
        if isinstance(record, dict):
            known.draw(known.read(record, where), dialect)
    return None


def _loops() -> list[bytes]:
    from tests.tasks.blocks_cases import PLAN, PROMPT

    one = _record(id="a", prompt=PROMPT, steps=[{"plan": PLAN, "verdict": True}, {"plan": "(pick-up c)", "verdict": False}])
    return [one, *lines("planbench", "o1preview-blocksworld-hard-llm-modulo-loop.jsonl.gz")]


# -- documents --------------------------------------------------------------------------------------------------------------------------


@cache
def documents() -> dict[str, bytes]:
    """A result of every measure that the tests have one of."""
    from tests.core.document_cases import CURVE, FORCED, SAMPLES
    from tests.methods import tabled_cases as tabled
    from tests.report.formal_cases import mixed
    from tokenworth.store.documents import document_json

    made = {"curve": CURVE, "forced": FORCED, "sample": SAMPLES, "verified": mixed(12), "first-errors": tabled.first_errors()}
    made |= {
        "replay": tabled.replay(),
        "audit": tabled.audit(),
        "pivots": tabled.pivots("a", "b"),
        "prevalence": tabled.prevalence("a", "b"),
    }
    facts = {"edits": tabled.edits(), "modulo": tabled.modulo()}
    return {name: document_json(one) for name, one in made.items()} | {name: json.dumps(one).encode() for name, one in facts.items()}


def _document(data: bytes, folder: Path) -> object:
    from tokenworth.store.documents import document_json, parse_document

    del folder
    return document_json(parse_document(data, "x.json"))


def _page(data: bytes, folder: Path) -> object:
    from tokenworth.report.html import render_html
    from tokenworth.report.page import page_of
    from tokenworth.report.text import render_text
    from tokenworth.store.documents import parse_document

    del folder
    page = page_of([parse_document(data, "x.json")])
    return render_text(page), render_html(page)


# -- stores and responses ---------------------------------------------------------------------------------------------------------------


@cache
def _good_store() -> bytes:
    import tempfile

    from tokenworth.cli.main import run

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "toy.json").write_text(json.dumps(LADDER))
        words = ["curve", "--model", f"toy:{folder}/toy.json", "--seed", "8", "--max-rollouts", "60", "--store", f"{folder}/run.db"]
        assert run([*words, "--json", f"{folder}/curve.json"]) == 0
        return (Path(folder) / "run.db").read_bytes()


def _store(data: bytes, folder: Path) -> object:
    from tokenworth.cli.files import stored_documents
    from tokenworth.store.sqlite import open_existing

    for end in ("-wal", "-shm"):
        (folder / f"x.db{end}").unlink(missing_ok=True)
    path = folder / "x.db"
    path.write_bytes(data)
    with open_existing(path) as store:
        store.runs()
        keys = [row[0].hex() for row in store._database.ask("SELECT key FROM responses LIMIT 100") if isinstance(row[0], bytes)]
        store.get([key for key in keys if len(key) == 64])
    return stored_documents(path)


def _payloads() -> list[bytes]:
    from tests.laws.store import PAIRS
    from tokenworth.store.codec import encode_response

    return [encode_response(response) for _, response in PAIRS]


def _payload(data: bytes, folder: Path) -> object:
    import zlib

    from tokenworth.store.codec import decode_response

    del folder
    # The checksum keeps accidents out, not attackers.
    return decode_response("00" * 32, data[:-4] + zlib.crc32(data[:-4]).to_bytes(4, "little"))


# -- automata, configurations, ids, prices, problems -----------------------------------------------------------------------------------


def _written(data: bytes, folder: Path, name: str) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def _automaton(data: bytes, folder: Path) -> object:
    from tokenworth.backends.toy.backend import ToyBackend, load_toy

    return ToyBackend(load_toy(_written(data, folder, "toy.json")))


_CONFIG = (
    b'samples = 3\nseed = 8\nmodel = "toy:toy.json"\ntemperature = 0.5\n'
    + b'[curve]\nmax-rollouts = 20\ntarget = "gold"\n[sample]\nsamples = 2\n'
)


def _config(data: bytes, folder: Path) -> object:
    import click

    from tokenworth.cli.main import cli
    from tokenworth.errors import InvalidInput

    path = str(_written(data, folder, "x.toml"))
    try:
        with cli.make_context("tokenworth", ["curve"]) as context:
            command = cli.get_command(context, "curve")
            assert command is not None
            with command.make_context("curve", ["--config", path], parent=context):
                return None
    except click.ClickException as error:
        raise InvalidInput(" ".join(error.format_message().split())) from error


def _ids(data: bytes, folder: Path) -> object:
    from tokenworth.workbench.given import read_ids

    return read_ids(str(_written(data, folder, "ids.json")))


_PRICES = b'currency = "USD"\n[models."m"]\ninput = 0.1\ncached_input = 0.01\noutput = 1.5\n'


def _prices(data: bytes, folder: Path) -> object:
    from tokenworth.run.prices import load_prices

    return load_prices(_written(data, folder, "prices.toml"))


def _task(kind: str, data: bytes, folder: Path) -> object:
    from tokenworth.tasks.load import load_task

    return list(load_task(f"{kind}:{_written(data, folder, 'problems.dat')}"))


def _tasks(kind: str) -> list[bytes]:
    from tests.importers.test_fuzz_readers import TASKS

    return [TASKS[kind], gzip.compress(TASKS[kind], mtime=0)]


def _imported(layout: str, file: str, data: bytes, folder: Path) -> object:
    from tokenworth.importers.importer import import_path
    from tokenworth.store.documents import document_json

    return [document_json(one) for one in import_path(_written(data, folder, file), layout=layout)]


def _import_seeds(name: str) -> list[bytes]:
    from tests.importers.test_fuzz_readers import FILES

    return [FILES[name][2], gzip.compress(FILES[name][2], mtime=0)]


def _anchors(file: str, data: bytes, folder: Path) -> object:
    from tests.importers.test_fuzz_readers import ANCHORS
    from tokenworth.importers.importer import import_path
    from tokenworth.store.documents import document_json

    inside = folder / "anchors"
    inside.mkdir(exist_ok=True)
    for name, value in ANCHORS.items():
        (inside / name).write_text(json.dumps(value))
    (inside / file).write_bytes(data)
    return [document_json(one) for one in import_path(inside)]


def _tree_seed(file: str) -> list[bytes]:
    from tests.importers.peer_cases import TREE

    return [json.dumps(TREE[file]).encode()]


def _tree(file: str, data: bytes, folder: Path) -> object:
    from tests.importers.peer_cases import TREE, written
    from tokenworth.importers.importer import import_path
    from tokenworth.store.documents import document_json

    inside = written(folder / "tree", TREE)
    (inside / file).write_bytes(data)
    return [document_json(one) for one in import_path(inside)]


# -- replies of servers, graders, templates --------------------------------------------------------------------------------------------


def _openai_seeds() -> list[bytes]:
    place = {"tokens": ["a", "b"], "token_logprobs": [-0.1, -0.2], "top_logprobs": [{"a": -0.1, "c": -3.0}, {"b": -0.2}]}
    content = [{"token": "a", "logprob": -0.1, "top_logprobs": [{"token": "a", "logprob": -0.1}, {"token": "b", "logprob": -2.0}]}]
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}}
    made = [{"text": "ab", "index": i, "finish_reason": "stop", "logprobs": one} for i, one in enumerate((place, {"content": content}))]
    return [json.dumps({"choices": made, "usage": usage}).encode(), json.dumps({"error": {"message": "no", "code": 400}}).encode()]


def _openai(data: bytes, folder: Path) -> object:
    from tests.backends.http.test_dialects import ask
    from tokenworth.backends.http.openai_api import Fields, OpenAIApi

    del folder
    return _reply(OpenAIApi("m", 972, Fields(), {"a": 1, "b": 2, "c": 3}.get), data, ask(2))


def _reply(api: Any, data: bytes, asked: Any) -> object:
    from tokenworth.backends.http.wire import Malformed
    from tokenworth.errors import InvalidInput

    try:
        return api.parse(data, asked)
    except Malformed as fault:  # an outcome of its own in the client
        raise InvalidInput(str(fault)) from fault


def _llama_seeds() -> list[bytes]:
    from tests.backends.http.test_dialects import sample

    return [msgspec.json.encode([sample(1), sample(0)])]


def _llama(data: bytes, folder: Path) -> object:
    from tests.backends.http.test_dialects import ask
    from tokenworth.backends.http.llama_api import LlamaApi

    del folder
    return _reply(LlamaApi(972), data, ask(2))


_ANSWERS = (
    "So x = 1/2. The answer is (B).", "\\boxed{\\frac{1}{2}}", "#### 1,234.50", "The answer is 3 × 10^5 km.", "A, no: C. Final answer: C",
    "(unstack a b)\n(put-down a)\n", "**Answer:** D) the kidneys", "12% of 50 is 6; therefore 6 dollars", "x \\in [1, 2) \\cup \\{3\\}",
)  # fmt: skip


def _grade(kind: str, data: bytes, folder: Path) -> object:
    from tests.report.report_cases import problem
    from tokenworth.core.problem import AnswerKind, Problem

    del folder
    grader = catalog.load(catalog.GRADERS, "grader", kind)
    one = problem() if kind == "option" else Problem(id="x", question="q", gold="1/2", kind=AnswerKind(kind))
    return grader(one, data.decode(errors="surrogateescape"))


def _templates() -> list[bytes]:
    made = [b"{% for m in messages %}<|{{ m.role }}|>{{ m.content|trim }}{% endfor %}{% if add_generation_prompt %}<|a|>{% endif %}"]
    folder = SHARED / "chat-templates"
    return made + [path.read_bytes() for path in sorted(folder.glob("*.jinja"))] if folder.exists() else made


def _template(data: bytes, folder: Path) -> object:
    """The sandbox alone: what the guarded process does inside of its limits."""
    from tokenworth.backends.tokenizer.template import ChatTemplate

    del folder
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "q?"}]
    return ChatTemplate(data.decode(errors="replace"), {"bos_token": "<s>"}).render(messages, switches={})


def _all() -> dict[str, Reader]:
    made: dict[str, Reader] = {}
    for domain, seeds in TEXTS.items():
        for dialect in domain_named(domain).dialects:
            # Every plan of Blocksworld is held against a shortest one.
            share = 0.1 if dialect == "pddl" else 1.0
            made[f"verify {domain} {dialect}"] = Reader(seeds=seeds, read=partial(_judge, "verify", domain, dialect), share=share)
        first = next(iter(domain_named(domain).dialects))
        made[f"confusion {domain}"] = Reader(seeds=seeds, read=partial(_judge, "confusion", domain, first), share=0.3)
        made[f"drawing {domain}"] = Reader(seeds=seeds, read=partial(_draw, domain, first))
    made["replay blocksworld"] = Reader(seeds=_loops, read=partial(_judge, "replay", "blocksworld", "pddl"), share=0.05)
    for name in documents():
        made[f"document {name}"] = Reader(seeds=partial(lambda name: [documents()[name]], name), read=_document)
        made[f"page {name}"] = Reader(seeds=partial(lambda name: [documents()[name]], name), read=_page, share=0.1)
    made["store"] = Reader(seeds=lambda: [_good_store()], read=_store, share=0.5)
    made["stored responses"] = Reader(seeds=_payloads, read=_payload)
    made["automaton"] = Reader(seeds=lambda: [json.dumps(LADDER).encode()], read=_automaton)
    made["configuration"] = Reader(seeds=lambda: [_CONFIG], read=_config, share=0.5)
    made["token ids"] = Reader(seeds=lambda: [b"[1, 2, 3]", b"1 2 3", b'{"ids": [1, 2]}'], read=_ids)
    made["prices"] = Reader(seeds=lambda: [_PRICES], read=_prices)
    for kind in ("jsonl", "mmlu", "mmlu-redux", "mmlu-pro", "gsm8k", "math"):
        made[f"problems {kind}"] = Reader(seeds=partial(_tasks, kind), read=partial(_task, kind))
    for name, layout, file in (
        ("rows", "exit-curves", "curves.jsonl"), ("page", "exit-page", "x.html"), ("hinted", "hinted-mcq", "cue-curve-x.csv"),
        ("own", "document", "x.json"), ("fast", "forking-fast", "row000.json"), ("paths", "forking-paths", "ans_df.csv"),
        ("pivotal", "pivotal-tokens", "x.pts.jsonl"), ("harness", "lm-eval", "samples_x.jsonl"), ("inspect", "inspect", "log.json"),
        ("cached", "rollouts", "seed_00000.json"),
    ):  # fmt: skip
        made[f"import {layout}"] = Reader(seeds=partial(_import_seeds, name), read=partial(_imported, layout, file))
    for file in ("base_solution.json", "chunks_labeled.json", "chunks_resampled.json", "problem.json"):
        made[f"import thought-anchors {file}"] = Reader(seeds=partial(_anchor_seed, file), read=partial(_anchors, file), share=0.5)
    for file in ("chunks.json", "chunk_1/solutions.json"):
        made[f"import thought-branches {file}"] = Reader(seeds=partial(_tree_seed, file), read=partial(_tree, file), share=0.5)
    made["reply of an OpenAI server"] = Reader(seeds=_openai_seeds, read=_openai)
    made["reply of llama.cpp"] = Reader(seeds=_llama_seeds, read=_llama)
    for kind in ("option", "exact", "numeric"):
        made[f"grade {kind}"] = Reader(seeds=lambda: [one.encode() for one in _ANSWERS], read=partial(_grade, kind))
    made["chat template"] = Reader(seeds=_templates, read=_template, share=0.5)
    return made


def _anchor_seed(file: str) -> list[bytes]:
    from tests.importers.test_fuzz_readers import ANCHORS

    return [json.dumps(ANCHORS[file]).encode()]


READERS = _all()
