"""``http://HOST:PORT/v1#NAME``: a model on a server, or on several that serve the same one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tokenworth.backends.bundled import TINY
from tokenworth.backends.http.options import ServerOptions
from tokenworth.backends.model import DataText, LoadOptions, Model, ModelSource
from tokenworth.core.formats import detect_format, format_named
from tokenworth.errors import InvalidInput

if TYPE_CHECKING:
    from tokenworth.backends.http.load import Loaded

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

    prompter = _ServedPrompter(loaded, server.switches, allow_control=options.allow_control_tokens)
    return Model(
        name=loaded.backend.name,
        backend=loaded.backend,
        codec=files.codec,
        stop=files.eos_ids,
        render=prompter.render,
        encode_prompt=prompter.plain,
        data=None if options.allow_control_tokens else DataText(controls=files.codec.controls_in, encode=files.codec.encode_data),
        context_length=loaded.backend.served.context_length,
        format=chosen,
        instruction="" if bundled else None,
    )


class _ServedPrompter:
    """Prompts for a server; for one that takes text only, none in which text of a problem would be read as control tokens."""

    def __init__(self, loaded: Loaded, switches: Mapping[str, Any], *, allow_control: bool) -> None:
        self._name, self._files, self._switches, self._allow = loaded.backend.name, loaded.files, switches, allow_control
        self._reads_text = not allow_control and not loaded.backend.served.record.ids_in

    def render(self, turns: Sequence[Mapping[str, str]]) -> tuple[int, ...]:
        """Ids of the turns, by the chat template."""
        from tokenworth.backends.tokenizer.prompt import render_prompt

        for turn in turns:
            self._check(turn["content"])
        return render_prompt(self._files, turns, self._switches, allow_control=self._allow)[1]

    def plain(self, text: str) -> tuple[int, ...]:
        """Ids of a whole prompt, without chat template."""
        from tokenworth.backends.tokenizer.prompt import plain_prompt

        self._check(text)
        return plain_prompt(self._files, text, allow_control=self._allow)[1]

    def _check(self, text: str) -> None:
        if self._reads_text and self._files.codec.controls_in(text):
            raise InvalidInput(
                f"the text of the problem spells control tokens, which {self._name} would read as control tokens: its server "
                "takes text only; change the text, or give --allow-control-tokens"
            )


SOURCE = ModelSource(usage=("http://HOST:PORT/v1#NAME",), claims=_claims, load=_load, extra="http")
