"""The guarded process of a model's tokenizer and chat template: JSON lines in, JSON lines out. Run as a program."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import lru_cache
from typing import Any

from tokenizers import Tokenizer

from tokenworth.backends.tokenizer.template import ChatTemplate
from tokenworth.core.guarded import serve

_TRIED = ("", "a b", " \n\t ", "Is 7 + 5 = 12? <|x|> é 🦊 ﷺ")
_tokenizers: dict[str, Tokenizer] = {}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """What was asked for: the name of a field of the request says what that is."""
    if "spec" in request:
        return _load(request["name"], request["spec"], request["texts"])
    if "template" in request:
        template = _template(request["template"])
        template.now = lambda: datetime.fromtimestamp(request["now"]).astimezone()
        return {"text": template.written(request["variables"])}
    tokenizer = _tokenizers[request["name"]]
    if "ids" in request:
        return {"text": tokenizer.decode(request["ids"], skip_special_tokens=False)}
    return {"ids": tokenizer.encode(request["text"], add_special_tokens=request["special"]).ids}


def _load(name: str, spec: str, texts: list[str]) -> dict[str, Any]:
    """Keeps a tokenizer under a name. Some faults show at the first use only; ``texts`` are those that are sure to be encoded or added."""
    tokenizer = Tokenizer.from_str(spec)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    for text in (*_TRIED, *texts):
        tokenizer.decode(tokenizer.encode(text, add_special_tokens=True).ids)
    _tokenizers[name] = tokenizer
    return {"digest": hashlib.sha256(tokenizer.to_str().encode()).hexdigest()}


@lru_cache(maxsize=4)
def _template(text: str) -> ChatTemplate:
    return ChatTemplate(text)


if __name__ == "__main__":
    serve(answer)
