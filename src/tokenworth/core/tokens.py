"""Token sequences: ids are the truth, text is a view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from tokenworth.errors import InvalidInput, MismatchError


class StopReason(StrEnum):
    """Why a rollout ended."""

    STOP = "stop"
    """A stop token was sampled (it is the last id), or an automaton reached an outcome."""
    LENGTH = "length"
    """The completion reached ``Sampling.max_tokens`` first."""
    ERROR = "error"
    """The reply was unusable (malformed, though the server reported success); the ids are what could be read of it."""
    REFUSED = "refused"
    """The server's content filter stopped the rollout; the ids are what came before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSequence:
    """A prompt and one completion of it, as token ids. Requests name prefixes of it by cut."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]

    def prefix(self, cut: int) -> tuple[int, ...]:
        """Prompt plus the first ``cut`` completion tokens."""
        return self.prompt + self.completion[:cut]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A base completion with its wall: the first ``n_trace`` tokens are the trace, the rest is the answer."""

    sequence: TokenSequence
    n_trace: int
    stop: StopReason

    def __post_init__(self) -> None:
        if not 0 <= self.n_trace <= len(self.sequence.completion):
            raise InvalidInput(
                f"trace of {self.n_trace} tokens in a completion of {len(self.sequence.completion)}; expected 0 to that length"
            )

    @property
    def ids(self) -> tuple[int, ...]:
        """The trace's token ids."""
        return self.sequence.completion[: self.n_trace]

    @property
    def answer_ids(self) -> tuple[int, ...]:
        """Everything from the close marker on."""
        return self.sequence.completion[self.n_trace :]


@runtime_checkable
class Codec(Protocol):
    """Text of token ids and back."""

    @property
    def vocab_size(self) -> int:
        """Ids run from 0 to this number less one."""
        ...

    def encode(self, text: str) -> tuple[int, ...]:
        """Ids of ``text``, special tokens recognised, none added."""
        ...

    def decode(self, ids: tuple[int, ...]) -> str:
        """Text of ``ids``, special tokens kept; broken UTF-8 becomes U+FFFD."""
        ...

    def piece_bytes(self, ids: tuple[int, ...]) -> tuple[bytes, ...]:
        """The bytes of each token on its own; their concatenation is the text's UTF-8."""
        ...


def check_vocabulary(ids: Sequence[int], size: int) -> None:
    """Nothing where every id runs from 0 to ``size`` less one.

    Raises: `MismatchError` naming the first that does not.
    """
    if ids and not (min(ids) >= 0 and max(ids) < size):
        bad = next(i for i in ids if not 0 <= i < size)
        raise MismatchError(f"token id {bad} is outside the model's vocabulary of {size}; are these ids of another model?")


def pieces_text(pieces: tuple[bytes, ...]) -> tuple[str, ...]:
    """One display string a token: its text, or ``⟨E2 80⟩`` for a token that is not whole characters.

    Nothing is lost or added: tokens that are valid UTF-8 concatenate to the decoded text.
    """
    shown: list[str] = []
    for piece in pieces:
        try:
            shown.append(piece.decode("utf-8"))
        except UnicodeDecodeError:
            shown.append("⟨" + piece.hex(" ").upper() + "⟩")
    return tuple(shown)
