"""The process that holds llama.cpp: settings come as a line of JSON, its address goes as one; it ends with its input. Run as a program."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from typing import Any

xllamacpp: Any = import_module("xllamacpp")
_ERRORS = 1
"""Of its messages, llama.cpp writes errors alone."""


def parameters(path: str, name: str, key: str | None, settings: dict[str, Any]) -> Any:
    """llama.cpp's settings.

    With float32 keys and values and without flash attention answers equal transformers' to rounding. One cache is shared by all slots, so
    every slot can be filled. Idle slots keep their cache: by default llama.cpp moves it to memory and back, which for eight clients on
    one trace computed four times as many tokens.
    """
    out = xllamacpp.CommonParams()
    out.model.path = path
    out.model_alias = {name}
    out.hostnames = [settings["host"]]
    out.port = settings["port"]
    out.api_keys = [] if key is None else [key]
    out.n_parallel = settings["slots"]
    out.n_ctx = settings["context"] * settings["slots"]
    out.kv_unified = True
    out.cpuparams.n_threads = out.cpuparams_batch.n_threads = settings["threads"]
    out.n_gpu_layers = 999 if settings["gpu"] else 0
    out.fit_params = False
    out.cache_idle_slots = False
    out.cache_ram_mib = 256
    out.endpoint_metrics = True
    out.ui = False
    out.warmup = False
    out.verbosity = _ERRORS
    # Otherwise control tokens such as </think> are left out of the text.
    out.special = True
    if settings["cache"] == "float32":
        out.cache_type_k = out.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        out.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    return out


def _has_gpu() -> bool:
    return any("CPU" not in str(device["type"]) for device in xllamacpp.get_device_info())


def main() -> None:
    """Serves until nobody can ask any more."""
    asked = json.loads(sys.stdin.readline())
    if asked["settings"]["gpu"] and not _has_gpu():
        said: dict[str, str] = {"failed": "this build of xllamacpp sees no GPU; use --device cpu, or install a build for it"}
    else:
        try:
            server = xllamacpp.Server(parameters(**asked))
            said = {"address": server.listening_address, "version": xllamacpp.__version__}
        except (RuntimeError, MemoryError) as error:
            said = {"failed": str(error)}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()
    while "address" in said and sys.stdin.read(1 << 16):
        pass
    # Its own end would wait for requests that nobody waits for.
    os._exit(0)


if __name__ == "__main__":
    main()
