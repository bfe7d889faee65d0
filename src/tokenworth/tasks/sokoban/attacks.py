"""The verifier of Sokoban as `audit` attacks it."""

from __future__ import annotations

from tokenworth.core.verification import FormalText
from tokenworth.tasks.audit.attack import verifying
from tokenworth.tasks.audit.boxes import SOKOBAN
from tokenworth.tasks.sokoban.domain import DOMAIN


def _room(prompt: str, answer: str) -> FormalText:
    words = prompt.split()
    boxes = " ".join(f"box {words[at + 1]} {words[at + 2]}" for at, word in enumerate(words) if word == "box")
    first = f"worker {words[1]} {words[2]} {boxes} c0 c0"
    return FormalText(id="audit", prompt=prompt, trace=f"create {first} close {first} {answer}")


ATTACKS = (verifying(DOMAIN, SOKOBAN, _room),)
"""The verifier."""
