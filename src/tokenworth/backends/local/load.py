"""Opening a local model without importing torch before it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenworth.errors import InvalidInput

if TYPE_CHECKING:
    from tokenworth.backends.local.backend import LocalBackend

DTYPES = ("float32", "bfloat16")


def load_local(path: str, *, device: str = "cpu", dtype: str = "float32", batch: int = 64, threads: int | None = None) -> LocalBackend:
    """The backend of a Hugging Face causal language model, from a folder or a hub name.

    ``batch`` is the number of rollouts that decode together. ``threads`` sets torch's CPU threads for the whole process
    (None leaves them): the products of a very small model are too small to share, and waiting for each other costs more
    than it saves. Loading ends with a probe: the shared-prefix engine must agree with the model's stock forward, or the
    model is refused.

    Raises: `MissingFile` for a folder or name that cannot be found;
    `Unsupported` for an architecture the engine would get wrong; `InvalidInput` for damaged files or a bad argument.
    """
    if dtype not in DTYPES:
        raise InvalidInput(f"dtype {dtype!r}: expected one of {', '.join(DTYPES)}")
    if threads is not None and threads < 1:
        raise InvalidInput(f"threads {threads}: expected at least 1")
    if batch < 1:
        raise InvalidInput(f"batch {batch}: expected at least 1")
    from tokenworth.backends.local.backend import LocalBackend
    from tokenworth.backends.local.model import open_model

    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    return LocalBackend(open_model(path, device=device, dtype=dtype), name=path, batch=batch)
