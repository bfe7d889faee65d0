"""Texts of planning problems and plans: where the problem ends and the plan begins, and which actions the plan's lines name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tokenworth.errors import InvalidInput
from tokenworth.tasks.blocksworld.instance import BLOCKS, MYSTERY, Atom, Call, StripsProblem
from tokenworth.tasks.blocksworld.pddl import MAX_CHARS, read_problem

PDDL = "pddl"
TEXT = "planbench-text"

COLOURS = ("red", "blue", "orange", "yellow", "white", "magenta", "black", "cyan", "green", "violet", "silver", "gold")
"""The blocks a, b, c … of PlanBench's sentences. Source: LLMs-Planning, configs/blocksworld.yaml."""
_LETTER = {colour: chr(ord("a") + index) for index, colour in enumerate(COLOURS)}

MAX_ACTIONS = 10_000
"""Actions a plan may have."""
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_OPEN = re.compile(r"(?im)^[ \t]*\[PLAN\][ \t\r]*$")
_CLOSE = re.compile(r"(?im)^[ \t]*\[PLAN[ _]END\][ \t\r]*$")
_CALL = re.compile(r"\(\s*([a-z][a-z0-9_-]{0,63}(?:\s+[a-z][a-z0-9_-]{0,63}){0,20})\s*\)")
_INIT, _GOAL = "initial conditions I have that", "My goal is to have that"

