"""Control tokens in data: the text of a problem is text, whatever it spells.

A tokenizer turns ``</think>`` into one id that ends the trace, wherever it stands. Here the control tokens get names that no text can hold;
those that the chat template writes are spelled by these names, and what data spells is tokenised as any other text.
"""

from __future__ import annotations

import copy
import re
import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenworth.backends.tokenizer.codec import Encoder

_BRACKETED = re.compile(r"[<\[【](?!/?[a-zA-Z]{1,4}[1-6]?>|/?(?:table|caption|thead|tbody|tfoot|strong|blockquote)>).+[>\]】]")
"""What a control token that is not marked as one looks like; some vocabularies hold plain tags of HTML as well."""


class ControlTokens:
    """The control tokens of a tokenizer, by its description (what tokenizer.json says).

    ``variant``: makes the tokenizer of another description; ``fragments``: the description without the space before a text, if it has one.
    """

    def __init__(
        self,
        spec: Mapping[str, Any],
        variant: Callable[[str, dict[str, Any]], Encoder],
        fragments: Callable[[dict[str, Any]], dict[str, Any] | None],
    ) -> None:
        self._spec, self._variant, self._fragments = spec, variant, fragments
        added = spec.get("added_tokens") or ()
        self._texts = [one["content"] for one in added if one["content"] and (one.get("special") or _BRACKETED.fullmatch(one["content"]))]
        self.ids = frozenset(one["id"] for one in added if one["content"] in set(self._texts))
        longest_first = sorted(self._texts, key=len, reverse=True)
        self._any = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
        # Random, so that no text can hold them; small letters and digits pass every normalizer.
        nonce = secrets.token_hex(8)
        self._names = {text: f"<c{nonce}{number}c>" for number, text in enumerate(self._texts)}
        self._marks = {text: f"d{nonce}{number}d" for number, text in enumerate(self._texts)}
        self._marked_texts = {mark: text for text, mark in self._marks.items()}
        self._encoders: dict[bool, Encoder] = {}

    def marked(self, data: str) -> str:
        """Data with a mark in the place of each control token that it spells, to be put through a chat template."""
        return data if self._any is None else self._any.sub(lambda found: self._marks[found[0]], data)

    def unmarked(self, text: str) -> str:
        """The text as it was."""
        return re.sub(r"d[0-9a-f]{16}[0-9]+d", lambda found: self._marked_texts.get(found[0], found[0]), text)

    def encode(self, text: str, *, add_special_tokens: bool = False, fragment: bool = False) -> tuple[int, ...]:
        """Ids of a text with marks: control tokens are the ones that it spells, not the marked ones. ``fragment``: not a whole prompt."""
        if self._any is not None:
            text = self._any.sub(lambda found: self._names[found[0]], text)
        return tuple(self._encoder(fragment).encode(self.unmarked(text), add_special_tokens=add_special_tokens))

    def _encoder(self, fragment: bool) -> Encoder:
        if fragment not in self._encoders:
            spec = self._renamed()
            name, spec = ("renamed fragments", self._fragments(spec) or spec) if fragment else ("renamed", spec)
            self._encoders[fragment] = self._variant(name, spec)
        return self._encoders[fragment]

    def _renamed(self) -> dict[str, Any]:
        """The description with other names for control tokens, in all the places that name them."""
        spec: dict[str, Any] = copy.deepcopy(dict(self._spec))
        for token in spec["added_tokens"]:
            token["content"] = self._names.get(token["content"], token["content"])
        model = spec["model"]
        vocab = model.get("vocab")
        if isinstance(vocab, dict):
            model["vocab"] = {self._names.get(piece, piece): number for piece, number in vocab.items()}
        elif isinstance(vocab, list):
            model["vocab"] = [[self._names.get(piece, piece), score] for piece, score in vocab]
        if model.get("unk_token") in self._names:
            model["unk_token"] = self._names[model["unk_token"]]
        return spec
