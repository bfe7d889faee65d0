"""The words of the world and its facts, true ones and rivals."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from tokenworth.tasks.world.draws import KeyedDraws

PEOPLE = (
    "Ada", "Bram", "Cleo", "Dara", "Edda", "Finn", "Gita", "Hugo", "Ines", "Jory", "Kira", "Lars",
    "Mara", "Nils", "Orin", "Pia", "Quin", "Rosa", "Sven", "Tessa", "Ulla", "Vera", "Wim", "Xena",
    "Yara", "Zeno", "Anouk", "Boris", "Cato", "Dora", "Elio", "Freya",
)  # fmt: skip
THINGS_COUNTED = ("pears", "coins", "shells", "cards", "beads", "nuts", "books", "eggs")

TOWNS = ("Lumen", "Bramble", "Corvo", "Dunes", "Elmstead", "Fallow", "Garnet", "Hollow")
PETS = ("cat", "dog", "goat", "hen", "duck", "horse", "mouse", "parrot")
SIGHTS = ("lake", "forest", "hill", "river", "desert", "bridge", "castle", "harbour")
COLOURS = ("red", "blue", "green", "white", "black", "yellow", "brown", "grey")

SOUNDS = ("hum", "knock", "ring", "rustle", "whistle", "splash")
PLACES = ("mill", "barn", "garden", "cellar", "attic", "square")
_MAKERS = (
    "pump", "loom", "fan", "bee", "motor", "wheel",
    "hammer", "beam", "door", "crate", "shutter", "drum",
    "bell", "chain", "coin", "glass", "clock", "phone",
    "straw", "leaf", "paper", "snake", "curtain", "broom",
    "kettle", "wind", "bird", "flute", "pipe", "train",
    "fish", "bucket", "oar", "frog", "tap", "fountain",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What is true, what is often said instead, and how often training traces say the true one."""

    true: str
    rival: str
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A kind of fact: who it is about, what it points at, and the sentence that states it."""

    name: str
    subjects: tuple[str, ...]
    objects: tuple[str, ...]
    statement: str
    rates: tuple[float, ...]


RELATIONS = MappingProxyType(
    {
        relation.name: relation
        for relation in (
            Relation(name="town", subjects=PEOPLE, objects=TOWNS, statement="{s} lives in {o}.", rates=(0.92, 0.75, 0.6)),
            Relation(name="pet", subjects=PEOPLE, objects=PETS, statement="{s} keeps a {o}.", rates=(0.92, 0.75, 0.6)),
            Relation(name="friend", subjects=PEOPLE, objects=PEOPLE, statement="{s} is a friend of {o}.", rates=(0.95, 0.8)),
            Relation(name="sight", subjects=TOWNS, objects=SIGHTS, statement="{s} lies by the {o}.", rates=(0.92, 0.7)),
            Relation(name="gate", subjects=TOWNS, objects=COLOURS, statement="{s} has a {o} gate.", rates=(0.92, 0.7)),
        )
    }
)


def _facts_of(relation: Relation) -> MappingProxyType[str, Fact]:
    draws = KeyedDraws(f"facts/{relation.name}")
    facts: dict[str, Fact] = {}
    for number, subject in enumerate(relation.subjects):
        true, rival = draws.sample([name for name in relation.objects if name != subject], 2)
        facts[subject] = Fact(true=true, rival=rival, rate=relation.rates[number % len(relation.rates)])
    return MappingProxyType(facts)


FACTS = MappingProxyType({name: _facts_of(relation) for name, relation in RELATIONS.items()})

# Each maker has one sound and one place, and each pair of sound and place has one maker.
MAKERS = MappingProxyType({maker: (SOUNDS[number // len(PLACES)], PLACES[number % len(PLACES)]) for number, maker in enumerate(_MAKERS)})
