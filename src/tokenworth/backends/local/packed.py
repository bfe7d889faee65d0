"""Linear layers whose weights lie in memory as the processor's matrix products read them.

A product of a few dozen rows spends much of its time bringing a plain weight matrix into that order, each time anew. oneDNN, which comes
with torch, does it once and keeps nothing else, so that a packed layer takes the memory of a plain one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

LEAST = 1 << 17
"""Numbers in a weight matrix from which on it is packed: products of smaller ones cost less than a call of oneDNN."""
_ROWS = 64


class PackedLinear(nn.Module):
    """What the linear layer did. ``weight`` is the plain matrix, unpacked whenever it is asked for."""

    def __init__(self, plain: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = plain.in_features, plain.out_features
        self.bias = plain.bias
        self._packed = torch.ops.mkldnn._reorder_linear_weight(plain.weight.detach(), _ROWS)

    @property
    def weight(self) -> Tensor:
        """For code that looks at the numbers themselves."""
        return self._packed.to_dense()

    def forward(self, x: Tensor) -> Tensor:
        """``x`` times the transposed weights, plus the bias."""
        return torch.ops.mkldnn._linear_pointwise(x, self._packed, self.bias, "none", [], "")


def pack(model: nn.Module) -> None:
    """Replaces the linear layers of a model that is on the CPU, where oneDNN is there and computes with the layer's numbers."""
    if not torch.backends.mkldnn.is_available():
        return
    # Parents and names, not the layers: so each plain matrix is gone before the next one is packed.
    places = [(parent, name) for parent in model.modules() for name, child in parent.named_children() if type(child) is nn.Linear]
    for parent, name in places:
        plain = getattr(parent, name)
        if plain.weight.device.type == "cpu" and plain.weight.numel() >= LEAST:
            packed = _packed(plain)
            if packed is None:
                return
            setattr(parent, name, packed)


@torch.inference_mode()
def _packed(plain: nn.Linear) -> PackedLinear | None:
    """The packed layer; None where this torch or this processor cannot do it, or does something else."""
    x = torch.linspace(-1, 1, plain.in_features, dtype=plain.weight.dtype)[None]
    try:
        packed = PackedLinear(plain)
        apart = (packed(x).float() - plain(x).float()).abs().max()
    except (RuntimeError, AttributeError, NotImplementedError, TypeError):
        return None
    largest = float(x.float().norm() * torch.linalg.vector_norm(plain.weight, dim=1, dtype=torch.float32).max())
    return packed if float(apart) <= 16 * torch.finfo(plain.weight.dtype).eps * largest else None
