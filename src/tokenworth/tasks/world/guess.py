"""Family *guess*: traces that name an option early and carry on, mostly keeping to it."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from tokenworth.tasks.world.draws import KeyedDraws
from tokenworth.tasks.world.item import WorldQuestion, place_options
from tokenworth.tasks.world.lexicon import MAKERS, PEOPLE, PLACES, SOUNDS

# How the sound was heard sets how often the first option named is the right one. What was heard clearly is named in the
# question, so these questions can be answered without a trace.
MANNERS = MappingProxyType({"clearly": 0.85, "once": 0.6, "faintly": 0.4})
_NAMED = "clearly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clue:
    """What was heard, where, and how."""

    manner: str
    sound: str
    place: str


def build(draws: KeyedDraws) -> WorldQuestion[Clue]:
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
    return WorldQuestion(
        content=f"guess: {clue.manner} {clue.sound} {clue.place}: {' '.join(sorted(options))}",
        question=f"{draws.choice(PEOPLE)} {clue.manner} heard a {heard} in the {clue.place}. What was it?",
        options=options,
        gold=gold,
        plan=clue,
    )


def _maker(sound: str, place: str) -> str:
    return next(maker for maker, marks in MAKERS.items() if marks == (sound, place))
