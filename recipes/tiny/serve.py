"""Serve the bundled model with llama.cpp on this machine only: ``python recipes/tiny/serve.py --port 0``.

Prints the address and the model's name, ``http://127.0.0.1:PORT/v1#tiny``, on one line once the server is ready, and serves
until it is killed. A model has the name of its file. Needs the packages ``xllamacpp`` and ``gguf``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from pathlib import Path

import gguf
import xllamacpp


def parameters(file: Path, *, port: int, slots: int, threads: int, fast: bool) -> xllamacpp.CommonParams:
    """The server's settings.

    Unless ``fast``, keys and values are kept as 32-bit floats and flash attention is off: answers then equal transformers in
    fp32 to rounding. The context is what the model was trained for, times the slots, in one cache that all slots share, so
    every slot can be filled. Idle slots keep their cache: by default llama.cpp moves it to memory and back, which for eight
    clients on one trace computed four times as many tokens.
    """
    out = xllamacpp.CommonParams()
    out.model.path = str(file)
    out.model_alias = {file.stem}
    out.hostnames = ["127.0.0.1"]
    out.port = port
    out.n_parallel = slots
    out.n_ctx = context_length(file) * slots
    out.kv_unified = True
    out.cpuparams.n_threads = out.cpuparams_batch.n_threads = threads
    out.cache_idle_slots = False
    out.cache_ram_mib = 256
    out.endpoint_metrics = True
    out.ui = False
    # Otherwise control tokens such as </think> are left out of the text.
    out.special = True
    if not fast:
        out.cache_type_k = out.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        out.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    return out


def context_length(file: Path) -> int:
    """The context the model was trained for. The file names it after its architecture (``llama``, ``qwen3``, ``gemma3``)."""
    fields = gguf.GGUFReader(file).fields
    return int(fields[f"{fields['general.architecture'].contents()}.context_length"].contents())


def start(file: Path, *, port: int, slots: int, threads: int, fast: bool) -> xllamacpp.Server:
    """A server that has loaded the model; it no longer needs the file."""
    return xllamacpp.Server(parameters(file, port=port, slots=slots, threads=threads, fast=fast))


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gguf", type=Path, help="the model as a GGUF file (default: the bundled one, converted first)")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--slots", type=int, default=16, help="requests computed at once; also the most samples of one request")
    parser.add_argument("--threads", type=int, default=1, help="one is as fast as two for this model, and steadier on a busy machine")
    parser.add_argument("--fast", action="store_true", help="llama.cpp's own settings: 16-bit cache, flash attention")
    args = parser.parse_args()
    settings = {"port": args.port, "slots": args.slots, "threads": args.threads, "fast": args.fast}
    if args.gguf is not None:
        server = start(args.gguf, **settings)
    else:
        sys.path.insert(0, str(Path(__file__).parents[2]))
        from recipes.tiny.to_gguf import TINY, write_gguf

        with tempfile.TemporaryDirectory(prefix="tokenworth-") as folder:
            write_gguf(TINY, Path(folder) / "tiny.gguf")
            server = start(Path(folder) / "tiny.gguf", **settings)
    print(f"{server.listening_address}/v1#{'tiny' if args.gguf is None else args.gguf.stem}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
