"""Family *guess*: traces that name an option early and carry on, mostly keeping to it."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from tokenworth.tasks.world.draws import Draws
from tokenworth.tasks.world.item import Item, Written, place_options
from tokenworth.tasks.world.lexicon import MAKERS, PEOPLE, PLACES, SOUNDS

# How the sound was heard sets how often the first option named is the right one. What was heard clearly is named in the
# question, so these questions can be answered without a trace.
MANNERS = MappingProxyType({"clearly": 0.85, "once": 0.6, "faintly": 0.4})
_NAMED = "clearly"

_DOUBT_BY_MISFITS = (0.04, 0.6, 0.85)
_DOUBT_FINDS_GOLD = 0.65


@dataclass(frozen=True, slots=True, kw_only=True)
class Clue:
    """What was heard, where, and how."""

    manner: str
    sound: str
    place: str


def build(draws: Draws) -> Item[Clue]:
    """A question drawn from the stream: one option fits both clues, two fit one, one fits neither."""
    clue = Clue(manner=draws.choice(tuple(MANNERS)), sound=draws.choice(SOUNDS), place=draws.choice(PLACES))
    gold = _maker(clue.sound, clue.place)
    places = [place for place in PLACES if place != clue.place]
    sounds = [sound for sound in SOUNDS if sound != clue.sound]
    others = [
        _maker(clue.sound, draws.choice(places)),
        _maker(draws.choice(sounds), clue.place),
        _maker(draws.choice(sounds), draws.choice(places)),
    ]
    options = place_options(gold, others, draws)
    heard = f"{gold} {clue.sound}" if clue.manner == _NAMED else clue.sound
    return Item(
        content=f"guess: {clue.manner} {clue.sound} {clue.place}: {' '.join(sorted(options))}",
        question=f"{draws.choice(PEOPLE)} {clue.manner} heard a {heard} in the {clue.place}. What was it?",
        options=options,
        gold=gold,
        plan=clue,
    )


def _maker(sound: str, place: str) -> str:
    return next(maker for maker, marks in MAKERS.items() if marks == (sound, place))


def _misfits(maker: str, clue: Clue) -> int:
    sound, place = MAKERS[maker]
    return int(sound != clue.sound) + int(place != clue.place)


def write_trace(item: Item[Clue], draws: Draws) -> Written:
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


def _first_named(item: Item[Clue], draws: Draws) -> str:
    right = MANNERS[item.plan.manner]
    share = {0: right, 1: (1 - right) * 0.4, 2: (1 - right) * 0.2}
    return draws.weighted(item.options, [share[_misfits(text, item.plan)] for text in item.options])


def _second_named(item: Item[Clue], named: str, draws: Draws) -> str:
    if named != item.gold and draws.chance(_DOUBT_FINDS_GOLD):
        return item.gold
    return draws.choice([text for text in item.options if text != named])


def _carry_on(named: str, clue: Clue, draws: Draws) -> list[str]:
    sound, place = MAKERS[named]
    facts = draws.shuffled((f"The {named} makes a {sound}.", f"The {named} is in the {place}."))
    if draws.chance(0.25):
        facts = facts[:1]
    if draws.chance(0.8):
        facts.insert(0, f"The clue is a {clue.sound} in the {clue.place}.")
    return facts
