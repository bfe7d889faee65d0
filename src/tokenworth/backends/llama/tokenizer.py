"""The tokenizer, chat template and stop ids that a GGUF file holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime

from tokenizers import Tokenizer

from tokenworth.backends.llama.file import SUFFIX, GgufFile, read_gguf
from tokenworth.backends.llama.vocabulary import vocabulary_of
from tokenworth.backends.tokenizer.codec import TokenizerCodec
from tokenworth.backends.tokenizer.files import TokenizerFiles, load_tokenizer
from tokenworth.backends.tokenizer.guarded import MOST_BYTES, GuardedFiles
from tokenworth.backends.tokenizer.template import ChatTemplate, local_now
from tokenworth.errors import InvalidInput

_TEMPLATE = "tokenizer.chat_template"


def any_tokenizer(path: str, *, now: Callable[[], datetime] = local_now) -> TokenizerFiles:
    """The tokenizer of a GGUF file, or of what `load_tokenizer` takes: a folder or a hub model."""
    return gguf_tokenizer(read_gguf(path), now=now) if path.endswith(SUFFIX) else load_tokenizer(path, now=now)


def gguf_tokenizer(file: GgufFile, *, now: Callable[[], datetime] = local_now) -> TokenizerFiles:
    """What a GGUF file says of text. ``now``: the clock of templates that write today's date into the prompt.

    Raises: `Unsupported` for kinds of tokenizers that are not read here; `InvalidInput` for one that is unsound or too costly.
    """
    vocabulary = vocabulary_of(file)
    spec = json.dumps(vocabulary.spec)
    if len(spec) > MOST_BYTES:
        raise InvalidInput(f"{file.path}: its vocabulary is longer than one is ({len(spec):,} bytes; expected at most {MOST_BYTES:,})")
    guard = GuardedFiles(len(spec))
    try:
        guard.tokenizer("whole", spec)
    except InvalidInput as error:
        raise InvalidInput(f"{file.path}: its vocabulary makes no tokenizer ({error})") from error
    tokenizer = Tokenizer.from_str(spec)
    text = file.metadata.get(_TEMPLATE)
    if text is not None and not isinstance(text, str):
        raise InvalidInput(f"{file.path}: {_TEMPLATE} is a {type(text).__name__}; expected a text")
    whole = hashlib.sha256(b"tokenworth gguf tokenizer 1\n")
    whole.update(json.dumps([spec, text, dict(vocabulary.named), vocabulary.stop], sort_keys=True).encode())
    return TokenizerFiles(
        name=str(file.path),
        tokenizer=tokenizer,
        codec=TokenizerCodec(tokenizer, guard),
        template=None if text is None else ChatTemplate(text, vocabulary.named, now=now, guard=guard),
        special_tokens=vocabulary.named,
        eos_ids=vocabulary.stop,
        digest=whole.hexdigest(),
    )
