"""Names of outputs, code that a configuration names, and folders full of files that are named like modules."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.checkout import child_environment
from tokenworth.catalog import MEASURES
from tokenworth.cli.main import PLAIN, run
from tokenworth.cli.outputs import check_writable, file_name
from tokenworth.errors import TokenworthError
from tokenworth.store.documents import write_whole

NAMES = (
    *("slash-id/0", "world:steps/3", "..", ".", "../../etc/passwd", "/etc/passwd", "a\\b", "~", "~root", ".hidden", "name.", " x ", ""),
    *("CON", "con.txt", "nul", "COM1", "lpt9.json", "aux.", "a\nb", "a\0b", "a\rb", "\x1b[2J", "\u202egnp.exe", "a\u200bb", "\ud800"),
    *("é" * 300, "x" * 5000, "a:b", "a*b?", 'a"b<c>|', "$(id)", "`id`", "-rf", "a b", "e\u0301", "%2e%2e%2f", "{item}", "{item"),
    *("-", "--", "-.-"),
)


@pytest.mark.parametrize("item", NAMES)
def test_an_item_is_a_safe_file_name_and_always_the_same(item: str, tmp_path: Path) -> None:
    name = file_name(item)
    assert name == file_name(item) and (not item or name)
    assert Path(name).name == name and name not in (".", "..") and len(name.encode()) < 120
    assert name.isprintable() and not set(name) & set('/\\\0<>:"|?*$`~ {}') and not name.startswith((".", "-")) and not name.endswith(".")
    assert name.split(".")[0].upper() not in {"CON", "PRN", "AUX", "NUL", "COM1", "LPT9"}
    if item:
        file = tmp_path / f"{name}.json"
        check_writable(str(file))
        write_whole(file, lambda handle: handle.write(b"x"))
        assert [one.name for one in tmp_path.iterdir()] == [file.name]


def test_different_items_have_different_names() -> None:
    like = [*NAMES, "slash-id_0", "slash-id:0", "slash-id\\0", "a_b", "x" * 5001]
    names = [file_name(item) for item in like if item]
    assert len(set(names)) == len(names)
    assert [file_name(item) for item in ("0", "12", "Mathe-é_1.b", "日本")] == ["0", "12", "Mathe-é_1.b", "日本"]


@pytest.fixture
def here(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.json").write_bytes((good / "toy.json").read_bytes())
    return tmp_path


@pytest.mark.parametrize("name", ["no/{item}.json", "out/{item}/x.json", "out", "x" * 300, "a\0b", "/proc/x.json", "toy.json/x"])
def test_what_cannot_be_written_is_found_out_before_anything_is_drawn(here: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "out").mkdir()
    assert run(["curve", "--model", "toy:toy.json", "--store", "run.db", "--item", "a/../b", "--json", name]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: cannot write ") and err.count("\n") == 1
    assert not (here / "run.db").exists()


def test_a_result_of_an_item_lands_in_its_folder(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "out").mkdir()
    command = ["curve", "--model", "toy:toy.json", "--max-rollouts", "20", "--item", "../x", "--json", "out/{item}.json"]
    assert run(command) == 0
    err = capsys.readouterr().err
    name = file_name("../x")
    assert [file.name for file in (here / "out").iterdir()] == [f"{name}.json"]
    assert err.count(f"item '../x' is {name} in the name of its file") == 1


def test_an_item_that_is_a_hyphen_is_not_standard_output(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["curve", "--model", "toy:toy.json", "--max-rollouts", "20", "--item", "-", "--json", "{item}"]) == 0
    assert (here / file_name("-")).is_file() and not capsys.readouterr().out.startswith("{")


# -- outputs that are no files ----------------------------------------------------------------------------------------------------------

WRITERS: dict[str, list[str]] = {
    "json": ["curve", "--model", "toy:toy.json", "--store", "new.db", "--json", "TARGET"],
    "page": ["curve", "--model", "toy:toy.json", "--store", "new.db", "--report", "TARGET"],
    "lines": ["verify", "maze", "lines.jsonl", "--json", "TARGET"],
    "report": ["report", "curve.json", "-o", "TARGET"],
    "facts": ["report", "curve.json", "--json", "TARGET"],
    "runs": ["runs", "--store", "run.db", "--json", "TARGET"],
    "export json": ["export", "curve.json", "-o", "TARGET.json"],
    "export csv": ["export", "curve.json", "-o", "TARGET.csv"],
    "figure": ["figure", "curve.json", "-o", "TARGET.svg"],
    "import": ["import", "curve.json", "--report", "TARGET"],
}
"""A command for each way out."""


def _target(words: list[str], make: Callable[[str], object], name: str) -> list[str]:
    """The command, with what it writes to made under the name that it gives."""
    for word in words:
        if "TARGET" in word:
            make(word.replace("TARGET", name))
    return [word.replace("TARGET", name) for word in words]


@pytest.fixture
def full(here: Path, good: Path) -> Path:
    for name in ("curve.json", "run.db"):
        (here / name).write_bytes((good / name).read_bytes())
    (here / "lines.jsonl").write_text('{"id": "a", "text": "start 0 0 goal 2 0"}\n')
    return here


@pytest.mark.parametrize("writer", WRITERS)
def test_a_pipe_that_nobody_reads_is_refused_at_once(full: Path, writer: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = _target(WRITERS[writer], os.mkfifo, "pipe")
    watch = threading.Timer(20, lambda: [Path(name).read_bytes() for name in full.glob("pipe*")])  # lets a writer that waits go
    watch.start()
    began = time.monotonic()
    assert run(words) == 2 and time.monotonic() - began < 15
    watch.cancel()
    err = capsys.readouterr().err
    assert "nothing reads from this pipe" in err.splitlines()[-1] and not (full / "new.db").exists()


@pytest.mark.parametrize("writer", WRITERS)
def test_a_pipe_that_is_read_gets_everything(full: Path, writer: str) -> None:
    words, found = _target(WRITERS[writer], os.mkfifo, "pipe"), list[bytes]()
    (pipe,) = full.glob("pipe*")
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    time.sleep(0.05)
    assert run(words) in (0, 1)
    reader.join(20)
    assert found and found[0]


def test_devices_and_sockets_are_not_written_to(full: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("socket")
        for target in ("/dev/full", "/dev/zero", "socket"):
            for writer in ("json", "page", "lines", "report", "facts"):
                assert run([word.replace("TARGET", target) for word in WRITERS[writer]]) == 2, (target, writer)
                assert "it is a device or a socket" in capsys.readouterr().err
    assert run([word.replace("TARGET", "/dev/null") for word in WRITERS["report"]]) == 0


def test_what_standard_output_is_stays_what_it_is(full: Path) -> None:
    """A name of it is written through: no file takes its place."""
    for name in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
        with (full / "out.txt").open("wb") as out:
            command = [sys.executable, "-m", "tokenworth", "report", "curve.json", "-o", name, "--json", "facts.json"]
            assert subprocess.run(command, stdout=out, cwd=full, env=child_environment(), timeout=60, check=False).returncode == 0
        assert b"<html" in (full / "out.txt").read_bytes(), name


# -- code -------------------------------------------------------------------------------------------------------------------------------

TRAP = "import os, pathlib\npathlib.Path(os.environ['TRAPPED']).open('a').write(__name__ + '\\n')\ndef run(*_): return True\n"


KEYED: dict[str, tuple[str, list[str], bool]] = {
    "the key's variable and the address": ('model = "http://127.0.0.1:9/v1#m"\napi-key-env = "MY_KEY"', [], True),
    "a file and the address": ('model = "http://127.0.0.1:9/v1#m"\napi-key-file = "key.txt"', [], True),
    "the address, the variable is the usual one": ('model = "http://127.0.0.1:9/v1#m"', [], True),
    "several addresses": ('model = ["http://127.0.0.1:9/v1#m", "http://127.0.0.1:8/v1#m"]', [], True),
    "in the section of the verb": ('[curve]\nmodel = "http://127.0.0.1:9/v1#m"', [], True),
    "another reader": ('reader = "http://127.0.0.1:9/v1#m"', ["--model", "toy:toy.json"], True),
    "a reader beside an address and a key that are typed": (
        'reader = "http://127.0.0.1:9/v1#m"',
        ["--model", "http://127.0.0.1:8/v1#m", "--api-key-env", "MY_KEY"],
        True,
    ),
    "it is allowed": ('model = "http://127.0.0.1:9/v1#m"', ["--allow-key"], False),
    "the address is typed": ('model = "http://127.0.0.1:9/v1#m"', ["--model", "http://127.0.0.1:9/v1#m"], False),
    "the variable is typed": ('model = "http://127.0.0.1:9/v1#m"', ["--api-key-env", "MY_KEY"], False),
    "the file is typed": ('model = "http://127.0.0.1:9/v1#m"', ["--api-key-file", "key.txt"], False),
    "no server": ('model = "toy:toy.json"', [], False),
}
"""A configuration, words of the command line, and whether the key may not go there."""


@pytest.mark.parametrize("case", KEYED)
def test_a_key_goes_to_no_server_that_only_a_configuration_names(
    here: Path, case: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told, words, is_refused = KEYED[case]
    (here / "run.toml").write_text(f"{told}\n")
    (here / "key.txt").write_text("sk-0123456789abcdef")
    for name in ("MY_KEY", "TOKENWORTH_API_KEY"):
        monkeypatch.setenv(name, "sk-0123456789abcdef")
    command = ["curve", "--config", "run.toml", "--max-rollouts", "20", *(["--task", "world:steps"] if "http" in told else [])]
    assert run([*command, *words]) == (0 if case == "no server" else 2)
    err = capsys.readouterr().err
    assert ("--allow-key" in err) == is_refused and "sk-0" not in err
    assert not is_refused or ("run.toml" in err and "127.0.0.1" in err and err.count("\n") == 1)


def test_without_a_key_a_configuration_names_its_server(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "run.toml").write_text('model = "http://127.0.0.1:9/v1#m"\nretry-for = 1\n')
    assert run(["curve", "--config", "run.toml", "--task", "world:steps"]) == 2
    assert "--allow-key" not in capsys.readouterr().err


def test_a_file_does_not_allow_itself_a_key(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "run.toml").write_text('allow-key = true\nmodel = "http://127.0.0.1:9/v1#m"')
    assert run(["curve", "--config", "run.toml"]) == 2
    assert "unknown option 'allow-key'" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["mine", "mine.inner", "mine-with-dashes"])
def test_a_configuration_does_not_run_code(here: Path, module: str, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setenv("TRAPPED", str(here / "trapped"))
    (here / "mine").mkdir()
    for file in ("mine/__init__.py", "mine/inner.py", "mine-with-dashes.py"):
        (here / file).write_text(TRAP)
    for line in (f'target = "{module}:run"', f'[curve]\ntarget = "{module}:run"'):
        (here / "run.toml").write_text(line)
        command = ["curve", "--model", "toy:toy.json", "--max-rollouts", "20", "--config", "run.toml"]
        assert run(command) == 2
        err = capsys.readouterr().err
        assert "run.toml" in err and repr(module) in err and "--allow-code" in err and err.count("\n") == 1
        assert not (here / "trapped").exists()
        # What stands on the command line wins, and nothing of the file is run.
        assert run([*command, "--target", "gold"]) == 0
        capsys.readouterr()
        assert not (here / "trapped").exists()
    (here / "run.toml").write_text('allow-code = true\ntarget = "mine:run"')
    assert run(["curve", "--model", "toy:toy.json", "--config", "run.toml"]) == 2
    assert "unknown option 'allow-code'" in capsys.readouterr().err and not (here / "trapped").exists()


@pytest.mark.parametrize(("verb", "line"), [("curve", "grader"), ("sample", "grader"), ("modulo", "critic")])
def test_an_outcome_is_named_by_a_target_only(here: Path, verb: str, line: str, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    """``label:X`` is a target; for any other option it is a module that lies in this folder."""
    monkeypatch.setenv("TRAPPED", str(here / "trapped"))
    (here / "label.py").write_text(TRAP)
    (here / "run.toml").write_text(f'[{verb}]\n{line} = "label:run"')
    assert run([verb, "--model", "toy:toy.json", "--config", "run.toml"]) == 2
    err = capsys.readouterr().err
    assert "'label'" in err and "--allow-code" in err and err.count("\n") == 1 and not (here / "trapped").exists()
    (here / "run.toml").write_text('[curve]\ntarget = "label:A"')
    run(["curve", "--model", "toy:toy.json", "--max-rollouts", "20", "--config", "run.toml"])
    assert "--allow-code" not in capsys.readouterr().err and not (here / "trapped").exists()


def test_code_that_is_allowed_runs(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative twin: the trap does catch."""
    monkeypatch.setenv("TRAPPED", str(here / "trapped"))
    (here / "trapmodule.py").write_text(TRAP)
    (here / "run.toml").write_text('[sample]\ngrader = "trapmodule:run"\n[curve]\ntarget = "trapmodule:run"')
    command = ["curve", "--model", "toy:toy.json", "--max-rollouts", "20", "--config", "run.toml", "--allow-code"]
    run(command)
    assert (here / "trapped").read_text() == "trapmodule\n"


