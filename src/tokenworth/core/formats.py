"""Thinking formats as data: how a model opens and closes its trace, and how an answer is begun when it is stopped early."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tokenworth.core.problem import AnswerKind
from tokenworth.errors import InvalidInput, unknown_name

OPTION_LEAD = "The answer is ("
"""Ends an exit text of a multiple-choice problem; the next token is the option label."""
FREE_LEAD = "The answer is "
"""The same for a problem without options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceFormat:
    """How one family of models writes a trace.

    ``open`` stands before the trace (in the prompt or as the first tokens), ``close`` after it, ``exit`` is what is
    written at a cut to stop the trace and begin the answer: white space that the family writes before its close marker, the
    marker, and what comes between it and the answer. ``close`` is empty where nothing marks the trace's end.
    """

    name: str
    open: str
    close: str
    exit: str

    def __post_init__(self) -> None:
        begins = self.exit.lstrip("\n").startswith(self.close.lstrip("\n"))
        if not begins or not (self.exit.endswith(OPTION_LEAD) or self.exit == self.close):
            raise InvalidInput(
                f"trace format {self.name!r}: exit {self.exit!r} must begin with its close marker {self.close!r} "
                f"(after newlines, if any) and end with it or with {OPTION_LEAD!r}"
            )


def _format(name: str, opening: str, close: str, gap: str, lead: str = "") -> TraceFormat:
    return TraceFormat(name=name, open=opening, close=close, exit=f"{lead}{close}{gap}{OPTION_LEAD}")


_HARMONY_CLOSE = "<|end|><|start|>assistant<|channel|>final<|message|>"

# The gap between the close marker and the answer, and the lead before the marker, are what each family's chat template writes there.
FORMATS: Mapping[str, TraceFormat] = {
    trace_format.name: trace_format
    for trace_format in (
        _format("think", "<think>", "</think>", "\n\n"),
        _format("tiny", "<think>", "</think>", " "),
        _format("qwen", "<think>", "</think>", "\n\n", lead="\n"),
        _format("think-line", "<think>", "</think>", "\n", lead="\n"),
        _format("glm", "<think>", "</think>", "\n"),
        _format("glm-4.7", "<think>", "</think>", ""),
        _format("kimi", "<think>", "</think>", ""),
        _format("deepseek-v3", "<think>", "</think>", ""),
        _format("seed", "<seed:think>", "</seed:think>", "\n"),
        _format("mistral", "[THINK]", "[/THINK]", ""),
        _format("harmony", "<|channel|>analysis<|message|>", _HARMONY_CLOSE, ""),
        _format("granite", "<think>", "</think>", "<response>"),
        _format("apriel", "Here are my reasoning steps:\n", "[BEGIN FINAL RESPONSE]", "\n"),
        _format("plain", "", "", "\n\n"),
        # The plan follows its mark at once.
        TraceFormat(name="maze", open="", close=" solution", exit=" solution"),
    )
}


def format_named(name: str) -> TraceFormat:
    """The format of this name. Raises `UnknownName` with close matches."""
    if name not in FORMATS:
        raise unknown_name("trace format", name, FORMATS)
    return FORMATS[name]


def exit_text(trace_format: TraceFormat, kind: AnswerKind) -> str:
    """The exit for a kind of answer: option labels follow an open parenthesis, other answers do not, plans stand alone."""
    if kind is AnswerKind.OPTION or not trace_format.exit.endswith(OPTION_LEAD):
        return trace_format.exit
    return trace_format.exit.removesuffix(OPTION_LEAD) + FREE_LEAD


# (format, marks that must all be there, marks of which none may be there), the first that fits wins.
_RULES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("harmony", ("<|channel|>", "<|message|>"), ()),
    ("seed", ("<seed:think>", "</seed:think>"), ()),
    ("mistral", ("[THINK]", "[/THINK]"), ()),
    ("apriel", ("[BEGIN FINAL RESPONSE]",), ()),
    ("granite", ("<think>", "<response>"), ()),
    ("kimi", ("</think>", "<|im_middle|>"), ()),
    ("glm-4.7", ("</think>", "[gMASK]", "else '<think>'"), ()),
    ("glm", ("</think>", "[gMASK]"), ()),
    ("tiny", ("</think>", "<|user|>", "<|assistant|>", "<|end|>"), ("<|system|>", "<|im_start|>")),
    ("think-line", (r"</think>\n' + content",), ()),
    ("think-line", (r'</think>\n" + content',), ()),
    ("qwen", (r"\n</think>\n\n",), ()),
    ("think", ("</think>",), ()),
)


def detect_format(source: str | Mapping[str, int] | Iterable[str] | Callable[[str], bool]) -> TraceFormat:
    """The format that a chat template's text, a vocabulary, or a test for membership in one speaks for; else ``plain``.

    A template is the surer source: it shows how the close marker is used. A vocabulary cannot tell models apart that
    share their tokens (DeepSeek-V3.1 reads as ``think``, GLM-4.7 as ``glm``); name the format where that matters.
    """
    if isinstance(source, str):
        has: Callable[[str], bool] = source.__contains__
        if "<｜Assistant｜>" in source and "thinking is defined" in source:
            return FORMATS["deepseek-v3"]
    elif callable(source):
        has = source
    else:
        has = frozenset(source).__contains__
    for name, needed, banned in _RULES:
        if all(has(mark) for mark in needed) and not any(has(mark) for mark in banned):
            return FORMATS[name]
    return FORMATS["plain"]
