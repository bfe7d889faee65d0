"""Formal texts at the edge of what is read: PDDL, sizes, slips and their places, fractions, formats that no dialect has."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from tests.tasks.blocks_cases import DOMAIN_PDDL, PROBLEM_PDDL
from tests.tasks.blocks_cases import PLAN as BLOCKS_PLAN
from tests.tasks.formal_texts import EVENTS, MARKED, RIGHT, WRONG, blocks, countdown, maze
from tokenworth.core.verification import FormalText, Strictness
from tokenworth.methods.verify.records import judged, verifier
from tokenworth.methods.verify.table import state_of
from tokenworth.tasks.countdown.grammar import operation_of
from tokenworth.tasks.countdown.published import bare_operations
from tokenworth.tasks.domains import domain_named

# -- PDDL ------------------------------------------------------------


@pytest.mark.parametrize("required", [":equality", ":typing", ":strips :typing :equality", ":negative-preconditions", ":adl", ""])
def test_what_is_required_and_not_used_is_no_hindrance(required: str) -> None:
    domain = DOMAIN_PDDL.replace(":strips", required)
    for text in (domain, domain.replace("(?ob)", "(?ob - object)")):
        assert blocks(BLOCKS_PLAN, "", domain_pddl=text, problem_pddl=PROBLEM_PDDL).is_valid
        typed = PROBLEM_PDDL.replace("a b c)", "a b c - object)")
        assert blocks(BLOCKS_PLAN, "", domain_pddl=text, problem_pddl=typed).is_valid


TYPED = """(define (domain parcels) (:requirements :typing) (:types place thing - object van box - thing)
  (:predicates (at ?x - thing ?p - place) (in ?b - box ?v - van))
  (:action go :parameters (?v - van ?from ?to - place) :precondition (at ?v ?from) :effect (and (at ?v ?to) (not (at ?v ?from))))
  (:action put :parameters (?b - box ?v - van ?p - place) :precondition (and (at ?b ?p) (at ?v ?p))
    :effect (and (in ?b ?v) (not (at ?b ?p)))))"""
PARCELS = """(define (problem one) (:domain parcels) (:objects home town - place v - van b - box)
  (:init (at v home) (at b town)) (:goal (in b v)))"""


@pytest.mark.parametrize(
    ("plan", "unmet"),
    [
        ("(go v home town)\n(put b v town)", ""),
        ("(go b town home)\n(put b v home)", "(type:van b)"),
        ("(go v home town)\n(put b b town)", "(type:van b)"),
        ("(put b v town)", "(at v town)"),
    ],
)
def test_types_are_needs_of_an_action(plan: str, unmet: str) -> None:
    found = blocks(plan, "", domain_pddl=TYPED, problem_pddl=PARCELS)
    assert found.parsed and found.plan_valid is (not unmet) and "PLAN_VALIDATOR" not in found.counts
    assert not unmet or (found.first_error is not None and unmet in found.first_error.expected)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("(at ?v ?from)", "(and (at ?v ?from) (not (= ?from ?to)))", "( not ( = ?from ?to ) )"),
        ("?v - van ?from", "?v - (either van box) ?from", "( either van box )"),
        ("?v - van ?from", "?v - lorry ?from", "'lorry'"),
        ("van box - thing)", "van - box box - van)", "below itself"),
        ("(:types", "(:functions (total-cost)) (:types", ":functions"),
    ],
)
def test_what_is_used_and_not_understood_is_refused_by_its_name(old: str, new: str, told: str) -> None:
    found = blocks("(go v home town)", "", domain_pddl=TYPED.replace(old, new, 1), problem_pddl=PARCELS)
    assert found.counts == {"PROBLEM_PARSE": 1} and found.first_error is not None and told in found.first_error.got


# -- sizes ------------------------------------------------------------


@pytest.mark.parametrize("size", [{"rows": 3.0, "cols": 3.0}, {"rows": 3, "cols": 3.0}, {"rows": 3, "cols": 3}])
def test_a_size_may_be_written_with_a_point(size: Mapping[str, float]) -> None:
    record = json.loads(json.dumps({"prompt": MARKED, "trace": f"reasoning {EVENTS} solution {RIGHT} end", **size}))
    found = judged("f:1", record, verifier("maze", None, None, max_errors=9)).verification
    assert found.is_valid and found.facts == {"cols": 3, "rows": 3}
    puzzle = {"target": 8.0, "nums": [5.0, 3], "trace": "No solution found."}
    assert judged("f:1", puzzle, verifier("countdown", None, None, max_errors=9)).verification.facts["claims_goal"] is False


# -- places ------------------------------------------------------------

SLIPS = (
    (f"reasoning {EVENTS} solu", "solu"),
    (f"reasoning {EVENTS} solution {RIGHT} en", "en"),
    (f"reasoning {EVENTS} solution {RIGHT} plan 3", "plan 3"),
    (f"reasoning {EVENTS.replace('c1 c1 close', 'c1 x close')} solution {RIGHT} end", "create 1 0 c1 x"),
    (f"reasoning {EVENTS} {RIGHT} end", "plan 0 0 plan 1 0"),
    (f"reasonin {EVENTS} solution {RIGHT} end", "reasonin close 0 0 c0 c2"),
    (f"reasoning {EVENTS} close 2", "close 2"),
)


@pytest.mark.parametrize(("trace", "word"), SLIPS)
def test_a_slip_is_one_error_at_its_word(trace: str, word: str) -> None:
    found = maze(trace)
    slips = [one for one in found.violations if one.code in ("PARSE", "PLAN_PARSE") and one.tokens[0] < one.tokens[1]]
    assert len(slips) == 1 and found.counts.get("PARSE", 0) <= 1 and found.counts.get("PLAN_PARSE", 0) <= 1
    assert slips[0].got == word and trace[slice(*slips[0].chars)].startswith(word)
    assert trace.split()[slice(*slips[0].tokens)][: len(word.split())] == word.split()


@pytest.mark.parametrize(
    ("prompt", "got"),
    [
        ("qury start 0 0 goal 2 0 wall 0 1", "qury"),
        ("start 0 0 goal 2 0 wall 0 1", "start"),
        ("query strt 0 0 goal 2 0 wall 0 1", "strt 0 0"),
        ("query start 0 0 goal 2 wall 0 1", "goal 2 wall"),
        ("query start 0 0 goal 2 0 wall 0 1 wall 0", "wall 0"),
        ("query start 0 0 goal 2 0 wall 0 1 wall 0 1", "wall 0 1"),
        ("query start 0 0 goal 2 0 wall 2 0", "wall 2 0"),
        ("", "reasoning"),
    ],
)
def test_a_slip_in_the_prompt_is_one_error_too(prompt: str, got: str) -> None:
    trace = f"{prompt} reasoning {EVENTS} solution {RIGHT} end".strip()
    found = domain_named("maze").verify(FormalText(id="x", trace=trace), dialect="beyond-semantics", strictness=Strictness.STRICT)
    wrong = [one for one in found.violations if one.code == "PARSE"]
    assert len(wrong) == found.counts["PARSE"] == 1 and wrong[0].got.startswith(got)
    assert trace[slice(*wrong[0].chars)].startswith(got)


def test_what_is_missing_is_missing_at_the_end_of_the_text() -> None:
    for trace, missing in ((f"reasoning {EVENTS} solution {RIGHT}", "end"), (f"reasoning {EVENTS}", "solution")):
        (one,) = (one for one in maze(trace).violations if one.code == "PARSE")
        assert (one.expected, one.got, one.chars) == (f"the word {missing!r}", "the end of the text", (len(trace), len(trace)))


# -- fractions ------------------------------------------------------------

HOLDS = (
    "10/3=3.33",
    "10/3=3.33...",
    "2/3=0.66",
    "2/3=0.67",
    "64/44=1.5",
    "98/20=4.9",
    "7/2=3.5",
    "5-7.5=-2.5",
    "9*3.3333333333=30",
    "1/8=0.125",
    "80/9=8.888889",
)
WRONG_BY_MORE = (
    "68/27=9.99",
    "10/3=3.4",
    "7/2=3.6",
    "64*4.9=317.6",
    "4.9+1=6",
    "71/-2=35.5",
    "2.5*2=6",
    "1/0=0.5",
    "5.5-2=3.55",
    "25*7.22=186",
)


@pytest.mark.parametrize("equation", HOLDS)
def test_an_equation_holds_up_to_the_rounding_of_its_fractions(equation: str) -> None:
    found = operation_of(equation)
    assert found is not None and found.holds()


@pytest.mark.parametrize("equation", WRONG_BY_MORE)
def test_one_that_is_wrong_by_more_is_counted(equation: str) -> None:
    a, _, b = equation.partition("=")
    nums = [
        int(number) for number in a.replace("*", " ").replace("/", " ").replace("+", " ").replace("-", " ").split() if "." not in number
    ]
    found = countdown(
        f"Current State: 8:{nums}, Operations: []\nExploring Operation: {equation}, Resulting Numbers: [{b}]\n{b},8 unequal: No Solution\n"
    )
    assert found.facts["n_operations"] == found.facts["n_wrong_operations"] == found.counts["WRONG_RESULT"] == 1
    buckets = found.facts["buckets"]
    assert isinstance(buckets, dict) and buckets["arithmetic"] == 1


def test_a_rounded_number_stands_for_its_value_in_the_steps_after_it() -> None:
    trace = (
        "Current State: 65:[65, 9, 9], Operations: []\nExploring Operation: 65/9=7.22, Resulting Numbers: [9, 7.22]\n"
        "Generated Node #0,0: 65:[9, 7.22] Operation: 65/9=7.22\nMoving to Node #0,0\n"
        "Current State: 65:[9, 7.22], Operations: ['65/9=7.22']\nExploring Operation: 9*7.22={0}, Resulting Numbers: [{0}]\n"
    )
    for result, n_wrong in (("65", 0), ("64.98", 0), ("66", 1), ("65.5", 1)):
        assert countdown(trace.replace("{0}", result), 65, (65, 9, 9)).facts["n_wrong_operations"] == n_wrong


# -- formats that no dialect has ------------------------------------------------------------


@pytest.mark.parametrize(
    ("trace", "told"),
    [
        (f"create 0 0 c0 c2 create 1 0 c1 c1 create 2 0 c2 c0 {RIGHT}", "creates without closes, as Dualformer"),
        (f"create 0 0 create 1 0 create 2 0 {RIGHT}", "creates without closes or costs, as Dualformer"),
        (f"create 0 0 create 2 0 {RIGHT} eos", "as Dualformer"),
    ],
)
def test_traces_of_dualformer_are_refused_by_name(trace: str, told: str) -> None:
    for dialect in ("searchformer", "searchformer-nondeterministic"):
        found = maze(trace, dialect)
        assert found.counts == {"PARSE": 1} and found.first_error is not None and told in found.first_error.got
        assert (found.trace_valid, found.plan_valid, found.plan_follows_trace) == (None, None, None)
        assert found.undecided and not found.parsed and state_of(found) == ("unparsed", "unknown", "unknown")


@pytest.mark.parametrize("head", ["Steps:\n", "", "Steps: \n\n"])
def test_steps_of_tree_of_thoughts_are_refused_by_name(head: str) -> None:
    trace = f"{head}10 - 4 = 6 (left: 5 6 6)\n5 * 6 = 30 (left: 6 30)\n30 - 6 = 24 (left: 24)\nAnswer: (5 * (10 - 4)) - 6 = 24"
    for dialect in domain_named("countdown").dialects:
        found = countdown(trace, 24, (4, 5, 6, 10), dialect=dialect)
        assert found.counts == {"PARSE": 1} and not found.parsed and found.undecided
        assert (found.trace_valid, found.plan_valid) == (None, None) and state_of(found) == ("unparsed", "unknown", "unknown")
        assert found.first_error is not None and "Tree of Thoughts" in found.first_error.got


# -- whole numbers with a point, and fractions by digits alone ------------------------------------------------------------


@pytest.mark.parametrize(
    ("equation", "counts"), [("36+5=41.0", {}), ("36+5=41.00", {}), ("36+5=41.5", {"WRONG_RESULT": 1}), ("36+5=42.0", {"WRONG_RESULT": 1})]
)
def test_a_whole_number_with_a_point_is_that_number(equation: str, counts: Mapping[str, int]) -> None:
    result = equation.partition("=")[2]
    trace = (
        f"Current State: 41:[36, 5], Operations: []\nExploring Operation: {equation}, Resulting Numbers: [{result}]\n"
        f"{result},41 equal: Goal Reached\n"
    )
    found = countdown(trace, 41, (36, 5))
    assert {code: n for code, n in found.counts.items() if code == "WRONG_RESULT"} == counts
    assert found.plan_valid is not bool(counts) and found.trace_valid is not bool(counts)
    assert found.facts["n_wrong_operations"] == found.facts["n_bare_wrong"] == len(counts)


def test_a_rounded_result_is_a_fraction_though_it_ends_in_zeros() -> None:
    one = operation_of("100/99=1.0")
    assert one is not None and one.holds() and one.has_fraction


@pytest.mark.parametrize(
    ("equation", "is_right"),
    [
        *((text, True) for text in ("68/27=68/27", "10/4=5/2", "98/20=4.9", "10/3=3.33...", "2/3=0.66", "2/3=0.67")),
        *((text, False) for text in ("68/27=68/26", "98/20=4", "10/3=3.4", "7/0=1/2")),
    ],
)
def test_equations_by_digits_alone_hold_as_those_of_the_search_do(equation: str, is_right: bool) -> None:
    assert bare_operations(f"then {equation}, and") == (1, 0 if is_right else 1)
    one = operation_of(equation)
    assert one is None or one.holds() is is_right


# -- behind the end of a maze ------------------------------------------------------------


@pytest.mark.parametrize("second", ["eos {0}", "<eos>{0} end", "{0} end", "solution {0} end", "eos solution {0}", "so {0}"])
def test_a_second_plan_behind_the_end_is_a_second_answer(second: str) -> None:
    for plan, is_right in ((RIGHT, True), (WRONG, False)):
        found = [maze(f"reasoning {EVENTS} solution {RIGHT} end {second.format(plan)}")]
        if "eos" in second:
            found.append(maze(f"create 0 0 c0 c2 {EVENTS} {RIGHT} {second.format(plan)}", "searchformer"))
        for one in found:
            assert one.plan_valid is is_right and one.trace_valid is True
            assert one.counts == ({} if is_right else {"PLAN_TWICE": 1})
    other = f"eos start 0 0 goal 1 0 wall 0 1 {WRONG}"
    assert maze(f"create 0 0 c0 c2 {EVENTS} {RIGHT} {other}", "searchformer").is_valid


def test_a_missing_plan_is_no_error_of_the_trace() -> None:
    for tail in ("", " pl"):
        found = maze(f"reasoning {EVENTS} solution{tail}")
        assert (found.trace_valid, found.plan_valid, found.counts) == (True, False, {"PLAN_PARSE": 1})


@pytest.mark.parametrize("tail", [". Done!", "! So it is", "</answer>"])
def test_prose_in_one_word_with_the_end_is_behind_it(tail: str) -> None:
    found = maze(f"reasoning {EVENTS} solution {RIGHT} end{tail}")
    assert found.is_valid and not found.counts and found.facts["after_end"] == tail
