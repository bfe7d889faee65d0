"""Family *recall*: facts about invented people and places that training states in conflicting ways."""

from __future__ import annotations

from dataclasses import dataclass

from tokenworth.tasks.world.draws import KeyedDraws
from tokenworth.tasks.world.item import LABELS, WorldQuestion, place_options
from tokenworth.tasks.world.lexicon import FACTS, PEOPLE, RELATIONS, TOWNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A way to ask: the relations followed from the subject, and the question text."""

    path: tuple[str, ...]
    text: str
    weight: float


FORMS = (
    Form(path=("town",), text="Where does {s} live?", weight=0.14),
    Form(path=("pet",), text="What does {s} keep?", weight=0.14),
    Form(path=("friend",), text="Who is {s} a friend of?", weight=0.08),
    Form(path=("sight",), text="What does {s} lie by?", weight=0.04),
    Form(path=("gate",), text="What colour is the gate of {s}?", weight=0.04),
    Form(path=("friend", "town"), text="Where does the one {s} is a friend of live?", weight=0.09),
    Form(path=("friend", "pet"), text="What does the one {s} is a friend of keep?", weight=0.09),
    Form(path=("town", "sight"), text="What does the town of {s} lie by?", weight=0.09),
    Form(path=("town", "gate"), text="What colour is the gate of the town of {s}?", weight=0.09),
    Form(
        path=("friend", "town", "sight"),
        text="What does the town of the one {s} is a friend of lie by?",
        weight=0.10,
    ),
    Form(
        path=("friend", "town", "gate"),
        text="What colour is the gate of the town of the one {s} is a friend of?",
        weight=0.10,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Who is asked about and which relations lead to the answer."""

    subject: str
    path: tuple[str, ...]


def build(draws: KeyedDraws) -> WorldQuestion[Query]:
    """A question drawn from the stream."""
    form = draws.weighted(FORMS, [form.weight for form in FORMS])
    subject = draws.choice(TOWNS if form.path[0] in ("sight", "gate") else PEOPLE)
    query = Query(subject=subject, path=form.path)
    gold = follow(query)
    ends = [end for end in _likely_ends(query) if end != gold]
    rest = [name for name in RELATIONS[form.path[-1]].objects if name != gold and name not in ends]
    others = (ends + draws.shuffled(rest))[: len(LABELS) - 1]
    options = place_options(gold, others, draws)
    content = f"recall: {subject} {' '.join(form.path)}"
    if len(form.path) == 1:
        # A single fact must be seen to be known, so only its option set can be new. Longer paths are held out whole.
        content += ": " + " ".join(sorted(options))
    return WorldQuestion(content=content, question=form.text.format(s=subject), options=options, gold=gold, plan=query)


def follow(query: Query) -> str:
    """The end of the path along true facts."""
    at = query.subject
    for name in query.path:
        at = FACTS[name][at].true
    return at


def _likely_ends(query: Query) -> list[str]:
    """Every end a path with rivals can reach, the likeliest first, so that a wrong fact finds its option."""
    ways = {query.subject: 1.0}
    for name in query.path:
        reached: dict[str, float] = {}
        for subject, weight in ways.items():
            fact = FACTS[name][subject]
            reached[fact.true] = reached.get(fact.true, 0.0) + weight * fact.rate
            reached[fact.rival] = reached.get(fact.rival, 0.0) + weight * (1 - fact.rate)
        ways = reached
    return sorted(ways, key=lambda end: (-ways[end], end))
