"""Folds that keep the rows of a question together, and labels made for controls."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int


def grouped_folds(
    question: Int[np.ndarray, " row"], kind: Int[np.ndarray, " row"], n: int, rng: np.random.Generator
) -> Int[np.ndarray, " row"]:
    """The fold 0…n − 1 of each row: all rows of a question share one, and each kind of question is spread evenly.

    A question's kind is that of its first row: its label and stratum. Source: Kohavi 1995, IJCAI (stratified folds); grouped because a
    question's rows are nearly copies of each other, which a random split tells apart by memory.
    """
    names, first, index = np.unique(question, return_index=True, return_inverse=True)
    fold, at = np.zeros(len(names), dtype=np.int64), 0
    for one in np.unique(kind[first]).tolist():
        members = rng.permutation(np.flatnonzero(kind[first] == one))
        fold[members] = (at + np.arange(len(members))) % n
        at += len(members)
    return fold[index]


def shuffled_within(stratum: Int[np.ndarray, " row"], rng: np.random.Generator) -> Int[np.ndarray, " row"]:
    """For each row the row whose label it gets: a permutation within each stratum."""
    partner = np.arange(len(stratum))
    for one in np.unique(stratum).tolist():
        members = np.flatnonzero(stratum == one)
        partner[members] = rng.permutation(members)
    return partner


def random_by(group: Int[np.ndarray, " row"], n: int, rng: np.random.Generator) -> Int[np.ndarray, " row"]:
    """A class 0…n − 1 for each row, drawn once for each group and as often as the others, as far as the number of groups allows."""
    names, index = np.unique(group, return_inverse=True)
    return rng.permutation(np.arange(len(names)) % n)[index]
