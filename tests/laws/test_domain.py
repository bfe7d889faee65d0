"""Laws of every formal domain of the catalogue, and of the toy one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audit.formal import CHECKERS, checker_named
from tests.laws.domain_cases import EXAMPLES
from tokenworth import catalog
from tokenworth.core.document import ModelDoc, Provenance, TraceDoc
from tokenworth.core.grade import Verdict
from tokenworth.core.sampling import Sampling
from tokenworth.core.verification import Domain, FormalText, Strictness, Tier, Verification
from tokenworth.errors import InvalidInput, TokenworthError, UnknownName
from tokenworth.methods.sample.document import SampleSetDoc
from tokenworth.methods.verify.records import judged, verifier
from tokenworth.report.sections.traces.names import short_title
from tokenworth.report.sections.verified.codes import explained
from tokenworth.tasks.audit.attack import Claim
from tokenworth.tasks.critics.named import critic_named
from tokenworth.tasks.domains import domain_named, domain_of
from tokenworth.tasks.graders import grader_for
from tokenworth.tasks.load import load_item, load_task
from tokenworth.tasks.sentences import TIERS

NAMES = (*catalog.DOMAINS, "toy")
MADE = ("maze", "toy")
NASTY = ("", " ", "\0", "\ud800", "٣", "c-1", "1e999", "9" * 400, "[" * 300, "(" * 300, "eos bos", "solution", "=", "plan", "{0.__class__}")


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalog.DOMAINS, "toy", "tests.laws.toy_domain:DOMAIN")  # the one line of a new domain


def valid_texts(domain: Domain, n: int = 2) -> Iterator[tuple[str, FormalText]]:
    """Valid texts with their dialects: what its solver writes for its own problems, else the example."""
    if domain.solve is None:
        yield EXAMPLES[domain.name].dialect, EXAMPLES[domain.name].text
        return
    for problem in load_task(f"{domain.name}:{domain.task_example}", limit=n):
        yield domain.dialect_named(domain.dialect_of(problem)), domain.solve(problem)


def checked(domain: Domain, text: FormalText, dialect: str, strictness: Strictness) -> Verification:
    """The verdict, which must agree with itself and with the domain."""
    if domain.name == "blocksworld":
        pytest.importorskip("unified_planning")
    found = domain.verify(text, dialect=dialect, strictness=strictness, max_errors=5)
    assert (found.domain, found.version, found.dialect) == (domain.name, domain.version, dialect)
    assert len(found.violations) == min(5, sum(found.counts.values()))
    for one in found.violations:
        assert one.tier is domain.codes[one.code] and found.counts[one.code] > 0
        assert 0 <= one.chars[0] <= one.chars[1] <= len(text.trace)
        assert "\n" not in explained(one.code, one.tier, domain.name)
    if any(domain.codes[code].is_of_trace for code in found.counts):
        assert found.trace_valid is not True
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_code_has_a_tier_and_a_sentence(name: str) -> None:
    domain = domain_named(name)
    assert domain.name == name and set(domain.codes) == set(domain.sentences) and set(domain.codes.values()) <= set(Tier)
    for code, tier in domain.codes.items():
        said = explained(code, tier, name)
        assert re.fullmatch(r"[A-Z].*\.", said) and said not in TIERS.values()


@pytest.mark.parametrize("name", NAMES)
def test_dialects_and_levels_are_known_by_their_names(name: str) -> None:
    domain = domain_named(name)
    assert domain.dialect_named(None) == next(iter(domain.dialects))
    with pytest.raises(UnknownName, match=f"dialect of {name}"):
        domain.dialect_named("no such dialect")
    for dialect, fitting in domain.dialects.items():
        assert domain.dialect_named(dialect) == dialect and list(fitting) == sorted(fitting, key=list(Strictness).index)
        for strictness in Strictness:
            if strictness in fitting:
                assert verifier(name, dialect, strictness, max_errors=1).strictness is strictness
            else:
                with pytest.raises(InvalidInput, match="does not fit"):
                    verifier(name, dialect, strictness, max_errors=1)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_solver_writes_is_valid(name: str) -> None:
    domain = domain_named(name)
    for dialect, text in valid_texts(domain):
        for strictness in domain.dialects[dialect]:
            found = checked(domain, text, dialect, strictness)
            assert found.parsed and found.plan_valid and found.is_valid and found.violations == ()
        domain.draw(text, dialect)


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_word_that_breaks_a_rule_is_caught(name: str) -> None:
    domain, rng, n = domain_named(name), np.random.default_rng(0), 0
    for dialect, text in valid_texts(domain):
        strictest = domain.dialects[dialect][-1]
        if domain.edits is not None:
            for code, after in domain.edits(text, dialect, rng):
                first = [checked(domain, after, dialect, strictness).first_error for strictness in domain.dialects[dialect]]
                assert code in {one.code for one in first if one is not None}, (code, after.trace)
                if domain.codes[code].is_of_trace:
                    assert not checked(domain, after, dialect, strictest).is_valid
                n += 1
        for old, new in EXAMPLES[name].changes if name in EXAMPLES else ():
            words = re.split(r"(\s+)", text.trace)
            words[words.index(old)] = new
            assert not checked(domain, replace(text, trace="".join(words)), dialect, strictest).is_valid, (old, new)
            n += 1
    assert n >= 3, "a domain without edits needs an example in domain_cases.py"


@pytest.mark.parametrize("name", NAMES)
def test_no_text_makes_a_verifier_raise(name: str) -> None:
    domain = domain_named(name)
    dialect, valid = next(valid_texts(domain, 1))
    words = st.sampled_from([*dict.fromkeys(valid.trace.split()), *NASTY])
    written = st.one_of(st.text(max_size=60), st.lists(words, max_size=30).map(" ".join), st.lists(words, max_size=10).map("\n".join))

    @settings(max_examples=40)
    @given(written, st.sampled_from([valid.prompt, "", "\0 7"]), st.sampled_from(sorted(domain.dialects)), st.booleans())
    def law(trace: str, prompt: str, spoken: str, is_cut: bool) -> None:
        text = FormalText(id="x", prompt=prompt, trace=trace, given=valid.given, is_cut=is_cut)
        for strictness in domain.dialects[spoken]:
            checked(domain, text, spoken, strictness)
        domain.draw(text, spoken)

    for nasty in NASTY:
        checked(domain, replace(valid, trace=f"{valid.trace} {nasty}"), dialect, Strictness.STRICT)
    law()


ODD: tuple[dict[str, object], ...] = (
    {}, {"id": 1}, {"text": 3}, {"text": None}, {"trace": []}, {"trace": {"a": 1}}, {"prompt": 3, "trace": "x"}, {"other": "x"},
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("record", ODD, ids=str)
def test_odd_records_are_refused_in_one_line(name: str, record: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=r"^file\.jsonl:3: [^\n]*$"):
        domain_named(name).read(record, "file.jsonl:3")


@pytest.mark.parametrize("name", NAMES)
def test_a_record_is_the_text_that_is_verified(name: str) -> None:
    domain = domain_named(name)
    dialect, valid = next(valid_texts(domain, 1))
    if name == "blocksworld":
        pytest.importorskip("unified_planning")
    line = json.dumps({"id": "a", "prompt": valid.prompt, "trace": valid.trace, **valid.given})
    one = judged("f:1", json.loads(line), verifier(name, dialect, None, max_errors=9))
    assert one.id == "a" and one.verification.is_valid
    if not domain.states_problem:
        with pytest.raises(InvalidInput, match="a trace without its prompt"):
            judged("f:1", {"trace": valid.trace}, verifier(name, dialect, None, max_errors=9))


@pytest.mark.parametrize("name", MADE)
def test_problems_of_a_task_are_graded_and_belong_to_their_domain(name: str) -> None:
    domain = domain_named(name)
    assert domain.task is not None and domain.solve is not None
    task = load_task(f"{name}:{domain.task_example}", limit=3)
    assert len({problem.id for problem in task}) == 3
    for problem in task:
        assert domain_of(problem) is domain and load_item(f"{name}:{domain.task_example}", problem.id) == problem
        grade, words = grader_for(problem), domain.solve(problem).trace.split()
        answers = [" ".join(words[at:]) for at in range(len(words) + 1)]
        assert Verdict.CORRECT in {grade(problem, answer).verdict for answer in answers}
        assert grade(problem, answers[-1]).verdict is not Verdict.CORRECT
        assert (short_title(problem) == problem.id) is domain.is_machine_text
        critic = critic_named(name, problem, grade)
        assert critic.check(domain.solve(problem).trace).accepted and not critic.check("").accepted
    with pytest.raises(TokenworthError, match=r"^[^\n]+$"):
        domain.task("no such family")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "toy"])
def test_its_verifier_can_be_attacked(name: str) -> None:
    """A right answer is accepted and an empty one is not; the attacks themselves run in tests/audit."""
    if name == "blocksworld":
        pytest.importorskip("unified_planning")
    one = checker_named(name)
    assert one.name in CHECKERS and one.version.startswith(f"{name} {domain_named(name).version}, dialect ")
    (item,) = one.surface.make(1, np.random.default_rng(0))
    problem = one.surface.problem(item)
    right = [
        text for attack in one.surface.attacks if attack.claim is Claim.RIGHT for text in attack.answers(item, np.random.default_rng(0))
    ]
    assert one.check(problem, right[0]) is True and one.check(problem, "") is not True


def test_only_these_make_problems() -> None:
    assert tuple(name for name in NAMES if domain_named(name).task is not None) == MADE
    with pytest.raises(InvalidInput, match=r"sokoban makes no problems; .* maze:FAMILY/SIDE\[/SPLIT\], toy:LENGTH, PATH"):
        load_task("sokoban:7")
    with pytest.raises(UnknownName, match="toy"):
        load_task("toi:short")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "to:y"}, "the name is not a word"),
        ({"dialects": {}}, "no dialect"),
        ({"dialects": {"plain": ()}}, "a dialect without a strictness"),
        ({"dialects": {"plain": (Strictness.STRICT, Strictness.PAPER)}}, "not in order"),
        ({"codes": {}, "sentences": {}}, "none are given"),
        ({"sentences": {"PARSE": "No word."}}, "BAD, LINK, PLAN"),
        ({"grade": None}, "a task without grade"),
        ({"solve": None, "task_form": "", "task_example": ""}, "a task without task_form, task_example, solve"),
    ],
)
def test_half_a_domain_is_refused(change: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidInput, match=told) as caught:
        replace(domain_named("toy"), **change)
    assert "\n" not in str(caught.value)


def test_a_new_domain_is_one_line_of_the_catalogue() -> None:
    """Task, grader by name, records and documents of sampled traces, with nothing but the entry."""
    from tokenworth.methods.verify.traces import verified_documents

    problem = load_item("toy:long", 4)
    assert problem.id == "toy:long/4" and grader_for("plan")(problem, "no").verdict is Verdict.INCORRECT
    assert domain_named("toy").answered(problem, "ok = yes").given == {"task": "toy:long"}
    record = {"id": 3, "text": "ok ugly = yes"}
    assert [
        judged("f:1", record, verifier("toy", None, strictness, max_errors=1)).verification.trace_valid
        for strictness in ("paper", "strict")
    ] == [
        True,
        False,
    ]
    assert judged("f:1", {"trace": "ok", "times": 1}, verifier("toy", None, None, max_errors=1)).verification.trace_valid
    maze, domain = load_item("maze:searchformer/7", 0), domain_named("maze")
    assert domain.solve is not None
    documents = [
        sampled(replace(problem), ("ok ok = yes", "bad = yes", "ok ok = yes")),
        sampled(maze, (domain.solve(maze).trace,)),
        sampled(load_item("world:steps", 0), ("yes",)),
    ]
    toys, mazes = verified_documents(documents, provenance=Provenance(version="1"))
    assert (toys.domain, toys.dialect, toys.tables[0].n) == ("toy", "ordered", 3), "equal draws of one sample count each"
    assert (mazes.domain, mazes.dialect, mazes.tables[0].n) == ("maze", "compact", 1)


def sampled(problem: object, texts: tuple[str, ...]) -> SampleSetDoc:
    return SampleSetDoc(
        problem=problem,  # type: ignore[arg-type]
        model=ModelDoc(name="toy"),
        sampling=Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=9, stop=()),
        seed=0, accuracy=None, low=None, high=None, level=0.95, n=len(texts), outcomes={},
        length_correlation=None, length_correlation_low=None, length_correlation_high=None, chosen=None,
        traces=tuple(TraceDoc(unit="token", pieces=(text,)) for text in texts),
        rollouts=len(texts), generated_tokens=0, provenance=Provenance(version="1"),
    )  # fmt: skip


@pytest.mark.slow
def test_a_domain_is_loaded_when_it_is_used_and_then_in_part() -> None:
    """The tables of words of a maze take a while; tasks, solvers and edits are for few callers."""
    code = """
import sys
from tokenworth import catalog
from tokenworth.tasks.load import load_task
from tokenworth.tasks.domains import domain_named
load_task("world:steps", limit=1)
early = [name for name in catalog.DOMAINS if f"tokenworth.tasks.{name}" in sys.modules]
list(map(domain_named, catalog.DOMAINS))
parts = (".search", ".problems", ".generate", ".edits")
late = [name for name in sys.modules if name.endswith(parts) and ".world." not in name]
print(early, late)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[] []\n"
