"""``http://HOST:PORT/v1#NAME``: a model on a server, or on several that serve the same one."""

from __future__ import annotations

import re
from dataclasses import replace

from tokenworth.backends.bundled import TINY
from tokenworth.backends.http.options import ServerOptions
from tokenworth.backends.model import LoadOptions, Model, ModelSource
from tokenworth.core.formats import detect_format, format_named
from tokenworth.errors import InvalidInput

_SERVED = ("http://", "https://")


def is_address(name: str) -> bool:
    """Whether a name is the address of a server; false for other spellings."""
    return name.startswith(_SERVED)


def check_address(name: str) -> None:
    """Refuses a name that was meant for a server and is not an address: http in another spelling, or HOST:PORT."""
    if _claims(name) and not is_address(name):
        raise InvalidInput(f"model {name!r}: a server's address begins with http:// or https://, as in http://HOST:PORT/v1#NAME")


def _claims(name: str) -> bool:
    return is_address(name) or bool(re.match(r"(?i)https?:/|[\w.-]+:\d{2,5}(/|#|$)", name))


def _load(names: tuple[str, ...], options: LoadOptions) -> Model:
    for name in names:
        check_address(name)
    from tokenworth.backends.http.load import load_served
    from tokenworth.backends.tokenizer.prompt import plain_prompt, render_prompt
    from tokenworth.backends.tokenizer.template import THINKING_OFF, THINKING_ON

    server = replace(options.server or ServerOptions(), now=options.now)
    given = server.switches
    server = replace(server, switches={**THINKING_ON, **given} if options.thinking else {**given, **THINKING_OFF})
    bundled = server.tokenizer == "tiny"
    loaded = load_served(names, server, tokenizer_folder=TINY if bundled else None)
    files = loaded.files
    if options.trace_format is not None or bundled:
        chosen = format_named(options.trace_format or "tiny")
    else:
        chosen = detect_format(files.vocabulary if files.template is None else files.template.text)
    return Model(
        name=loaded.backend.name,
        backend=loaded.backend,
        codec=files.codec,
        stop=files.eos_ids,
        render=lambda turns: render_prompt(files, turns, server.switches)[1],
        encode_prompt=lambda text: plain_prompt(files, text)[1],
        context_length=loaded.backend.served.context_length,
        format=chosen,
        instruction="" if bundled else None,
    )


SOURCE = ModelSource(usage=("http://HOST:PORT/v1#NAME",), claims=_claims, load=_load, extra="http")
