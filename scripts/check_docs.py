"""Checks that the documentation tells the truth: what it says to run is run, what it quotes is compared. Offline.

* a fenced block marked ``sh run`` or ``python run`` in README.md, docs/ or examples/ is run as written; the blocks of one page share
  a temporary folder that holds a copy of examples/ and run in order; its Python blocks share their names
* one marked ``sh run server`` or ``python run server`` is run against llama.cpp with the bundled model, started by
  tokenworth serve-model, with the bundled model as a GGUF file, on a free port that takes the place of the 8080 in the text.
  Without xllamacpp and gguf such blocks are skipped, and counted; where TOKENWORTH_REQUIRE_ALL is set they fail
* one marked ``python file PATH`` is written there, in that folder, for the blocks after it
* a block marked ``text output`` after such a block equals its standard output (times masked); ``text sample`` is only filled in
  by --write, because the numbers of a trained model are not the same on every machine
* docs/cli.md equals the help of every verb; docs/results.md names exactly the fields of the documents; docs/problems.md lists the
  trace formats, and docs/servers.md explains the rows that `doctor` prints
* the keyboard table of docs/report.md is that of web/src/keys.ts
* links to files in the repository resolve
* every examples/*.py runs

``--write`` brings generated text up to date. Exit code 1 and a list when something fails.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, get_args, get_type_hints

import click

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted(EXAMPLES.rglob("*.md")))
CLI_PAGE, RESULTS_PAGE, REPORT_PAGE = (ROOT / "docs" / name for name in ("cli.md", "results.md", "report.md"))
SERVERS_PAGE, PROBLEMS_PAGE = ROOT / "docs" / "servers.md", ROOT / "docs" / "problems.md"
BIN = Path(sys.executable).parent
PACKAGE = str(Path(importlib.util.find_spec("tokenworth").origin or "").parent.parent)  # pyright: ignore[reportOptionalMemberAccess]
"""Where the package stands that this interpreter imports; documented commands use the same."""
LIMIT_S = 300
REQUIRED = bool(os.environ.get("TOKENWORTH_REQUIRE_ALL"))
FENCE = re.compile(r"^(```+)([^\n`]*)\n(.*?)^\1 *$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?\)")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)?")
T = TypeVar("T")


CLI_HEAD = """# Command line

Made from `--help-all` by `python scripts/check_docs.py --write`; do not edit. `--help` leaves out options that are rarely needed.
An option that several verbs have means the same in each of them.

Results go to standard output, progress to standard error.

| Exit code | Means |
|---|---|
| 0 | done |
| 1 | `verify`, `replay`, `audit` or `doctor` found a fault, or some of several items failed (one line each; the others are done) |
| 2 | could not run, or some records could not be read, for the reason in one line on standard error |
| 3 | `audit`: a checker gave no verdict on wrong answers |
| 130 | stopped from the keyboard; with `--store`, what was drawn is kept |
| 141 | whoever read the output left, as `head` does |

Options can stand in a TOML file; here is [one](../examples/config.toml):

```sh run
tokenworth sample --config examples/config.toml
tokenworth curve --config examples/config.toml --max-rollouts 50
```
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One check: what was checked, and what is wrong (empty when it passed). ``skipped``: it could not be made here."""

    name: str
    fault: str = ""
    skipped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block: its info string, its text and where the text stands in the page."""

    info: str
    text: str
    line: int
    span: tuple[int, int]


class Server:
    """llama.cpp with the bundled model, started when it is first needed; `close` ends it."""

    SHOWN = "127.0.0.1:8080"
    MISSING = tuple(name for name in ("xllamacpp", "gguf") if importlib.util.find_spec(name) is None)

    def __init__(self) -> None:
        self._lock, self._child, self._place = threading.Lock(), None, ""

    @property
    def place(self) -> str:
        """Its host and port; empty where it does not start."""
        with self._lock:
            if self._child is None:
                self._folder = tempfile.TemporaryDirectory(prefix="tokenworth-server-")
                file = Path(self._folder.name) / "tiny.gguf"
                subprocess.run([sys.executable, str(ROOT / "recipes" / "tiny" / "to_gguf.py"), str(file)], check=True, capture_output=True)
                command = [sys.executable, "-m", "tokenworth", "serve-model", str(file), "--port", "0"]
                self._child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
                assert self._child.stdout is not None
                self._place = self._child.stdout.readline().partition("//")[2].partition("/")[0]
            return self._place

    def close(self) -> None:
        """Ends the server if it was started."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._folder.cleanup()


def environment(home: Path) -> dict[str, str]:
    """The environment of a documented command: this interpreter's scripts and package, no network, two threads shared by two workers."""
    own = {"PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}", "COLUMNS": "80", "HF_HUB_OFFLINE": "1", "TMPDIR": str(home)}
    return {**os.environ, **own, "OMP_NUM_THREADS": "1", "PYTHONPATH": PACKAGE, "NO_COLOR": "1"}


