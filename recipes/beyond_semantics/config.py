"""A run of the recipe as data: mazes, model, arms and tests, read from a TOML file; an unknown key is an error."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from recipes.beyond_semantics.data import Arm
from recipes.beyond_semantics.train import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Mazes:
    """The training problems. ``longest``: most trace tokens a problem may have, so that rows are not mostly padding."""

    side: int
    families: tuple[str, ...]
    n: int
    seed: int
    longest: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tests:
    """The problems asked: ``n`` of each family. ``checkpoints``: steps at which ``n_checkpoint`` of the first family are asked."""

    families: tuple[str, ...]
    n: int
    seed: int
    limit: int
    temperatures: tuple[float, ...] = (0.0,)
    checkpoints: tuple[int, ...] = ()
    n_checkpoint: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that decides a run."""

    mazes: Mazes
    shape: Shape
    tests: Tests
    arms: tuple[Arm, ...]


def read_config(path: Path) -> Config:
    """The configuration in a TOML file."""
    return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Config, strict=True)
