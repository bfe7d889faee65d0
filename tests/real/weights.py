"""The real model's weights as plain numbers: what transformers makes of the GGUF file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

NAME = "SmolLM2-135M-Instruct.Q4_1"


def dequantise(gguf: Path, folder: Path) -> Path:
    """Writes model (fp32) and tokenizer into ``folder``, once."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if (folder / "tokenizer.json").is_file():
        return folder
    weights: Any = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    # They are plain numbers now, but still marked as quantised, which is not written.
    weights.hf_quantizer = None
    del weights.config.quantization_config
    weights.save_pretrained(folder)
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)
    return folder
