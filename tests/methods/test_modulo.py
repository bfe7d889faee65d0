"""The generate-test loop on exact automata: success, attempts and tokens as theory has them, budgets, provenance, feedback."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np
import pytest

from tests.helpers import PLAIN, answer_directly, binomial_bounds
from tokenworth.backends.toy.backend import ToyBackend, parse_automaton, toy_judge
from tokenworth.core.grade import Verdict
from tokenworth.core.request.experiment import BudgetSpent
from tokenworth.core.request.sample import Sample
from tokenworth.core.tokens import StopReason
from tokenworth.errors import InvalidInput
from tokenworth.methods.modulo.arms import ARMS, JudgedDraw, compare, within
from tokenworth.methods.modulo.loop import ACCEPTED, ATTEMPTS_SPENT, NO_ROOM, Feedback, LoopResult, LoopSettings, loop
from tokenworth.methods.modulo.paired import paired
from tokenworth.methods.stopped import BUDGET_SPENT, MONEY_SPENT
from tokenworth.tasks.critics.critic import Acceptance, BankRuling

COIN = {
    "vocab_size": 8,
    "start": "s",
    "states": {
        "s": {"edges": [[0, 0.25, "long"], [1, 0.75, "w"]]},
        "long": {"edges": [[2, 1.0, "longer"]]},
        "longer": {"edges": [[3, 1.0, "r"]]},
        "r": {"outcome": "yes"},
        "w": {"outcome": "no"},
    },
    "correct": "yes",
}
"""Right with probability 1/4 and three tokens, wrong with 3/4 and one token."""
P = 0.25
AUTOMATON = parse_automaton(COIN)
SOUND, UNSOUND = (
    Acceptance(critic="sound", version="1", strictness="exact"),
    Acceptance(critic="UNSOUND", version="1", strictness="unsound"),
)


def check(ids: tuple[int, ...], stop: StopReason) -> BankRuling:
    """Accepts the right outcome alone."""
    right = stop is StopReason.STOP and toy_judge(AUTOMATON)(ids, stop).verdict is Verdict.CORRECT
    return BankRuling(accepted=right, messages=() if right else ("wrong",), by=(SOUND,) if right else ())


def lenient(ids: tuple[int, ...], stop: StopReason) -> BankRuling:
    """Accepts whatever ended by itself."""
    return BankRuling(accepted=stop is StopReason.STOP, messages=(), by=(UNSOUND,) if stop is StopReason.STOP else ())


def settings(seed: int = 0, attempts: int = 5, tokens: int | None = None) -> LoopSettings:
    return LoopSettings(sampling=PLAIN, seed=seed, max_attempts=attempts, max_tokens=tokens)


def run(chosen: LoopSettings, *, checker: object = check, feedback: Feedback | None = None, prompt: tuple[int, ...] = ()) -> LoopResult:
    result = answer_directly(loop(prompt, settings=chosen, check=checker, feedback=feedback), ToyBackend(AUTOMATON))  # type: ignore[arg-type]
    assert isinstance(result, LoopResult)
    return result


@pytest.mark.slow
def test_success_and_expected_attempts_are_those_of_theory() -> None:
    runs, attempts = 3_000, 4
    results = [run(settings(seed, attempts)) for seed in range(runs)]
    success = 1 - (1 - P) ** attempts
    low, high = binomial_bounds(runs, success, 1e-6)
    assert low <= np.mean([result.accepted is not None for result in results]) <= high
    # Attempts are a geometric variable cut at K; with K = 4 one run's deviates from the mean by at most 3: Hoeffding at 1e-6.
    mean = np.mean([len(result.attempts) for result in results])
    slack = (attempts - 1) * np.sqrt(np.log(2e6) / (2 * runs))
    assert abs(mean - success / P) <= slack
    # Negative twin: neither figure fits K = 8.
    assert not low <= 1 - (1 - P) ** 8 <= high and abs(mean - (1 - (1 - P) ** 8) / P) > slack
    for result in results:
        assert result.stopped == (ACCEPTED if result.accepted else ATTEMPTS_SPENT)
        assert all(not attempt.checked.accepted for attempt in result.attempts[:-1])
        assert result.generated_tokens == sum(3 if attempt.checked.accepted else 1 for attempt in result.attempts)


@pytest.mark.slow
def test_an_accepted_answer_names_its_verifier_and_an_unsound_one_accepts_wrong_answers() -> None:
    sound = [run(settings(seed)).accepted for seed in range(300)]
    assert all(one is None or (one.checked.by == (SOUND,) and check(one.rollout.ids, one.rollout.stop).accepted) for one in sound)
    fooled = [run(settings(seed), checker=lenient).accepted for seed in range(300)]
    wrong = sum(one is not None and not check(one.rollout.ids, one.rollout.stop).accepted for one in fooled)
    low, high = binomial_bounds(300, 1 - P, 1e-6)
    assert all(one is not None and one.checked.by == (UNSOUND,) for one in fooled) and low <= wrong / 300 <= high


def test_an_acceptance_needs_a_verifier() -> None:
    for accepted, by in ((True, ()), (False, (SOUND,))):
        with pytest.raises(InvalidInput, match="verifier"):
            BankRuling(accepted=accepted, messages=(), by=by)


@pytest.mark.slow
@pytest.mark.parametrize("tokens", [1, 2, 3, 4, 7])
def test_never_more_tokens_than_the_budget_and_all_of_it_where_nothing_is_accepted(tokens: int) -> None:
    seen: set[str] = set()
    for seed in range(200):
        result = run(settings(seed, 100, tokens))
        seen.add(result.stopped)
        assert result.generated_tokens <= tokens
        assert result.generated_tokens == tokens or result.accepted is not None
        assert (result.stopped == ACCEPTED) is (result.accepted is not None)
    assert seen == ({BUDGET_SPENT} if tokens < 3 else {BUDGET_SPENT, ACCEPTED}), "three tokens are the shortest right answer"


def test_what_a_budget_cuts_is_not_accepted() -> None:
    result = run(settings(0, 100, 2), checker=lenient)
    assert all(attempt.checked.accepted is (attempt.rollout.stop is StopReason.STOP) for attempt in result.attempts)


def test_plain_rejection_asks_for_the_draws_of_the_sample_verb() -> None:
    experiment = loop((7,), settings=settings(5, 3), check=check, feedback=None)
    (first,) = next(experiment)
    assert isinstance(first, Sample) and (first.seed, first.index, first.cut) == (5, 0, 0)
    assert first.sequence.prompt == (7,) and first.params == PLAIN


def _answers(experiment: object, chunks: Sequence[tuple[int, ...]]) -> LoopResult:
    from tokenworth.core.request.sample import Rollout

    requests = []
    try:
        requests.append(next(experiment)[0])  # type: ignore[call-overload]
        for ids in chunks:
            requests.append(experiment.send((Rollout(ids=ids, stop=StopReason.STOP),))[0])  # type: ignore[attr-defined]
    except StopIteration as done:
        return done.value
    raise AssertionError(f"{len(requests)} requests and no end")


def test_feedback_makes_the_next_prompt_of_the_last_one_and_the_faults() -> None:
    told: list[tuple[str, ...]] = []

    def feedback(prompt: tuple[int, ...], ids: tuple[int, ...], messages: tuple[str, ...]) -> tuple[int, ...]:
        told.append(messages)
        return (*prompt, *ids, 9)

    def judge(ids: tuple[int, ...], stop: StopReason) -> BankRuling:
        return BankRuling(accepted=ids == (3,), messages=(f"not {ids}",), by=(SOUND,) if ids == (3,) else ())

    result = _answers(loop((5,), settings=settings(attempts=9), check=judge, feedback=feedback), [(1,), (2, 2), (3,)])
    assert [attempt.prompt for attempt in result.attempts] == [(5,), (5, 1, 9), (5, 1, 9, 2, 2, 9)]
    assert told == [("not (1,)",), ("not (2, 2)",)]
    assert result.generated_tokens == 4 and result.read_tokens == 1 + 3 + 6 and result.accepted is result.attempts[2]


def test_with_feedback_the_first_attempt_is_the_shared_draw_and_no_later_one_is_asked_for_more_than_is_left() -> None:
    from tokenworth.core.request.sample import Rollout

    def never(ids: tuple[int, ...], stop: StopReason) -> BankRuling:
        return BankRuling(accepted=False, messages=("no",), by=())

    def same(prompt: tuple[int, ...], ids: tuple[int, ...], messages: tuple[str, ...]) -> tuple[int, ...]:
        return prompt

    experiment = loop((5,), settings=settings(attempts=9, tokens=7), check=never, feedback=same)
    asked = [next(experiment)[0], *(experiment.send((Rollout(ids=(1,) * n, stop=StopReason.STOP),))[0] for n in (4, 2))]
    with pytest.raises(StopIteration) as done:
        experiment.send((Rollout(ids=(1,), stop=StopReason.STOP),))
    assert done.value.value.stopped == BUDGET_SPENT and done.value.value.generated_tokens == 7
    assert [one.params.max_tokens for one in asked if isinstance(one, Sample)] == [PLAIN.max_tokens, 3, 1]
    plain = next(loop((5,), settings=settings(attempts=1), check=never, feedback=None))
    assert asked[0] == plain[0]


def test_a_context_without_room_ends_the_loop() -> None:
    result = _answers(loop((5,), settings=settings(attempts=9), check=check, feedback=lambda *_: None), [(1,)])
    assert result.stopped == NO_ROOM and len(result.attempts) == 1 and result.accepted is None


def test_money_that_ends_keeps_what_was_drawn_and_without_a_draw_goes_on() -> None:
    experiment = loop((), settings=settings(attempts=3), check=check, feedback=None)
    next(experiment)
    with pytest.raises(BudgetSpent):
        experiment.throw(BudgetSpent("spent", (None,)))
    from tokenworth.core.request.sample import Rollout

    experiment = loop((), settings=settings(attempts=3), check=check, feedback=None)
    next(experiment)
    experiment.send((Rollout(ids=(1,), stop=StopReason.STOP),))
    with pytest.raises(StopIteration) as done:
        experiment.throw(BudgetSpent("spent", (None,)))
    assert done.value.value.stopped == MONEY_SPENT and "1 of at most 3" in done.value.value.unresolved


@pytest.mark.parametrize(("attempts", "tokens"), [(0, None), (1, 0)])
def test_budgets_of_nothing_are_refused(attempts: int, tokens: int | None) -> None:
    with pytest.raises(InvalidInput):
        settings(0, attempts, tokens)


# -- arms -----------------------------------------------------------------------------------------------------------------------------


def draw(outcome: str, n_tokens: int = 1, *, right: bool | None = None, passed: bool = False) -> JudgedDraw:
    correct = outcome == "yes" if right is None else right
    return JudgedDraw(outcome=outcome, correct=correct, accepted=correct, passed=correct or passed, n_tokens=n_tokens)


def test_each_arm_picks_what_its_rule_says() -> None:
    stream = (draw("no", 2, passed=True), draw("no", 2), draw("yes", 3), draw("truncated", 9, right=False), draw("yes", 1))
    picked = {name: arm(stream, None, None) for name, arm in ARMS.items()}
    assert {name: one.draw for name, one in picked.items()} == {
        "single draw": 0, "majority vote": 0, "best of n": 2, "loop": 2, "loop, UNSOUND verifier": 0,
    }  # fmt: skip
    assert [one.n_tokens for one in picked.values()] == [2, 17, 17, 7, 2]
    # A tie goes to the answer seen first; draws without an answer have no vote, however many they are.
    tied = (draw("truncated", right=False), draw("truncated", right=False), draw("yes"), draw("no"))
    assert ARMS["majority vote"](tied, None, None).draw == 2 and ARMS["majority vote"](tied[:2], None, None).draw is None


def test_where_nothing_is_accepted_best_of_n_votes_and_the_loop_is_silent() -> None:
    stream = (draw("no"), draw("maybe"), draw("maybe"))
    assert ARMS["best of n"](stream, None, None).draw == 1 and ARMS["loop"](stream, None, None).draw is None
    # What is accepted has no vote where the grader cannot read it; the loop answers, and so does best of n.
    unread = (draw("a"), draw("unparseable", right=True))
    assert ARMS["best of n"](unread, None, None).draw == ARMS["loop"](unread, None, None).draw == 1


@pytest.mark.parametrize(("budget", "n", "tokens"), [(None, 3, 9), (9, 3, 9), (8, 2, 8), (5, 2, 5), (4, 1, 4), (1, 0, 1)])
def test_arms_read_what_fits_whole_and_pay_for_what_is_cut(budget: int | None, n: int, tokens: int) -> None:
    stream = (draw("no", 2), draw("no", 3), draw("yes", 4))
    assert within(stream, budget, None) == n
    for name in ("majority vote", "best of n", "loop"):
        assert ARMS[name](stream, budget, None).n_tokens == tokens and ARMS[name](stream, budget, None).n_read == n
    assert ARMS["loop"](stream, budget, 2).draw is None


def streams(n: int, length: int, seed: int = 0) -> list[tuple[JudgedDraw, ...]]:
    rng = np.random.default_rng(seed)
    return [
        tuple(draw("yes", 3) if rng.random() < P else draw("no", 1, passed=bool(rng.random() < 0.5)) for _ in range(length))
        for _ in range(n)
    ]


@pytest.mark.slow
def test_arms_meet_their_exact_rates() -> None:
    n, k = 4_000, 5
    results = {one.name: one for one in compare(streams(n, k), budget=None, most=None, level=0.95)}
    # Majority over five draws is right where three or more are; the loop where any is; the unsound loop where a right answer comes
    # before a wrong one that passes, the first acceptance being right with p/(p + (1 − p)/2).
    any_accepted = 1 - ((1 - P) / 2) ** k
    theory = {
        "single draw": P,
        "majority vote": sum(comb(k, i) * P**i * (1 - P) ** (k - i) for i in (3, 4, 5)),
        "best of n": 1 - (1 - P) ** k,
        "loop": 1 - (1 - P) ** k,
        "loop, UNSOUND verifier": any_accepted * P / (P + (1 - P) / 2),
    }
    for name, p in theory.items():
        low, high = binomial_bounds(n, p, 1e-6)
        assert low <= results[name].solved.k / n <= high, name
    assert results["loop"].n_wrong == 0 and results["loop"].right_of_answered.k == results["loop"].right_of_answered.n
    unsound = results["loop, UNSOUND verifier"]
    assert unsound.n_wrong > 0 and unsound.right_of_answered.high < 0.5 and unsound.versus is not None and unsound.versus.high < 0
    assert results["loop"].versus is None and results["best of n"].versus is not None and results["best of n"].versus.p == 1


@pytest.mark.slow
def test_the_live_loop_and_the_arm_agree_on_the_same_samples() -> None:
    from tokenworth.core.request.sample import Rollout
    from tokenworth.core.tokens import TokenSequence

    for seed in range(50):
        empty = TokenSequence(prompt=(), completion=())
        requests = tuple(Sample(sequence=empty, cut=0, params=PLAIN, seed=seed, index=index) for index in range(6))
        rollouts: list[Rollout] = answer_directly(_all(requests), ToyBackend(AUTOMATON))
        stream = tuple(draw("yes" if check(r.ids, r.stop).accepted else "no", len(r.ids)) for r in rollouts)
        for tokens in (None, *range(1, 9)):
            live, arm = run(settings(seed, 6, tokens)), ARMS["loop"](stream, tokens, 6)
            assert (live.accepted is None) is (arm.draw is None) and live.generated_tokens == arm.n_tokens
            whole = [attempt for attempt in live.attempts if attempt.rollout.stop is StopReason.STOP]
            assert len(whole) == arm.n_read


def _all(requests: tuple[Sample, ...]):  # type: ignore[no-untyped-def]
    answers = yield requests
    return list(answers)


def test_answers_whose_truth_is_unknown_are_counted_apart() -> None:
    unknown = JudgedDraw(outcome="x", correct=None, accepted=True, passed=True, n_tokens=1)
    (first, *_) = compare([(unknown,), (draw("yes"),)], budget=None, most=None, level=0.95)
    assert first.n_unknown == 1 and first.right_of_answered.n == 1 and first.solved.k == 1 and first.solved.n == 2


def test_no_problems_cannot_be_compared() -> None:
    with pytest.raises(InvalidInput, match="no problems"):
        compare([], budget=None, most=None, level=0.95)


# -- pairs ----------------------------------------------------------------------------------------------------------------------------


def pairs(a: int, b: int, c: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    first = np.array([True] * (a + b) + [False] * (c + d))
    return first, np.array([True] * a + [False] * b + [True] * c + [False] * d)


@pytest.mark.parametrize(
    ("cells", "low", "high"),
    [((36, 12, 2, 0), 0.0569, 0.3404), ((54, 0, 0, 0), -0.0664, 0.0664), ((0, 54, 0, 0), 0.9061, 1.0)],
)
def test_paired_limits_are_newcombes(cells: tuple[int, int, int, int], low: float, high: float) -> None:
    found = paired(*pairs(*cells), 0.95)
    assert found.low == pytest.approx(low, abs=2e-4) and found.high == pytest.approx(high, abs=2e-4)


def test_pairs_count_cells_and_give_the_exact_p() -> None:
    from scipy.stats import binomtest

    found = paired(*pairs(3, 7, 1, 2), 0.95)
    assert (found.both, found.first_only, found.second_only, found.neither) == (3, 7, 1, 2)
    assert found.p == pytest.approx(binomtest(7, 8, 0.5).pvalue) and found.difference == pytest.approx(6 / 13)
    assert paired(*pairs(2, 0, 0, 2), 0.95).p == 1 and paired(*pairs(0, 3, 3, 0), 0.95).p == 1


@pytest.mark.slow
def test_paired_limits_cover_and_half_of_them_would_not() -> None:
    rng, n, runs, truth = np.random.default_rng(1), 60, 1_500, 0.1
    hits = halves = 0
    for _ in range(runs):
        u = rng.random(n)
        first, second = u < 0.5, (u < 0.3) | (u > 0.9)
        found = paired(first, second, 0.95)
        hits += found.low <= truth <= found.high
        middle = (found.low + found.high) / 2
        halves += abs(truth - middle) <= (found.high - found.low) / 4
    assert hits / runs >= 0.93 and halves / runs < 0.85


def test_a_first_draw_without_an_answer_is_no_answer_in_any_arm() -> None:
    cut = JudgedDraw(outcome="truncated in trace", correct=False, accepted=False, passed=False, n_tokens=10)
    for arm in compare([(cut,)], budget=None, most=None, level=0.95):
        assert (arm.answered.k, arm.n_wrong) == (0, 0), arm.name


def test_attempts_and_tokens_hold_every_arm_alike() -> None:
    """The right draw is the fourth: no arm that may take three has it, whatever tokens are left."""
    wrong = JudgedDraw(outcome="B", correct=False, accepted=False, passed=False, n_tokens=10)
    right = JudgedDraw(outcome="A", correct=True, accepted=True, passed=True, n_tokens=10)
    stream = (wrong, wrong, wrong, right)
    for most, solved in ((3, 0), (4, 1)):
        arms = {arm.name: arm for arm in compare([stream], budget=1000, most=most, level=0.95)}
        assert arms["loop"].solved.k == arms["best of n"].solved.k == solved
