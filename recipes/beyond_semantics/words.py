"""The vocabulary of the compact maze dialect as a word-level tokenizer: one token a word, lossless on the texts of the recipe."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

UNKNOWN = "<unk>"
FIRST = "query"
MARKS = ("start", "goal", "wall", "reasoning", "close", "create", "solution", "end")
CLOSE, END = " solution", " end"
# The prompt is the problem's text as it stands; a trace begins after its last word.
CHAT_TEMPLATE = "{%- for message in messages -%}{{ message['content'] }}{%- endfor -%}"


def vocabulary(side: int) -> dict[str, int]:
    """Ids of the words for grids up to ``side``; costs run to the number of cells."""
    cells = [f"{x},{y}" for y in range(side) for x in range(side)]
    costs = [f"c{cost}" for cost in range(side * side)]
    # As in byte-level vocabularies, Ġ stands for the space before a word.
    words = [UNKNOWN, FIRST, *("Ġ" + word for word in (*MARKS, *cells, *costs))]
    return {word: number for number, word in enumerate(words)}


def make_tokenizer(side: int) -> Tokenizer:
    """The tokenizer for grids up to ``side``."""
    tokenizer = Tokenizer(models.WordLevel(vocabulary(side), unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(r" ?[^ ]+"), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path, *, context: int) -> None:
    """Writes ``tokenizer.json`` and ``tokenizer_config.json`` into the folder."""
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "model_max_length": context,
        "chat_template": CHAT_TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