def run(command: list[str], folder: Path) -> tuple[str, str]:
    """Standard output of a command and what went wrong (empty: exit code 0)."""
    try:
        done = subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return "", f"ran longer than {LIMIT_S} s"
    tail = " | ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-4:])
    return done.stdout, f"exit code {done.returncode}: {tail}" if done.returncode else ""


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a page."""
    for match in FENCE.finditer(text):
        yield Block(info=match[2].strip(), text=match[3], line=text.count("\n", 0, match.start()) + 1, span=match.span(3))


def command_of(block: Block, before: str) -> list[str] | None:
    """How a block is run; None for one that is not marked. ``before`` is the page's Python so far, run again in silence."""
    if block.info.startswith("python run"):
        silent = f"import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()):\n    exec({before!r})\n" if before else ""
        return [sys.executable, "-c", silent + block.text]
    return ["bash", "-euo", "pipefail", "-c", block.text] if block.info.startswith("sh run") else None


def work_folder() -> Path:
    """A new folder with a copy of examples/."""
    folder = Path(tempfile.mkdtemp(prefix="check-docs-"))
    shutil.copytree(EXAMPLES, folder / "examples", ignore=shutil.ignore_patterns("__pycache__", "*.db*", "*.html"))
    return folder


def write_file(path: Path, text: str) -> None:
    """Writes a block, in a folder of its own where it names one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def same(a: str, b: str) -> bool:
    """Whether two outputs agree, but for times and spaces at the ends of lines."""
    first, second = ([TIME.sub("TIME", line.rstrip()) for line in text.rstrip().splitlines()] for text in (a, b))
    return first == second


def served(block: Block, server: Server | None) -> tuple[Block, str]:
    """A block with the server's own address, and why it cannot be run (empty: it can)."""
    if not block.info.endswith(" server"):
        return block, ""
    if Server.MISSING or server is None:
        return block, f"needs a server, and not installed: {', '.join(Server.MISSING)}"
    place = server.place
    return dataclasses.replace(block, text=block.text.replace(Server.SHOWN, place)), "" if place else "serve-model does not start"


def check_page(page: Path, write: bool, server: Server | None = None) -> list[Result]:
    """Runs the marked blocks of a page in order and compares quoted output."""
    text, results, out = page.read_text(encoding="utf-8"), [], None
    skipping = False
    edits: list[tuple[tuple[int, int], str]] = []
    folder, python = work_folder(), ""
    for written in blocks(text):
        name = f"{page.relative_to(ROOT)}:{written.line} ({written.info})"
        if written.info.startswith("python file "):
            write_file(folder / written.info.removeprefix("python file "), written.text)
            continue
        block, missing = served(written, server)
        command = command_of(block, python)
        if command is not None:
            skipping = bool(missing)
            out, fault = ("", missing) if missing else run(command, folder)
            out = out.replace(server.place, Server.SHOWN) if server is not None and block is not written else out
            python += block.text if block.info.startswith("python run") and not missing else ""
            results.append(Result(name=name, fault=fault, skipped=bool(Server.MISSING) and skipping and not REQUIRED))
        elif skipping and block.info.startswith("text "):
            continue
        elif block.info in ("text output", "text sample"):
            if out is None:
                results.append(Result(name=name, fault="no runnable block stands before it"))
                continue
            fine = block.info == "text sample" or same(out, block.text)
            if write and not same(out, block.text):
                edits.append((block.span, "\n".join(line.rstrip() for line in out.rstrip().splitlines()) + "\n"))
                fine = True
            results.append(Result(name=name, fault="" if fine else "differs from what the block before it prints; run with --write"))
    shutil.rmtree(folder, ignore_errors=True)
    for (start, end), new in reversed(edits):
        text = text[:start] + new + text[end:]
    if edits:
        page.write_text(text, encoding="utf-8")
    return results


