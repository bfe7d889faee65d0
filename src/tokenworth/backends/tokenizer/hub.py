"""Files of a model on the Hugging Face hub, fetched or found in its local cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from tokenworth.errors import MissingExtra, MissingFile

_WANTED = {"tokenizer": "files", "model": "model"}


def from_hub(kind: Literal["tokenizer", "model"], name: str, *, patterns: Sequence[str], ignored: Sequence[str] | None = None) -> Path:
    """The folder with the files of the hub model ``name`` that match ``patterns`` and not ``ignored``.

    ``kind``: what errors call it.

    Raises: `MissingFile` when neither the hub nor its cache has it; `MissingExtra` without huggingface_hub.
    """
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ImportError as error:
        raise MissingExtra(
            f"{kind} {name!r} is not a folder, and fetching it needs huggingface_hub: pip install huggingface_hub"
        ) from error
    left_out: dict[str, Any] = {} if ignored is None else {"ignore_patterns": list(ignored)}
    try:
        return Path(snapshot_download(name, allow_patterns=list(patterns), **left_out))
    except HFValidationError as error:
        raise MissingFile(f"{kind} {name!r}: neither a folder nor a hub name (OWNER/NAME)") from error
    except (OSError, HfHubHTTPError, ValueError, RuntimeError) as error:
        raise MissingFile(
            f"{kind} {name!r}: no such folder, and the hub or its local cache does not have it ({type(error).__name__}); "
            f"give a folder, or fetch the {_WANTED[kind]} first"
        ) from error
