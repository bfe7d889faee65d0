"""Training traces of the three families: what the bundled model was taught to write, slips and changes of mind included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from tokenworth.tasks.world.draws import KeyedDraws
from tokenworth.tasks.world.guess import MANNERS, Clue
from tokenworth.tasks.world.item import WorldQuestion
from tokenworth.tasks.world.lexicon import FACTS, MAKERS, RELATIONS
from tokenworth.tasks.world.problems import world_item
from tokenworth.tasks.world.recall import Query
from tokenworth.tasks.world.steps import Chain, ChainStep

_SLIP_HARD = 0.2
_SLIP_EASY = 0.02
_CHECK_AFTER_SLIP = 0.40
_CHECK_AFTER_HARD = 0.10
_CHECK_AFTER_EASY = 0.02
_CHECK_RIGHT = 0.88
_CHECK_FACT = 0.14
_FINAL = MappingProxyType({"town": "{o}", "pet": "a {o}", "friend": "{o}", "sight": "the {o}", "gate": "{o}"})
_DOUBT_BY_MISFITS = (0.04, 0.6, 0.85)
_DOUBT_FINDS_GOLD = 0.65


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A training trace, without its ``<think>`` marks, and the label of the option it leads to."""

    text: str
    label: str


def world_trace(family: str, index: int, draws: KeyedDraws, *, split: str = "train", seed: int = 0) -> Written:
    """A training trace for question ``index``, drawn from ``draws``, with the label it leads to.

    The label follows the trace, also where the trace is wrong: a model trained on it answers as its trace says.
    """
    return write_item(world_item(family, index, split=split, seed=seed), family, draws)


def write_item(item: WorldQuestion[Any], family: str, draws: KeyedDraws) -> Written:
    """A training trace for an item already built."""
    return _WRITE[family](item, draws)


def _steps(item: WorldQuestion[Chain], draws: KeyedDraws) -> Written:
    """A trace that works through the chain, slips at times, and sometimes checks itself."""
    value = item.plan.start
    parts = [f"Start with {value}."]
    for step in item.plan.steps:
        sentences, value = _work(step, value, draws)
        parts += sentences
    answer = str(value)
    if answer not in item.options:
        answer = min(item.options, key=lambda text: (abs(int(text) - value), int(text)))
        parts.append(f"{value} is not there. The nearest is {answer}.")
    label = item.label(answer)
    parts.append(draws.choice((f"So it is {answer}.", f"So it is {answer}, ({label}).")))
    return Written(text=" ".join(parts), label=label)


def _work(step: ChainStep, before: int, draws: KeyedDraws) -> tuple[list[str], int]:
    hard = step.hard(before)
    right, wrong = step.result(before), step.slipped(before)
    value = wrong if draws.chance(_SLIP_HARD if hard else _SLIP_EASY) else right
    sentences = [step.sentence(before, value)]
    if value == wrong:
        check = _CHECK_AFTER_SLIP
    else:
        check = _CHECK_AFTER_HARD if hard else _CHECK_AFTER_EASY
    if draws.chance(check):
        value = right if draws.chance(_CHECK_RIGHT) else wrong
        sentences.append("Wait, let me check. " + step.sentence(before, value))
    return sentences, value


def _recall(item: WorldQuestion[Query], draws: KeyedDraws) -> Written:
    """A trace that recalls one fact a hop, and at times recalls one again."""
    at = item.plan.subject
    parts: list[str] = []
    for name in item.plan.path:
        said = _recalled(name, at, draws)
        parts.append(_state(name, at, said))
        if draws.chance(_CHECK_FACT):
            said = _recalled(name, at, draws)
            parts.append("Wait, let me check. " + _state(name, at, said))
        at = said
    if at not in item.options:
        parts.append(f"{_final(item, at, capital=True)} is not there.")
        at = draws.choice(item.options)
    label = item.label(at)
    final = _final(item, at)
    parts.append(draws.choice((f"So it is {final}.", f"So it is {final}, ({label}).")))
    return Written(text=" ".join(parts), label=label)


def _recalled(name: str, subject: str, draws: KeyedDraws) -> str:
    fact = FACTS[name][subject]
    return fact.true if draws.chance(fact.rate) else fact.rival


def _state(name: str, subject: str, said: str) -> str:
    return RELATIONS[name].statement.format(s=subject, o=said)


def _final(item: WorldQuestion[Query], end: str, *, capital: bool = False) -> str:
    text = _FINAL[item.plan.path[-1]].format(o=end)
    return text[0].upper() + text[1:] if capital else text


def _guess(item: WorldQuestion[Clue], draws: KeyedDraws) -> Written:
    """A trace that names an option at once, says things about it, and now and then changes to another."""
    named = _first_named(item, draws)
    parts = [f"It looks like the {named}, ({item.label(named)})."]
    for doubt_left in (True, True, True, False):
        parts += _carry_on(named, item.plan, draws)
        doubt = _DOUBT_BY_MISFITS[_misfits(named, item.plan)]
        if not (doubt_left and draws.chance(doubt)):
            break
        named = _second_named(item, named, draws)
        parts.append(f"Wait, maybe it is the {named}, ({item.label(named)}).")
    label = item.label(named)
    parts.append(draws.choice((f"I keep ({label}).", f"So it is the {named}.")))
    return Written(text=" ".join(parts), label=label)


def _first_named(item: WorldQuestion[Clue], draws: KeyedDraws) -> str:
    right = MANNERS[item.plan.manner]
    share = {0: right, 1: (1 - right) * 0.4, 2: (1 - right) * 0.2}
    return draws.weighted(item.options, [share[_misfits(text, item.plan)] for text in item.options])


def _second_named(item: WorldQuestion[Clue], named: str, draws: KeyedDraws) -> str:
    if named != item.gold and draws.chance(_DOUBT_FINDS_GOLD):
        return item.gold
    return draws.choice([text for text in item.options if text != named])


def _carry_on(named: str, clue: Clue, draws: KeyedDraws) -> list[str]:
    sound, place = MAKERS[named]
    facts = draws.shuffled((f"The {named} makes a {sound}.", f"The {named} is in the {place}."))
    if draws.chance(0.25):
        facts = facts[:1]
    if draws.chance(0.8):
        facts.insert(0, f"The clue is a {clue.sound} in the {clue.place}.")
    return facts


def _misfits(maker: str, clue: Clue) -> int:
    sound, place = MAKERS[maker]
    return int(sound != clue.sound) + int(place != clue.place)


_WRITE: dict[str, Callable[[WorldQuestion[Any], KeyedDraws], Written]] = {"steps": _steps, "recall": _recall, "guess": _guess}
