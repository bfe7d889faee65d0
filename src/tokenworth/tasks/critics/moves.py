"""A critic of chess moves: every one legal, and mate at the end if that is asked. Needs python-chess, which is under the GPL."""

from __future__ import annotations

import importlib
import importlib.util
import re
from typing import Any

from tokenworth import __version__
from tokenworth.errors import InvalidInput, MissingExtra
from tokenworth.tasks.critics.critic import Verdict

MAX_MOVES = 600
"""Moves an answer may have."""
_NUMBER = re.compile(r"[0-9]{1,3}\.(?:\.\.)?")
_MOVE = re.compile(r"[A-Za-z0-9+#=-]{2,10}")


class ChessCritic:
    """Accepts moves in SAN or UCI (``1. e4 e5 2. Nf3`` or ``e2e4 e7e5``) that are legal one after another from a position.

    ``mate``: the last one must end in checkmate.

    Raises: MissingExtra where python-chess is not installed; InvalidInput for a position that is none.
    """

    name = "python-chess"
    level = "exact"
    reads_whole = False

    def __init__(self, position: str, *, mate: bool = False) -> None:
        if importlib.util.find_spec("chess") is None:
            raise MissingExtra("this critic needs python-chess (GPL), which is not installed; run: pip install 'tokenworth[chess]'")
        self._chess: Any = importlib.import_module("chess")
        self._position, self._mate = position, mate
        try:
            self._chess.Board(position)
        except ValueError as error:
            raise InvalidInput(f"chess position {position[:100]!r}: {error}; expected one in FEN") from error

    @property
    def version(self) -> str:
        """Of python-chess."""
        return f"{__version__} with python-chess {self._chess.__version__}"

    def check(self, answer: str) -> Verdict:
        """The first move that is not legal, or that there is no mate."""
        words = answer[: MAX_MOVES * 16].split()
        moves = [word for word in (_NUMBER.sub("", word, count=1) for word in words) if word]
        if not moves or len(moves) > MAX_MOVES or len(answer) > MAX_MOVES * 16:
            return Verdict(accepted=False, messages=(f"expected 1 to {MAX_MOVES} moves",))
        board = self._chess.Board(self._position)
        for number, word in enumerate(moves, 1):
            move = self._move(board, word)
            if move is None:
                return Verdict(accepted=False, messages=(f"move {number}, {word[:20]!r}, is not legal in {board.fen()}",))
            board.push(move)
        if self._mate and not board.is_checkmate():
            return Verdict(accepted=False, messages=(f"no checkmate after move {len(moves)}, {board.fen()}",))
        return Verdict(accepted=True)

    def _move(self, board: Any, word: str) -> Any:
        """The legal move a word names, None where it names none."""
        if not _MOVE.fullmatch(word) or not word.isascii():
            return None
        try:
            move = board.parse_san(word)
        except ValueError:
            try:
                move = board.parse_uci(word)
            except ValueError:
                return None
        return move or None
