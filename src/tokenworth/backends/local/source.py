"""Models that run here: bundled ones, ``hf:NAME``, ``hf:FILE.gguf``, or a folder with a ``config.json``."""

from __future__ import annotations

from pathlib import Path

from tokenworth.backends.bundled import BUNDLED
from tokenworth.backends.model import DataText, LoadOptions, Model, ModelSource
from tokenworth.core.formats import detect_format, format_named


def _claims(name: str) -> bool:
    return name in BUNDLED or (name.startswith("hf:") and name != "hf:") or (Path(name) / "config.json").is_file()


def _load(names: tuple[str, ...], options: LoadOptions) -> Model:
    from tokenworth.backends.local.load import load_local
    from tokenworth.backends.tokenizer.prompt import plain_prompt
    from tokenworth.backends.tokenizer.template import THINKING_OFF, THINKING_ON

    (name,) = names
    folder, written = BUNDLED.get(name, (name.removeprefix("hf:"), None))
    threads = options.threads or 1 if written else options.threads
    backend = load_local(str(folder), device=options.device, dtype=options.dtype, batch=options.batch, threads=threads)
    if options.now is not None and backend.model.template is not None:
        backend.model.template = backend.model.template.at(options.now)
    trace_format = options.trace_format or written
    if trace_format is not None:
        chosen = format_named(trace_format)
    else:
        template = getattr(backend.model.tokenizer, "chat_template", None)
        chosen = detect_format(template if isinstance(template, str) else backend.model.tokenizer.get_vocab())
    switches = THINKING_ON if options.thinking else THINKING_OFF
    return Model(
        name=name,
        backend=backend,
        codec=backend.codec,
        stop=backend.eos_ids,
        render=lambda turns: backend.render_prompt(turns, switches, allow_control=options.allow_control_tokens)[1],
        encode_prompt=lambda text: plain_prompt(backend.model, text, allow_control=options.allow_control_tokens)[1],
        data=None if options.allow_control_tokens else DataText(controls=backend.codec.controls_in, encode=backend.codec.encode_data),
        context_length=backend.context_length,
        format=chosen,
        instruction="" if written else None,
        folder=Path(folder) if Path(folder).is_dir() else None,
    )


SOURCE = ModelSource(usage=(*BUNDLED, "hf:PATH"), claims=_claims, load=_load, extra="local")
