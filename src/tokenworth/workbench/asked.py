"""Which model the requests of an experiment are put to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tokenworth.core.request.experiment import BudgetSpent, Experiment, put_for


def in_role(experiment: Experiment[Any], role: str) -> Experiment[Any]:
    """The experiment with all its requests put to the model of another role."""
    try:
        batch = next(experiment)
        while True:
            try:
                answers = yield put_for(tuple(replace(request, role=role) for request in batch), batch)
            except BudgetSpent as spent:
                batch = experiment.throw(spent)
            else:
                batch = experiment.send(answers)
    except StopIteration as finished:
        return finished.value
