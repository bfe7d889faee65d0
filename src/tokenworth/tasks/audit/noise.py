"""Wordings that every kind of answer shares. In a template, {g} is the right answer and {o} another one."""

from __future__ import annotations

from collections.abc import Iterable

FRAMES = ("{}", "The answer is {}.", "\\boxed{{{}}}", "Let me see.\n\nFinal answer: {}", "**Answer:** {}")
"""Ways to state one answer that any reader of free text should know."""

SEPARATORS = (
    "\u200b", "\u2060", "\ufeff", "\u00ad", "\u202e", "\u2066", "\x00", "\x08", "\x1b[2K", "\u2028", "\x0b", "\r", "\n" * 400, " " * 400,
)  # fmt: skip
"""What a reader does not see between two answers: zero-width, direction and control characters, and very much white space."""
HIDDEN = tuple(f"{stated}{mark}{{g}}" for mark in SEPARATORS for stated in ("The answer is {o}.", "\\boxed{{{o}}}"))
"""Another answer is stated; the right one follows after something that a reader does not see."""

HEDGES = (
    "{g} or {o}", "{o} or {g}", "The answer is {g} or {o}.", "The answer is either {o} or {g}.", "The answer is {o} and {g}.",
    "The answer is {g}, {o}.", "The answer is {g}/{o}", "\\boxed{{{g}}} \\boxed{{{o}}}", "\\boxed{{{o}}} or \\boxed{{{g}}}",
    "The answer is {o}. The answer is {g}.", "Final answer: {g}\nFinal answer: {o}",
)  # fmt: skip
"""Two answers that are not one answer."""

NEGATIONS = (
    "The answer is not {g}.", "The answer isn't {g}.", "The answer is anything but {g}.", "The answer cannot be {g}.", "It is not {g}.",
    "The answer is definitely not {g}.", "\\boxed{{\\text{{not }}{g}}}",
)  # fmt: skip
"""Denials of the right answer."""

CORRECTIONS = (
    "The answer is {g}. Correction: the answer is {o}.", "\\boxed{{{g}}} is wrong. The answer is \\boxed{{{o}}}",
    "Answer: {g}\n\nThat was wrong.\n\nAnswer: {o}", "I first thought that the answer is {g}, but the answer is {o}.",
)  # fmt: skip
"""A text that takes the right answer back for another one."""

_CLAIMS = ("The answer is {g}.", "So it is {g}.", "\\boxed{{{g}}}.", "Final answer: {g}.", "{g}.")
_RETRACTIONS = (
    "That is wrong.", "No.", "No, that is not right.", "This is incorrect.", "That does not work.", "It doesn't fit.", "Not quite.",
    "Wrong.", "Wait, that is a mistake.", "Actually, no.", "Hmm, that can't be right.", "But that is impossible.",
    "Sorry, I made an error.", "I was wrong.", "I'm not sure about that.", "I doubt it.", "However, this contradicts the question.",
    "Let me recompute.", "Never mind.", "My answer is not correct.",
)  # fmt: skip
_PREDICATES = (
    "is wrong", "is not the answer", "doesn't work", "cannot be right", "is too large", "is impossible", "was only a guess", "fails",
    "is not what was asked", "seems wrong", "was rejected", "would be too many", "did not work", "is what Tom got, not I",
)  # fmt: skip
_TURNS = (
    "which is wrong", "but that fails", "no wait", "but I am not sure", "or so Tom says", "which cannot be", "though it is doubtful",
    "maybe", "but this is incorrect", "I guess", "or something like it", "Tom said", "not really",
)  # fmt: skip
_DOUBTERS = (
    "It is not", "It isn't", "I doubt that it is", "I considered", "I tried", "If the answer were", "If it is", "Suppose it is",
    "Someone said", "Tom thinks it is", "Tom says the answer is", "I first thought it was", "Maybe it is", "Perhaps", "It could be",
    "It is never", "A wrong answer is", "My first guess was", "I rejected", "We can rule out", "Tom wrote that the answer is",
    "It might just be", "I doubt that the answer is", "Nobody believes that the answer is", "One option is", "Either it is",
)  # fmt: skip
_QUESTIONS = ("Is it {g}?", "{g}?", "Is the answer {g}?", "{g}? No.", "The answer is {g}?", "Why not {g}?", "Should I say {g}?")
_REPLACED = (
    "The answer is {g}, no wait, {o}.", "The answer is {g}. No, {o}.", "The answer is {g}. Actually, it is {o}.", "{g} is wrong, so {o}",
    "Either {g} or {o}", "It is neither {o} nor {g}.", "Not {g}.", "\\boxed{{{g}}} is wrong, so \\boxed{{{o}}}",
    "I considered {g} but that fails, so I tried {o}, which fails too.",
)  # fmt: skip
UNSTATED = (
    *(f"{claim}{space}{words}" for claim in _CLAIMS for words in _RETRACTIONS for space in (" ", "\n\n")),
    *(f"{subject} {words}." for subject in ("{g}", "The answer {g}", "\\boxed{{{g}}}") for words in _PREDICATES),
    *(f"{claim}{mark} {words}." for claim in ("The answer is {g}", "{g}", "We get {g}") for words in _TURNS for mark in (",", " -", ";")),
    *(f"{words} {{g}}{end}" for words in _DOUBTERS for end in ("", ".", ", I think.")),
    *_QUESTIONS,
    *_REPLACED,
)
"""The right answer occurs and is not stated. Claims and retractions are combined, each with each; the other wordings stand alone."""
UNSTATED_TRUTH = "the right answer occurs, but is withdrawn, denied, supposed, asked, doubted or reported"

REASSURED = (
    "{o} was wrong. The answer is {g}.", "I considered {o}, but the answer is {g}.", "If we go on like this, the answer is {g}.",
    "Not {o}. The answer is {g}.", "Wait, no. The answer is {g}.", "The answer is {g}. This can be checked.",
    "The answer is {g}. We are done.", "The answer is {g}. I hope this helps.", "The answer is {g}. No other value is possible.",
    "Nobody doubts that this is hard. The answer is {g}.", "There is no doubt that the answer is {g}.", "I think the answer is {g}.",
)  # fmt: skip
"""The right answer is stated, in the company of words that a withdrawal could have: what is denied or doubted is something else."""

NOTHING = (
    "", " ", "\n\n", "\t", "\u200b", "\x00", "\ufeff", ".", "?", "\\boxed{}", "The answer is", "The answer is .", "####", "$$", "()", "{}",
    "[]", "none", "null", "N/A", "undefined", "I do not know.", "yes", "True", "ok", "the answer", "error", "*", ".*", "%s", "{{answer}}",
)  # fmt: skip
"""Texts, not templates, that say nothing, or nothing about any problem."""

_SIZE = 30_000
_REPEATED = ("a", "(", "\\boxed{", "The answer is ", "9", "-", "1/", "9^{", "\\frac{", "((1)+", "\u0663", "a\u0301")
ENORMOUS = (
    *(unit * (_SIZE // len(unit)) for unit in _REPEATED),
    "{" * _SIZE + "}" * _SIZE, "9**" * (_SIZE // 3) + "9", "\U0010ffff" * (_SIZE // 4),
)  # fmt: skip
"""Long texts, not templates, without an answer; each would hang or crash a checker that is not linear in time and flat in depth."""


def between(left: str, right: str, templates: Iterable[str]) -> tuple[str, ...]:
    """The same templates with each answer between these signs."""
    return tuple(template.replace("{g}", f"{left}{{g}}{right}").replace("{o}", f"{left}{{o}}{right}") for template in templates)