STANDARD = (
    "json",
    "random",
    "re",
    "os",
    "sqlite3",
    "tomllib",
    "typing",
    "logging",
    "queue",
    "signal",
    "zlib",
    "struct",
    "fcntl",
    "secrets",
)
OURS = (
    "tokenworth",
    "numpy",
    "scipy",
    "msgspec",
    "click",
    "jaxtyping",
    "torch",
    "transformers",
    "jinja2",
    "tokenizers",
    "aiohttp",
    "math_verify",
)
ALWAYS = ("sitecustomize", "usercustomize", "conftest", "setup", "maze", "curve", "toy", "methods", "catalog")


def _traps(folder: Path) -> None:
    for name in (*STANDARD, *OURS, *ALWAYS):
        (folder / f"{name}.py").write_text(TRAP)
    for name in ("tokenworth", "click", "encodings"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(TRAP)
        (folder / name / "__main__.py").write_text(TRAP)
    (folder / "tokenworth.toml").write_text('target = "mine:run"\nmodel = "nothing"')
    (folder / "pyproject.toml").write_text('[tool.tokenworth]\nmodel = "nothing"')
    (folder / ".env").write_text("TOKENWORTH_API_KEY=x\n")
    (folder / "tiny").mkdir()
    (folder / "tiny" / "config.json").write_text("{}")
    (folder / "trap.pth").write_text("import sitecustomize")


_ALL = """
import sys
from tokenworth.cli.main import run
for words in %r:
    print(words, run(words), file=sys.stderr, flush=True)
"""


def test_a_folder_full_of_traps(good: Path, tmp_path: Path) -> None:
    """Each command, as the program ``tokenworth`` runs it, in a folder with files that pass for modules and for configurations."""
    _traps(tmp_path)
    toy = ["--model", f"toy:{good / 'toy.json'}"]
    (tmp_path / "maze.jsonl").write_text('{"id": 1, "text": "x"}\n')
    (tmp_path / "q.jsonl").write_text(json.dumps({"id": "q", "question": "1+1?", "gold": "2", "kind": "latex"}) + "\n")
    draws = ["--max-rollouts", "20"]
    commands = [
        *([verb, "--help"] for verb in (*PLAIN, *MEASURES)),
        ["sample", *toy, "-n", "3", "--store", "s.db", "--json", "s.json"],
        ["curve", *toy, *draws, "--store", "s.db", "--json", "c.json"],
        ["forced", *toy, "--exit", "t1", "--options", "t2,t3"],
        ["verify", "maze", "maze.jsonl"],
        ["confusion", "maze", "maze.jsonl"],
        ["first-errors", "s.json"],
        ["edits", *toy],
        ["modulo", *toy],
        ["replay", "maze", "maze.jsonl"],
        ["audit", "option", "--problems", "2"],
        ["report", "c.json", "-o", "r.html"],
        ["export", "c.json", "--out", "c.csv"],
        ["import", "c.json"],
        ["runs", "--store", "s.db"],
        ["sample", "--model", "nothing", "--task", "q.jsonl"],
        ["sample", "--model", "http://127.0.0.1:9/v1#m", "--tokenizer", "tiny", "--task", "q.jsonl", "--retry-for", "1"],
    ]
    marks = tmp_path / "trapped"
    environment = {**child_environment(TRAPPED=str(marks))}
    done = subprocess.run(
        [sys.executable, "-P", "-c", _ALL % commands],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert "Traceback" not in done.stderr and done.returncode == 0, done.stderr[-3000:]
    assert not marks.exists(), marks.read_text()
    assert (tmp_path / "c.json").is_file() and (tmp_path / "r.html").is_file()


def test_python_m_from_a_folder_of_data(good: Path, tmp_path: Path) -> None:
    """``python -m tokenworth`` finds the package there first, if there is one; nothing else is taken from the folder."""
    _traps(tmp_path)
    for name in ("tokenworth", "tokenworth.py", "encodings"):
        (tmp_path / name).rename(tmp_path / f"no-{name}")
    marks = tmp_path / "trapped"
    for command in (
        ["curve", "--model", f"toy:{good / 'toy.json'}", "--max-rollouts", "20", "--store", "s.db"],
        ["runs", "--store", "s.db"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "tokenworth", *command],
            cwd=tmp_path,
            env=child_environment(TRAPPED=str(marks)),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        # What Python itself loads before our first line is not ours to decide.
        assert not marks.exists() or set(marks.read_text().split()) <= {"sitecustomize", "usercustomize"}, marks.read_text()


def test_a_models_own_code_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder whose configuration names a module of its own; nobody is asked either."""
    pytest.importorskip("transformers", reason="transformers is not installed (extra: local)")
    from tests.hostile.inputs import TINY, change, model_folder
    from tokenworth.backends.local.load import load_local

    monkeypatch.setenv("TRAPPED", str(tmp_path / "trapped"))
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    for number, names in enumerate((("config.json",), ("tokenizer_config.json",), ("config.json", "tokenizer_config.json"))):
        folder = model_folder(tmp_path / str(number))
        (folder / "model.safetensors").write_bytes((TINY / "model.safetensors").read_bytes())
        (folder / "own.py").write_text(TRAP)
        classes = {"AutoConfig": "own.C", "AutoModelForCausalLM": "own.M", "AutoTokenizer": ["own.T", "own.T"]}
        for name in names:
            change(folder / name, auto_map=classes, model_type="own", tokenizer_class="Own")
        with contextlib.suppress(TokenworthError):
            load_local(str(folder))
        assert not (tmp_path / "trapped").exists()