def check_links(page: Path) -> list[Result]:
    """Relative links of a page point to files, and to headings, that are there."""
    found = []
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        fault = "" if file.exists() else "no such file"
        if anchor and not fault and file.suffix == ".md" and anchor not in anchors(file):
            fault = f"no heading gives #{anchor}"
        found.append(Result(name=f"{page.relative_to(ROOT)} -> {target}", fault=fault))
    return found


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ +(.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.strip().lower()).replace(" ", "-") for head in heads}


def cli_page() -> str:
    """docs/cli.md: the help of every verb."""
    from tokenworth.cli.main import cli

    parts = [CLI_HEAD]
    folder = Path(tempfile.mkdtemp(prefix="check-docs-"))
    for verb in ("", *cli.list_commands(click.Context(cli))):
        words = [verb, "--help-all"] if verb else ["--help"]
        out, fault = run([str(BIN / "tokenworth"), *words], folder)
        if fault:
            raise SystemExit(f"tokenworth {' '.join(words)}: {fault}")
        parts.append(f"## {verb or 'tokenworth'}\n\n```text\n{out.rstrip()}\n```\n")
    shutil.rmtree(folder, ignore_errors=True)
    return "\n".join(parts)


def check_cli(write: bool) -> Result:
    """docs/cli.md is what the verbs say."""
    made = cli_page()
    if write:
        CLI_PAGE.write_text(made, encoding="utf-8")
    current = CLI_PAGE.read_text(encoding="utf-8") if CLI_PAGE.exists() else ""
    return Result(name="docs/cli.md", fault="" if current == made else "differs from --help; run with --write")


def json_type(annotation: str) -> str:
    """The JSON type of a field's annotation as docs/results.md writes it: ``[T]`` a list, ``{T}`` an object, ``?`` may be null."""
    text = re.sub(r"\bCell\b", "tuple[int, int]", re.sub(r"\bNumber\b", "number?", annotation))
    for python, name in (("float", "number"), ("int", "integer"), ("str", "string"), ("bool", "boolean")):
        text = re.sub(rf"\b{python}\b", name, text)
    while (shorter := re.sub(r"tuple\[((?:[^,\[\]]|\[(?:[^\[\]]|\[[^\[\]]*\])*\])+), \.\.\.\]", r"[\1]", text)) != text:
        text = shorter
    text = re.sub(r"Mapping\[\w+, (.+)\]$", r"{\1}", text)
    text = re.sub(r"Literal\[(.+)\]", lambda m: m[1].replace(", ", " or ").replace("'", '"'), text)
    return text.replace(" | None", "?")


def documented() -> dict[str, type]:
    """By name, the document of every measure of the catalogue, and every dataclass that one holds."""
    from tokenworth import catalog

    found: dict[str, type] = {}
    waiting: list[object] = [measure.document for measure in catalog.measures()]
    while waiting:
        kind = waiting.pop(0)
        if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind.__name__ not in found:
            found[kind.__name__] = kind
            waiting += get_type_hints(kind).values()
        waiting += get_args(kind)
    return found


