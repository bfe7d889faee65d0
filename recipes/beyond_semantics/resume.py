"""The state of a training in a file, so that a run that was stopped goes on as if it had not been."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from transformers import LlamaForCausalLM

from tokenworth.errors import InvalidInput, MismatchError

SCHEMA = "tokenworth.training-state/1"


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a training is. ``mean``: the running mean of the loss; ``seconds``, ``cpu_seconds``: of all its runs together."""

    step: int = 0
    tokens: int = 0
    mean: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0


def save_state(
    path: Path, model: LlamaForCausalLM, optimisers: tuple[torch.optim.Optimizer, ...], progress: Progress, settings: Mapping[str, Any]
) -> None:
    """Writes weights, the optimisers' tensors, progress and settings as one safetensors file."""
    tensors = {f"model.{name}": weight.detach().contiguous() for name, weight in model.named_parameters()}
    for number, optimiser in enumerate(optimisers):
        for which, values in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{which}.{name}": value.contiguous() for name, value in values.items()}
    told = {"schema": SCHEMA, "progress": json.dumps(asdict(progress)), "settings": json.dumps(settings, sort_keys=True)}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}")
    save_file(tensors, part, metadata=told)
    # Under its name only when whole: the run may be stopped at any moment.
    part.replace(path)


def load_state(path: Path, model: LlamaForCausalLM, optimisers: tuple[torch.optim.Optimizer, ...], settings: Mapping[str, Any]) -> Progress:
    """Puts the state in a file into model and optimisers, and says how far it is.

    Raises: MismatchError for the state of another training; InvalidInput for a file that cannot be read.
    """
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            told = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if told.get("schema") != SCHEMA:
            raise ValueError(f"schema {told.get('schema')!r}, expected {SCHEMA!r}")
        if told["settings"] != json.dumps(settings, sort_keys=True):
            raise MismatchError(f"{path} is the state of a training with other settings; delete it, or use another folder")
        progress = msgspec.json.decode(told["progress"], type=Progress)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                weight.copy_(tensors[f"model.{name}"])
        for number, optimiser in enumerate(optimisers):
            whole, state = optimiser.state_dict(), dict[int, dict[str, torch.Tensor]]()
            for name, value in tensors.items():
                if name.startswith(f"optimiser.{number}."):
                    _, _, which, field = name.split(".")
                    state.setdefault(int(which), {})[field] = value
            optimiser.load_state_dict({"state": state, "param_groups": whole["param_groups"]})
    except (OSError, KeyError, ValueError, RuntimeError, SafetensorError, msgspec.DecodeError) as error:
        if isinstance(error, MismatchError):
            raise
        raise InvalidInput(f"cannot read {path} as the state of a training: {error}; delete it to begin again") from error
    return progress