_B = r"the (\w{1,20}) block"
_O = r"(?:object )?([a-z])"
_FACTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"{_B} is clear"), "clear"),
    (re.compile(rf"{_B} is on the table"), "ontable"),
    (re.compile(rf"{_B} is on top of {_B}"), "on"),
    (re.compile(r"the hand is empty"), "handempty"),
    (re.compile(rf"the hand is currently holding {_B}"), "holding"),
    (re.compile(rf"province {_O}"), "province"),
    (re.compile(rf"planet {_O}"), "planet"),
    (re.compile(rf"pain {_O}"), "pain"),
    (re.compile(rf"{_O} craves {_O}"), "craves"),
    (re.compile(r"harmony"), "harmony"),
)
_SENTENCES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"pick up {_B}"), "pick-up"),
    (re.compile(rf"put down {_B}"), "put-down"),
    (re.compile(rf"stack {_B} on top of {_B}"), "stack"),
    (re.compile(rf"unstack {_B} from (?:on )?top of {_B}"), "unstack"),
    (re.compile(rf"attack {_O}"), "attack"),
    (re.compile(rf"succumb {_O}"), "succumb"),
    (re.compile(rf"overcome {_O} from {_O}"), "overcome"),
    (re.compile(rf"feast {_O} from {_O}"), "feast"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """One line of a plan: the action it names, None where it names none. ``chars``, ``words``: its place in the text, ends exclusive."""

    call: Call | None
    text: str
    chars: tuple[int, int]
    words: tuple[int, int]


def split_text(text: str, first: int, *, is_apart: bool) -> tuple[str, list[tuple[int, int]]]:
    """The problem that stands before a text's last line ``[PLAN]``, and first and past character of each of its plans, the last one last.

    A plan begins after a line ``[PLAN]`` and goes to the next one, or to the end of the text. Not among them are those before the
    problem, unless that stands apart, and drafts in a thought that is closed. Without such a line all from ``first`` on is the plan.
    """
    marks = [match.span() for match in _OPEN.finditer(text)]
    if not marks:
        return "", [(first, len(text))]
    last = marks[-1][0]
    known = max(text.rfind("</think>", 0, last), *(-1 if is_apart else text.rfind(mark, 0, last) for mark in (_GOAL, "[QUERY PROBLEM]")))
    ends = [begin for begin, _ in marks[1:]] + [len(text)]
    return text[:last], [(begin, end) for (mark, begin), end in zip(marks, ends, strict=True) if mark > known]


def plan_end(text: str, start: int, past: int) -> tuple[int, str]:
    """Where a plan ends: at a line ``[PLAN END]``, or one past its last character; and the words between that line and there."""
    closed = _CLOSE.search(text, start, past)
    return (past, "") if closed is None else (closed.start(), " ".join(text[closed.end() : past].split()))


def read_plan(text: str, start: int, past: int, dialect: str) -> Iterator[PlanLine]:
    """The lines of the plan from character ``start`` to a line ``[PLAN END]`` or character ``past``; blank lines are left out.

    ``pddl``: a line is ``(action object …)``, in any case. ``planbench-text``: a line is a sentence such as ``stack the red block on
    top of the blue block``, with a number before and a full stop after it if need be. Lines of a code fence and comments (``;``) are
    left out; every other line is not an action.
    """
    end = plan_end(text, start, past)[0]
    word = len(text[:start].split())
    for match in _LINE.finditer(text, start, end):
        line = match.group()
        bare = line.strip()
        count = len(line.split())
        if bare and not bare.startswith(("```", ";")):
            begin = match.start() + len(line) - len(line.lstrip())
            call = _call(bare) if dialect == PDDL else _sentence(bare)
            yield PlanLine(call=call, text=bare[:80], chars=(begin, begin + len(bare)), words=(word, word + count))
        word += count


def _call(line: str) -> Call | None:
    found = None if len(line) > 2000 else _CALL.fullmatch(line.lower())
    return None if found is None or not line.isascii() else tuple(found.group(1).split())


def _sentence(line: str) -> Call | None:
    bare = re.sub(r"\A\d{1,4}[.)]\s+", "", line.lower()).removesuffix(".") if len(line) <= 200 and line.isascii() else ""
    for pattern, name in _SENTENCES:
        if (found := pattern.fullmatch(bare)) is not None:
            names = [_object(word) for word in found.groups()]
            return None if None in names else (name, *(one for one in names if one is not None))
    return None


def _object(word: str) -> str | None:
    """The object of a colour or a letter."""
    return _LETTER.get(word, word if len(word) == 1 else None)


def problem_of(prompt: str) -> StripsProblem:
    """The last problem that a prompt states: PDDL under ``[DOMAIN]`` and ``[QUERY PROBLEM]``, else PlanBench's sentences.

    Raises: InvalidInput where there is none, or it cannot be read.
    """
    if len(prompt) > 4 * MAX_CHARS:
        raise InvalidInput(f"the prompt of a planning problem has {len(prompt):,} characters; expected at most {4 * MAX_CHARS:,}")
    # A PDDL prompt names both headings once more before, in the sentence that explains them; the last ones are meant.
    domain, problem = prompt.rfind("[DOMAIN]"), prompt.rfind("[QUERY PROBLEM]")
    if 0 <= domain < problem:
        return read_problem(prompt[domain + len("[DOMAIN]") : problem], _before(prompt[problem + len("[QUERY PROBLEM]") :], "[PLAN]"))
    init = prompt.rfind(_INIT)
    goal = prompt.find(_GOAL, max(0, init))
    if init < 0 or goal < 0:
        raise InvalidInput(
            "no planning problem in the prompt; expected PDDL under [DOMAIN] and [QUERY PROBLEM], or PlanBench's sentences of initial "
            "conditions and goal"
        )
    first = prompt[init + len(_INIT) : goal].strip().removeprefix(",").removesuffix(".")
    return _from_sentences(first, _before(prompt[goal + len(_GOAL) :], "."))


def _before(text: str, mark: str) -> str:
    return text.partition(mark)[0]


def _from_sentences(init: str, goal: str) -> StripsProblem:
    first, last = _atoms(init), _atoms(goal)
    names = {atom[0] for atom in first + last}
    domain = next((one for one in (BLOCKS, MYSTERY) if names <= {name for name, _ in one.predicates}), None)
    if domain is None:
        raise InvalidInput(f"the sentences of the prompt mix facts of two domains: {', '.join(sorted(names))}; expected those of one")
    objects = sorted({term for atom in first + last for term in atom[1:]})
    return StripsProblem(domain=domain, objects=tuple(objects), init=first, goal=last)


def _atoms(text: str) -> tuple[Atom, ...]:
    atoms: list[Atom] = []
    for part in re.split(r",\s*|\s+and\s+", text.strip()):
        for pattern, name in _FACTS:
            if (found := pattern.fullmatch(part)) is not None:
                terms = [_object(word) for word in found.groups()]
                if None not in terms:
                    atoms.append((name, *(term for term in terms if term is not None)))
                    break
        else:
            raise InvalidInput(f"{part[:80]!r} in the prompt states no fact of Blocksworld; expected such as 'the red block is clear'")
    return tuple(dict.fromkeys(atoms))
