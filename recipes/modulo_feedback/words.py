"""The words of a second attempt: those of the compact maze dialect, two marks, and the codes of the verifier."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import Tokenizer, models

from recipes.beyond_semantics.words import UNKNOWN, make_tokenizer, vocabulary
from tokenworth.methods.modulo.feedback import FeedbackForm, written
from tokenworth.tasks.maze.rules import CODES
from tokenworth.workbench.case import FEEDBACK_FILE

FORM = FeedbackForm(critic="maze/compact", rejected="rejected", fault="fault", dropped=" reasoning")
"""How a second attempt is written, here and in the model's folder."""
# The task's question ends in the word that begins a trace; this model writes none and never sees it.
CHAT_TEMPLATE = "{%- for message in messages -%}{{ message['content'] | replace('" + FORM.dropped + "', '') }}{%- endfor -%}"


def feedback_tokenizer(side: int) -> Tokenizer:
    """The tokenizer for grids up to ``side``: that of the compact dialect with the marks and codes after its own words."""
    words = vocabulary(side)
    for word in (FORM.rejected, FORM.fault, *CODES):
        words["Ġ" + word] = len(words)
    tokenizer = make_tokenizer(side)
    tokenizer.model = models.WordLevel(words, unk_token=UNKNOWN)
    return tokenizer


def save_form(folder: Path) -> None:
    """Writes ``feedback.json``, and the chat template that drops what the model never saw, into a model's folder."""
    (folder / FEEDBACK_FILE).write_text(written(FORM), encoding="utf-8")
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {"chat_template": CHAT_TEMPLATE}
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
