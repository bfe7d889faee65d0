"""Mathematics in the guarded process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.tasks.grader_cases import free
from tokenworth.core.grade import UNPARSEABLE, Grade, Verdict
from tokenworth.core.guard import Guard
from tokenworth.core.problem import AnswerKind
from tokenworth.errors import MissingExtra
from tokenworth.tasks.grade.latex import LatexGrader
from tokenworth.tasks.graders import grader_for

math_verify = pytest.importorskip("math_verify") if not os.environ.get("TOKENWORTH_REQUIRE_ALL") else None


@pytest.mark.parametrize(
    ("gold", "text"),
    [
        ("\\frac{1}{2}", "so \\boxed{0.5}"),
        ("\\frac{1}{2}", "The answer is $\\dfrac{1}{2}$."),
        ("\\left( 3, \\frac{\\pi}{2} \\right)", "\\boxed{(3, \\pi/2)}"),
        ("2\\sqrt{3}", "\\boxed{\\sqrt{12}}"),
        ("\\text{Evelyn}", "\\boxed{Evelyn}"),
        ("10000", "\\boxed{10{,}000}"),
        ("\\$18.90", "\\boxed{18.90}"),
        ("x^2+2x+1", "\\boxed{(x+1)^2}"),
        ("5", "\\boxed{5} or \\boxed{5.0}"),
        ("720", "the answer is $3! \\times 5! = \\boxed{720}$."),
        ("42", "It is $40 + 2$ which gives $42$"),
    ],
)
def test_latex_equalities(gold: str, text: str) -> None:
    grade = LatexGrader()(free(gold, AnswerKind.LATEX), text)
    assert grade.verdict is Verdict.CORRECT, grade


def test_latex_correct_answers_share_one_label() -> None:
    grader, problem = LatexGrader(), free("\\frac{1}{2}", AnswerKind.LATEX)
    assert {grader(problem, f"\\boxed{{{said}}}").outcome for said in ("0.5", "\\dfrac12", "\\frac{2}{4}")} == {"\\frac{1}{2}"}
    assert grader(problem, "\\boxed{\\dfrac{1}{3}}") == Grade(outcome="\\frac{1}{3}", verdict=Verdict.INCORRECT)
    assert grader(free(None, AnswerKind.LATEX), "\\boxed{7}") == Grade(outcome="7", verdict=Verdict.UNKNOWN)


@pytest.mark.parametrize(
    "text", ["", "\\boxed{5} \\boxed{6}", "\\boxed{" + "x" * 500 + "}", "no formula " * 40, "\\boxed{}", "\\boxed{)(}"]
)
def test_latex_leaves_the_rest_unparseable(text: str) -> None:
    assert LatexGrader()(free("5", AnswerKind.LATEX), text).outcome == UNPARSEABLE


@pytest.mark.slow
def test_hostile_mathematics_is_stopped_and_the_grader_goes_on(tmp_path: Path) -> None:
    program = Path(sys.modules["tokenworth.tasks.grade.latex"].__file__ or "").with_name("latex_worker.py")
    guard = Guard(program, workers=1, limit_s=1.0)
    try:
        grader, problem = LatexGrader(guard=guard), free("1", AnswerKind.LATEX)
        assert grader(problem, "\\boxed{1.0}").verdict is Verdict.CORRECT
        for bomb in ("10000000000000000000^{10000000000000000000}", "\\prod_{k=1}^{100000000} k"):
            start = time.perf_counter()
            assert grader(problem, f"\\boxed{{{bomb}}}").outcome == UNPARSEABLE
            # The limit is one second of processor time; the rest is a new process on a busy machine.
            assert time.perf_counter() - start < 60
        assert guard.restarts >= 1
        assert grader(problem, "\\boxed{1.00}").verdict is Verdict.CORRECT
        marker = tmp_path / "ran"
        for code in (f"open('{marker}','w')", f"__import__('os').system('touch {marker}')", f"\\text{{exec(\"open('{marker}','w')\")}}"):
            assert grader(problem, f"\\boxed{{{code}}}").verdict is not Verdict.CORRECT
        assert not marker.exists()
    finally:
        guard.close()


def test_latex_from_many_threads() -> None:
    grader, found = LatexGrader(), Counter[str]()
    lock = threading.Lock()

    def work(number: int) -> None:
        grade = grader(free(str(number), AnswerKind.LATEX), f"\\boxed{{\\frac{{{2 * number}}}{{2}}}}")
        with lock:
            found[grade.outcome, grade.verdict] += 1  # type: ignore[index]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == Counter({(str(number), Verdict.CORRECT): 1 for number in range(40)})


def test_guard_survives_every_way_to_die(tmp_path: Path) -> None:
    program = tmp_path / "worker.py"
    program.write_text(
        "import json, os, sys, time\n"
        "print('{\"ready\": true}', flush=True)\n"
        "for line in sys.stdin:\n"
        "    r = json.loads(line)\n"
        "    do = r['do']\n"
        "    if do == 'hang': time.sleep(60)\n"
        "    if do == 'die': os._exit(3)\n"
        "    if do == 'abort': os.abort()\n"
        "    if do == 'noise': print('not json', flush=True); continue\n"
        "    if do == 'old': r['id'] = 0\n"
        "    if do == 'list': print('[]', flush=True); continue\n"
        "    if do == 'flood': print('x' * 10**6, flush=True); continue\n"
        "    print(json.dumps({'id': r['id'], 'secret': os.environ.get('SECRET_KEY'), 'pid': os.getpid()}), flush=True)\n",
        encoding="utf-8",
    )
    os.environ["SECRET_KEY"] = "hunter2"
    guard = Guard(program, workers=1, limit_s=0.3)
    try:
        first = guard.call({"do": "answer"})
        again = guard.call({"do": "answer"})
        assert first and again and first["pid"] == again["pid"] and first["secret"] is None
        for number, do in enumerate(("hang", "die", "abort", "noise", "old", "list", "flood"), start=1):
            assert guard.call({"do": do}) is None
            assert guard.restarts == number
        last = guard.call({"do": "answer"})
        assert last is not None and last["pid"] != first["pid"]
    finally:
        del os.environ["SECRET_KEY"]
        guard.close()


def test_guard_whose_program_cannot_start(tmp_path: Path) -> None:
    program = tmp_path / "worker.py"
    program.write_text("raise SystemExit(1)\n", encoding="utf-8")
    guard = Guard(program, workers=1, limit_s=0.3)
    assert guard.call({"do": "anything"}) is None
    guard.close()


@pytest.mark.slow
def test_the_package_does_not_load_the_library_itself() -> None:
    code = (
        "import sys\nfrom tokenworth.tasks.graders import grader_for\nfrom tokenworth.core.problem import *\n"
        "p = Problem(id='p', question='?', gold='2', kind=AnswerKind.LATEX)\n"
        "print(grader_for(p)(p, r'\\boxed{\\sqrt{4}}').verdict.value, 'sympy' in sys.modules, 'math_verify' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["correct", "False", "False"]


def test_latex_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"tokenworth\[math\]"):
        grader_for("latex")
