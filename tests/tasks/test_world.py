"""The synthetic world: determinism, splits, options, and the grammar of its traces."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.tiny.traces import world_trace
from tokenworth.core.problem import question_text
from tokenworth.errors import InvalidInput, UnknownName
from tokenworth.tasks.world.draws import KeyedDraws
from tokenworth.tasks.world.item import LABELS
from tokenworth.tasks.world.lexicon import FACTS, MAKERS, PLACES, RELATIONS, SOUNDS
from tokenworth.tasks.world.problems import FAMILIES, split_of, world_item, world_problem
from tokenworth.tasks.world.recall import follow

N = 1500


@pytest.mark.parametrize("family", FAMILIES)
def test_same_arguments_give_the_same_problem_and_trace(family):
    for index in range(50):
        assert world_problem(family, index) == world_problem(family, index)
        assert world_trace(family, index, KeyedDraws("x")) == world_trace(family, index, KeyedDraws("x"))


def test_golden_problem():
    # A change here changes every published number: it belongs under "Changes results".
    problem = world_problem("recall", 0)
    assert problem.id == "world:recall/test/0"
    assert problem.task == "world:recall"
    assert question_text(problem) == GOLDEN


@pytest.mark.parametrize("family", FAMILIES)
def test_train_and_test_share_no_content(family):
    contents = {split: {world_item(family, i, split=split).content for i in range(N)} for split in ("train", "test")}
    assert not contents["train"] & contents["test"]
    for split, seen in contents.items():
        assert all(split_of(content) == split for content in seen)


@pytest.mark.slow
def test_train_and_test_share_no_question_whatever_the_names_and_order():
    def bare(problem):
        words = [word for word in re.findall(r"[a-z0-9]+", question_text(problem).split("\n")[0])]
        return (" ".join(words), tuple(sorted(option.text for option in problem.options)))

    for family in ("steps", "guess"):
        train = {bare(world_problem(family, i, split="train")) for i in range(N)}
        assert not train & {bare(world_problem(family, i, split="test")) for i in range(N)}


def test_held_out_paths_of_recall_are_never_trained_with_any_options():
    def path(i, split):
        item = world_item("recall", i, split=split)
        return (item.plan.subject, item.plan.path) if len(item.plan.path) > 1 else None

    train = {path(i, "train") for i in range(N)} - {None}
    test = {path(i, "test") for i in range(N)} - {None}
    assert len(test) >= 20 and not train & test


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_options_are_four_and_differ_and_gold_is_uniform(family):
    golds: Counter[str] = Counter()
    for index in range(N):
        problem = world_problem(family, index)
        assert problem.labels == LABELS
        assert len({option.text for option in problem.options}) == 4
        golds[problem.gold] += 1
    # Chi-square with 3 degrees of freedom: above 30.7 with probability 1e-6.
    assert sum((golds[label] - N / 4) ** 2 / (N / 4) for label in LABELS) < 30.7


@pytest.mark.parametrize("family", FAMILIES)
def test_streams_of_different_seeds_do_not_overlap(family):
    # Adding seed and index would make item 1 of seed 0 equal item 0 of seed 1.
    first = [question_text(world_problem(family, i, seed=0)) for i in range(300)]
    other = [question_text(world_problem(family, i, seed=1)) for i in range(300)]
    for shift in range(-3, 4):
        same = sum(first[i] == other[i + shift] for i in range(3, 297))
        assert same <= 6, (shift, same)
    assert len(set(first)) > 250


@pytest.mark.slow
def test_steps_gold_is_the_result_of_the_chain_read_from_the_question():
    for index in range(N):
        problem = world_problem("steps", index)
        value = None
        for sentence in problem.question.split(". "):
            number = [int(n) for n in re.findall(r"\d+", sentence)]
            if " has " in sentence:
                value = number[0]
            elif "doubles" in sentence:
                value *= 2
            elif number:
                value += number[0] if sentence.rstrip(".").endswith("more") else -number[0]
        assert next(option.text for option in problem.options if option.label == problem.gold) == str(value)
        assert 0 <= value <= 99


def test_recall_gold_follows_true_facts_and_rivals_differ():
    for relation in RELATIONS:
        for subject, fact in FACTS[relation].items():
            assert fact.true != fact.rival and subject not in (fact.true, fact.rival)
            assert 0.5 < fact.rate < 1
    for index in range(300):
        item = world_item("recall", index)
        assert item.gold == follow(item.plan)


def test_guess_gold_alone_fits_both_clues():
    assert sorted(MAKERS.values()) == sorted((sound, place) for sound in SOUNDS for place in PLACES)
    for index in range(300):
        item = world_item("guess", index)
        fits = [text for text in item.options if MAKERS[text] == (item.plan.sound, item.plan.place)]
        assert fits == [item.gold]


@pytest.mark.parametrize("family", FAMILIES)
def test_traces_lead_to_an_option_and_vary(family):
    right = 0
    for index in range(N):
        problem = world_problem(family, index, split="train")
        written = world_trace(family, index, KeyedDraws(f"trace/{index}"))
        assert written.label in problem.labels
        assert re.fullmatch(r"[A-Za-z0-9 .,()]+\.", written.text) and "  " not in written.text
        labels = re.findall(r"\(([A-D])\)", written.text)
        assert not labels or labels[-1] == written.label or "So it is" in written.text
        right += written.label == problem.gold
    # Slips, rivals and doubts leave a part of the traces wrong in every family; none may be all right or at chance.
    assert 0.5 < right / N < 0.9


def test_unknown_names_and_negative_index_are_refused():
    with pytest.raises(UnknownName, match="recall"):
        world_problem("recal", 0)
    with pytest.raises(UnknownName, match="test"):
        world_problem("steps", 0, split="tests")
    with pytest.raises(InvalidInput, match="-1"):
        world_problem("steps", -1)


@given(st.text(), st.integers(1, 1000))
def test_draws_stay_in_range_and_repeat(key, n):
    first, second = KeyedDraws(key), KeyedDraws(key)
    values = [first.below(n) for _ in range(20)]
    assert values == [second.below(n) for _ in range(20)]
    assert all(0 <= value < n for value in values)
    assert sorted(first.shuffled(range(n))) == list(range(n))


def test_draws_of_different_keys_agree_by_chance_only():
    a, b = KeyedDraws("1/12"), KeyedDraws("11/2")
    same = sum(a.below(10) == b.below(10) for _ in range(2000))
    assert 120 < same < 290  # mean 200, standard deviation 13.4


GOLDEN = """\
What colour is the gate of the town of Xena?
(A) brown
(B) yellow
(C) black
(D) blue"""
