"""Seams: places where a text can be tokenised in two halves. For byte-level BPE with a split pattern that is understood.

A *seam* is a byte position b with a letter (ASCII or common Chinese) before it and a space, a line feed or one of ``，。、`` at it.
Law: E(x) = E(x[:b]) + E(x[b:]) for every text x and seam b of it, where E gives the ids of a text. It holds if all of this does:

- No added token contains a seam's second character, so none lies across a seam or looks for one, and none is matched
  by what stands beside it (``lstrip``, ``rstrip``, ``single_word``). Added tokens are found from left to right, so those before b
  are found without what follows, and those after it without what precedes.
- The normalizer is absent or NFC, which never composes across a seam: both of its characters begin a new composition.
- Every pre-tokenizer step is listed in `STEPS`: it cuts a text by an alternation in which no alternative (1) matches across a
  seam, (2) needs to read past the character at b for what it matches before b, or tells that character from the end of the text,
  (3) looks behind. One step at least matches every letter: a match of it that holds the letter before b ends at b by (1),
  so that b is a boundary; what precedes it is cut as if the text ended there by (2), what follows as if it began there by (3).
- BPE, without dropout, works inside each piece of that cut.
"""

from __future__ import annotations

import re
from typing import Any

SEAM = re.compile(
    rb"(?:(?<=[A-Za-z])|(?<=\xe4[\xb8-\xbf][\x80-\xbf])|(?<=[\xe5-\xe8][\x80-\xbf]{2})|(?<=\xe9[\x80-\xbd][\x80-\xbf]))"
    rb"(?:[ \n]|\xef\xbc\x8c|\xe3\x80\x82|\xe3\x80\x81)"
)
_SECOND = re.compile("[ \n，。、]")

# Alternatives of the split patterns in use; each fulfils (1) to (3). Those of the second tuple match every letter, together or alone.
_OTHER_ALTERNATIVES = (
    *("'s", "'t", "'re", "'ve", "'m", "'ll", "'d"),
    *("(?i:'s|'t|'re|'ve|'m|'ll|'d)", "'(?i:[sdmt]|ll|ve|re)"),
    *(r"\p{N}", r"\p{N}{1,3}", r" ?\p{N}+", r"[0-9]", r"[0-9]{1,3}", r"\d", r"\d{1,3}"),
    *(r" ?[^\s\p{L}\p{N}]+", r" ?[^\s\p{L}\p{N}]+[\r\n]*", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r" ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"),
    r" ?[\p{P}\p{S}]+[\r\n]*",
    *(r"\s*[\r\n]+", r"\s*[\r\n]", r"\s+(?!\S)", r"\s+"),
    *(r" ?\(", r"\)"),
    "[一-龥\u3040-ゟ゠-ヿ]+",
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+""",
)
_LETTERS = (r" ?\p{L}+", r"[^\r\n\p{L}\p{N}]?\p{L}+", r"[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+", r"[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+")
_ENDS = ("", "(?i:'s|'t|'re|'ve|'m|'ll|'d)?")
_LOWER = tuple(rf"[^\r\n\p{{L}}\p{{N}}]?[\p{{Lu}}\p{{Lt}}\p{{Lm}}\p{{Lo}}\p{{M}}]*[\p{{Ll}}\p{{Lm}}\p{{Lo}}\p{{M}}]+{end}" for end in _ENDS)
_UPPER = tuple(rf"[^\r\n\p{{L}}\p{{N}}]?[\p{{Lu}}\p{{Lt}}\p{{Lm}}\p{{Lo}}\p{{M}}]+[\p{{Ll}}\p{{Lm}}\p{{Lo}}\p{{M}}]*{end}" for end in _ENDS)
_UNDERSTOOD = frozenset((*_OTHER_ALTERNATIVES, *_LETTERS, *_LOWER, *_UPPER))


def has_seams(spec: dict[str, Any]) -> bool:
    """Whether the law of seams holds for the tokenizer that ``spec`` (its tokenizer.json) describes. False where it is not known to."""
    model = spec.get("model") or {}
    if model.get("type") != "BPE" or model.get("dropout") or spec.get("truncation") or spec.get("padding"):
        return False
    if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        return False
    if any(step.get("type") != "NFC" for step in _steps(spec.get("normalizer"), "normalizers")):
        return False
    tokens = spec.get("added_tokens") or []
    if any(_SECOND.search(token["content"]) or token["lstrip"] or token["rstrip"] or token["single_word"] for token in tokens):
        return False
    findings = [_cuts_letters(step) for step in _steps(spec.get("pre_tokenizer"), "pretokenizers")]
    return None not in findings and True in findings


def _steps(step: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(step, dict):
        return []
    return [inner for part in step[name] for inner in _steps(part, name)] if step.get("type") == "Sequence" else [step]


def _cuts_letters(step: dict[str, Any]) -> bool | None:
    """Whether a pre-tokenizer step matches every letter; None for a step that is not understood."""
    kind = step.get("type")
    if kind == "ByteLevel":
        return None if step.get("add_prefix_space") else bool(step.get("use_regex", True))
    if kind == "Digits":
        return False
    if kind != "Split" or (step.get("behavior"), step.get("invert")) not in (("Isolated", False), ("Removed", True)):
        return None
    parts = alternatives((step.get("pattern") or {}).get("Regex", ""))
    if not parts or not _UNDERSTOOD.issuperset(parts):
        return None
    both_cases = any(part in _LOWER for part in parts) and any(part in _UPPER for part in parts)
    return both_cases or any(part in _LETTERS for part in parts)


def alternatives(pattern: str) -> tuple[str, ...]:
    """The alternatives of a pattern: its parts between the bars that stand in no class and no group. Line ends are spelt out."""
    pattern = pattern.replace("\r", r"\r").replace("\n", r"\n")
    parts, depth, in_class, i = [""], 0, False, 0
    while i < len(pattern):
        unit = pattern[i : i + 2] if pattern[i] == "\\" else pattern[i]
        i += len(unit)
        if in_class:
            in_class = unit != "]"
        elif unit == "|" and depth == 0:
            parts.append("")
            continue
        else:
            in_class = unit == "["
            depth += (unit == "(") - (unit == ")")
        parts[-1] += unit
    return tuple(parts)
