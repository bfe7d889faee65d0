"""The model's folder and a hash of what decides its distribution."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tokenworth.backends.tokenizer.hub import from_hub
from tokenworth.errors import InvalidInput, MissingFile

TOKENIZER_FILES = (
    "added_tokens.json",
    "chat_template.jinja",
    "merges.txt",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
)
_PATTERNS = ("*.json", "*.safetensors", "*.jinja", "*.txt", "tokenizer.model")
_IGNORED = ("consolidated*", "original/*")
_BLOCK = 1 << 22


def model_folder(path: str) -> Path:
    """The folder of a model given as a folder or as a hub name (its files are fetched, or found in the hub's cache).

    Raises: `MissingFile` when it is neither, or lacks config.json or safetensors weights; `MissingExtra` for a hub name without
    huggingface_hub.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        if folder.exists() or path.startswith((".", "/", "~")) or path.count("/") > 1:
            raise MissingFile(f"model {path!r}: expected a folder with config.json and safetensors weights; there is none")
        folder = from_hub("model", path, patterns=_PATTERNS, ignored=_IGNORED)
    if not (folder / "config.json").is_file():
        raise MissingFile(f"model folder {path!r} has no config.json; expected a Hugging Face model folder")
    weight_files(folder)
    return folder


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that hold the weights, in order of name.

    Raises: `MissingFile` when there are none or a shard is missing; `InvalidInput` for a damaged index.
    """
    single = folder / "model.safetensors"
    if single.is_file():
        return [single]
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        raise MissingFile(f"model folder {str(folder)!r} has no model.safetensors; pickled weights are not loaded, convert them")
    try:
        names = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
        shards = [folder / str(name) for name in names]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(f"{index.name}: not a safetensors index ({type(error).__name__})") from error
    for shard in shards:
        if not shard.is_file() or shard.parent != folder:
            raise MissingFile(f"model folder {str(folder)!r} lacks the shard {shard.name}")
    return shards


def fingerprint_folder(folder: Path, dtype: str) -> str:
    """SHA-256 over config.json, the weights' bytes, the tokenizer's files and the dtype (64 hex digits)."""
    files = [folder / "config.json", *weight_files(folder)]
    files += [folder / name for name in TOKENIZER_FILES if (folder / name).is_file()]
    whole = hashlib.sha256(f"tokenworth model 1\n{dtype}\n".encode())
    for file in files:
        part = hashlib.sha256()
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                part.update(block)
        whole.update(f"{file.name} {part.hexdigest()}\n".encode())
    return whole.hexdigest()
