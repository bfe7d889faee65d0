"""``gguf:FILE.gguf``: a GGUF file, answered by llama.cpp."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING

from tokenworth.backends.llama.file import SUFFIX
from tokenworth.backends.model import DataText, LoadOptions, Model, ModelSource

if TYPE_CHECKING:
    from tokenworth.backends.http.load import Loaded
    from tokenworth.backends.llama.process import LlamaProcess
    from tokenworth.backends.tokenizer.files import TokenizerFiles

_PREFIX = "gguf:"
_WHOLE_REPLY_S = 86_400.0
"""A reply of our own llama.cpp may take as long as it takes."""
_GONE_S = 2.0
"""Where it does not answer it has ended; there is nothing to wait for."""


def _claims(name: str) -> bool:
    return name.startswith(_PREFIX) and name != _PREFIX


def _load(names: tuple[str, ...], options: LoadOptions) -> Model:
    from tokenworth.backends.llama.file import read_gguf
    from tokenworth.backends.llama.process import LlamaProcess
    from tokenworth.backends.llama.settings import SLOTS, settings_for
    from tokenworth.backends.llama.tokenizer import gguf_tokenizer
    from tokenworth.backends.tokenizer.prompt import plain_prompt, render_prompt
    from tokenworth.backends.tokenizer.template import THINKING_OFF, THINKING_ON, local_now

    (name,) = names
    file = read_gguf(name.removeprefix(_PREFIX))
    settings = settings_for(
        file, slots=options.batch if options.batch < SLOTS else None, threads=options.threads, device=options.device, cache=options.dtype
    )
    key = secrets.token_hex(16)
    process = LlamaProcess(file, settings, key=key)
    try:
        # Read while llama.cpp loads.
        files = gguf_tokenizer(file, now=options.now or local_now)
        _ = file.digest
        loaded = _connected(name, process, files, key, options)
    except BaseException:
        process.close()
        raise
    switches = THINKING_ON if options.thinking else THINKING_OFF
    allow = options.allow_control_tokens
    return Model(
        name=name,
        backend=loaded.backend,
        codec=files.codec,
        stop=files.eos_ids,
        render=lambda turns: render_prompt(files, turns, switches, allow_control=allow)[1],
        encode_prompt=lambda text: plain_prompt(files, text, allow_control=allow)[1],
        data=None if allow else DataText(controls=files.codec.controls_in, encode=files.codec.encode_data),
        context_length=settings.context,
        format=loaded.format,
        instruction=None,
    )


def _connected(name: str, process: LlamaProcess, files: TokenizerFiles, key: str, options: LoadOptions) -> Loaded:
    """The backend over a llama.cpp that is ready; it is known by its version, or probed."""
    from tokenworth.backends.gguf.backend import PROBED_VERSION, GgufBackend, known_record
    from tokenworth.backends.http.load import OwnServer, load_own
    from tokenworth.backends.http.options import Patience, ServerOptions
    from tokenworth.backends.http.secret import Secret
    from tokenworth.backends.llama.process import installed_version
    from tokenworth.backends.tokenizer.template import THINKING_OFF, THINKING_ON

    probed = installed_version() != PROBED_VERSION or (options.server is not None and options.server.renew)
    own = OwnServer(
        key=Secret(key),
        files=files,
        record=None if probed else partial(known_record, is_rounded=process.file.is_rounded),
        make=lambda served, client, loop, n_most: GgufBackend(served, client, loop, n_most, name=name, process=process),
    )
    server = ServerOptions(
        patience=Patience(deadline_s=_WHOLE_REPLY_S, total_s=_GONE_S, attempts=3),
        switches=THINKING_ON if options.thinking else THINKING_OFF,
        now=options.now,
        trace_format=options.trace_format,
    )
    loaded = load_own(f"{process.address()}/v1", server, own)
    backend = loaded.backend
    assert isinstance(backend, GgufBackend)
    try:
        backend.check_tokenizer(files.encode)
    except BaseException:
        backend.close()
        raise
    return loaded


SOURCE = ModelSource(usage=(f"gguf:FILE{SUFFIX}",), claims=_claims, load=_load, extra="gguf")
