"""What a curve says of rollouts without a verdict, of its limit, and of a base that its sampling never writes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers import PLAIN, answer_directly, settings, toy_trace
from tests.stats.test_given import ENDS, automaton
from tokenworth.backends.toy.backend import ToyBackend, ToyCodec, toy_judge
from tokenworth.core.document import About, ModelDoc, Provenance
from tokenworth.core.sampling import Sampling
from tokenworth.methods.curve.document import CurveDoc, curve_document
from tokenworth.methods.curve.experiment import curve

ABOUT = About(model=ModelDoc(name="toy"), provenance=Provenance(version="0"))


def document(sampling: Sampling = PLAIN, plan: str = "excursions", ids: tuple[int, ...] = ENDS["right"], **choices: object) -> CurveDoc:
    toy = automaton()
    experiment = curve(toy_trace(toy, ids=ids), judge=toy_judge(toy), sampling=sampling, settings=settings(plan, **choices))
    return curve_document(answer_directly(experiment, ToyBackend(toy)), ToyCodec(vocab_size=10), ABOUT)


@pytest.mark.parametrize(("plan", "amount"), [("excursions", {"max_rollouts": 60}), ("plain", {"samples": 12})])
def test_the_document_says_what_is_left_open(plan: str, amount: dict[str, int]) -> None:
    found = document(plan=plan, **amount)
    assert found.verdicts is not None and len(found.verdicts.missing) == len(found.cuts)
    unknown = sum(one.verdict == "unknown" for one in found.samples)
    (note,) = [one for one in found.notes if "have no verdict" in one]
    assert note.startswith(f"{unknown} of {len(found.samples)} rollouts have no verdict; the value is P(correct) over all rollouts")
    assert all(one.hit is (one.verdict == "correct") for one in found.samples)


def test_rollouts_that_reach_the_limit_have_advice_of_their_own() -> None:
    """The base has four tokens, and so may a rollout: those that leave by way of b reach the limit before they end."""
    found = document(replace(PLAIN, max_tokens=3), plan="plain", ids=(0, 2, 7), samples=30)
    cut = sum(one.stop == "length" for one in found.samples)
    assert cut > 0
    (note,) = [one for one in found.notes if "--limit" in one]
    assert note == f"{cut} of {len(found.samples)} rollouts have no verdict because they reached the limit of 3 tokens: raise --limit"
    assert not [one for one in document(samples=12, plan="plain").notes if "--limit" in one]


def test_a_base_that_the_sampling_never_writes_is_noted() -> None:
    """Greedily a leads to b, b to d, and d ends right: a base that ends wrong has one token of probability 0."""
    greedy = replace(PLAIN, temperature=0.0)
    for plan, amount in (("excursions", {"max_rollouts": 20}), ("plain", {"samples": 2})):
        (note,) = [one for one in document(greedy, plan, ENDS["wrong"], **amount).notes if "never writes" in one]
        assert "1 of its 4 tokens have probability 0, first token 3" in note
        assert not [one for one in document(greedy, plan, ENDS["right"], **amount).notes if "never writes" in one]
        assert not [one for one in document(PLAIN, plan, ENDS["wrong"], **amount).notes if "never writes" in one]
