"""A run of the recipe as data: mazes, model, rejected plans and tests, read from a TOML file; an unknown key is an error."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from recipes.beyond_semantics.config import Mazes
from recipes.beyond_semantics.train import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Early:
    """The model whose plans are rejected: ``steps`` of training, ``draws`` plans of training problems at a temperature."""

    steps: int
    draws: int
    temperature: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Second:
    """Training examples of second attempts: ``n`` of them, of which shares are told nothing (``bare``) or all faults (``every``)."""

    n: int
    bare: float
    every: float
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tests:
    """First attempts at ``n`` problems of the test layouts; those that are rejected get a second attempt of every kind."""

    family: str
    n: int
    seed: int
    limit: int
    temperature: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that decides a run."""

    mazes: Mazes
    shape: Shape
    early: Early
    second: Second
    tests: Tests


def read_config(path: Path) -> Config:
    """The configuration in a TOML file."""
    return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Config, strict=True)