def check_results() -> list[Result]:
    """Each class of `documented` has a section of docs/results.md with exactly its fields, in order, with their types."""
    page = RESULTS_PAGE.read_text(encoding="utf-8")
    sections = {m[1]: m[2] for m in re.finditer(r"^## [^\n]*: (\w+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)}
    classes = documented()
    results = [Result(name=f"docs/results.md: {name}", fault="no such document") for name in sections if name not in classes]
    for name, kind in classes.items():
        wanted = [(field.name, json_type(str(field.type))) for field in dataclasses.fields(kind)]
        rows = re.findall(r"^\| `(\w+)` \| ([^|]+?) \| [^|]+ \|$", sections.get(name, ""), re.MULTILINE)
        off = [f"{a or 'nothing'} where {b or 'nothing'} is expected" for a, b in zip_all(rows, wanted) if a != b]
        results.append(Result(name=f"docs/results.md: {name}", fault="; ".join(off[:3])))
    return results


def zip_all(a: list[T], b: list[T]) -> Iterator[tuple[T | None, T | None]]:
    """Pairs of two lists, None where one has ended."""
    for i in range(max(len(a), len(b))):
        yield (a[i] if i < len(a) else None), (b[i] if i < len(b) else None)


def check_keys(write: bool) -> Result:
    """The keyboard table, the end of docs/report.md, is the viewer's."""
    source = (ROOT / "web" / "src" / "keys.ts").read_text(encoding="utf-8").partition("export const KEYS")[2].partition("];")[0]
    keys = re.findall(r'\["([^"]+)", "([^"]+)"\]', source)
    text = REPORT_PAGE.read_text(encoding="utf-8")
    rows = "".join(f"| {key} | {what} |\n" for key, what in keys)
    made = text.partition("## Keyboard")[0] + f"## Keyboard\n\n| Key | Does |\n|---|---|\n{rows}"
    if write and keys:
        REPORT_PAGE.write_text(made, encoding="utf-8")
        text = made
    fault = "" if keys and text == made else "differs from KEYS in web/src/keys.ts; run with --write"
    return Result(name="docs/report.md: keyboard", fault=fault)


def check_formats() -> Result:
    """docs/problems.md lists every trace format, with the text that stops it early."""
    from tokenworth.core.formats import FORMATS

    section = PROBLEMS_PAGE.read_text(encoding="utf-8").partition("## Trace formats")[2]
    rows = re.findall(r"^\| (`[^|]+) \| .+ \| .+ \|$", section, re.MULTILINE)
    listed = sorted(name for row in rows for name in re.findall(r"`([^`]+)`", row))
    fault = "" if listed == sorted(FORMATS) else f"differs from FORMATS in {', '.join(sorted(set(listed) ^ set(FORMATS)))}"
    return Result(name="docs/problems.md: formats", fault=fault)


def check_doctor() -> Result:
    """docs/servers.md explains each row of the table that it quotes from `doctor`."""
    text = SERVERS_PAGE.read_text(encoding="utf-8").partition("## What `doctor` finds out")[2]
    quoted = next((block.text for block in blocks(text) if block.info.startswith("text ")), "").partition("\n\n")[0]
    rows = [line[:36].strip() for line in quoted.splitlines()]
    explained = re.findall(r"^\| ([^|]+?) \| [^|]+ \|$", text.partition("\n## ")[0], re.MULTILINE)[1:]
    off = [f"{a or 'nothing'} where {b or 'nothing'} is printed" for (a, b) in zip_all(explained, rows) if a != b]
    return Result(name="docs/servers.md: doctor", fault="; ".join(off[:3]) or ("" if rows else "no table"))


def check_example(path: Path) -> Result:
    """An example runs, and is short."""
    folder = work_folder()
    _, fault = run([sys.executable, path.name], folder / "examples")
    shutil.rmtree(folder, ignore_errors=True)
    lines = len(path.read_text(encoding="utf-8").splitlines())
    return Result(name=f"examples/{path.name}", fault=fault or ("" if lines <= 40 else f"{lines} lines; at most 40"))


def check_scripts() -> Result:
    """The tokenworth script stands beside this interpreter."""
    there = (BIN / "tokenworth").exists()
    return Result(name="tokenworth beside the interpreter", fault="" if there else f"not in {BIN}; install the package there first")


def main() -> int:
    """Runs every check."""
    parser = argparse.ArgumentParser(description="Checks README.md, docs/ and examples/.")
    parser.add_argument("--write", action="store_true", help="bring help, keyboard table and quoted output up to date")
    write = parser.parse_args().write
    results = [check_scripts()]
    if not results[0].fault:
        results += [check_cli(write), *check_results(), check_keys(write), check_formats()]
        results += run_all(write)
        results += [check_doctor(), *(result for page in PAGES for result in check_links(page))]
    skipped = [result for result in results if result.skipped]
    failed = [result for result in results if result.fault and not result.skipped]
    for result in failed:
        sys.stdout.write(f"FAILED {result.name}: {result.fault}\n")
    for result in skipped:
        sys.stdout.write(f"skipped {result.name}: {result.fault}\n")
    told = f", {len(skipped)} skipped" if skipped else ""
    sys.stdout.write(f"{len(results) - len(failed) - len(skipped)} passed, {len(failed)} failed{told}\n")
    return 1 if failed else 0


def run_all(write: bool) -> list[Result]:
    """Every page's blocks and every example, two at a time."""
    server = Server()
    try:
        with ThreadPoolExecutor(max_workers=2) as pool:
            pages = [pool.submit(check_page, page, write, server) for page in PAGES]
            examples = [pool.submit(check_example, path) for path in sorted(EXAMPLES.glob("*.py"))]
            return [result for page in pages for result in page.result()] + [example.result() for example in examples]
    finally:
        server.close()


if __name__ == "__main__":
    sys.exit(main())
