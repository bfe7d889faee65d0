"""Laws of interventions: what is hidden, against a stock eager model with a mask; what is put in, against the donor's own reading."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.backends.local.local_models import ask, ask_one, backend_of, sampling, sequence_of
from tests.internals.planted import AT, LABELS, PROMPT, planted, trace_of
from tests.internals.planted import SUFFIX as PLANTED_EXIT
from tokenworth.backends.local.backend import LocalBackend
from tokenworth.core.request.hide import Hide
from tokenworth.core.request.lens import Lens
from tokenworth.core.request.read import Read
from tokenworth.core.request.regenerate import Regenerate
from tokenworth.core.request.sample import Sample
from tokenworth.core.request.transplant import Transplant
from tokenworth.core.tokens import TokenSequence
from tokenworth.errors import InvalidInput, Unsupported

SUFFIX, OPTIONS = (40, 41, 42), ((50,), (60, 61), (70,), (60, 62))
SEQUENCE, DONOR = sequence_of(9, 75, seed=4), sequence_of(12, 40, seed=5)
CUT, SPANS = 70, ((0, 4), (20, 31), (66, 70))
GAPPED = ["llama", "gpt2", "deepseek_v3"]


def hide(way: str, spans: tuple[tuple[int, int], ...] = SPANS, **changes: Any) -> Hide:
    return replace(Hide(sequence=SEQUENCE, cut=CUT, spans=spans, way="total", suffix=SUFFIX, continuations=OPTIONS), way=way, **changes)


def plain(backend: LocalBackend, sequence: TokenSequence = SEQUENCE, cut: int = CUT) -> np.ndarray:
    return ask_one(backend, Read(sequence=sequence, cuts=(cut,), suffix=SUFFIX, continuations=OPTIONS)).logprob[0]


def masked(backend: LocalBackend, ids: tuple[int, ...], first: int, end: int, seen_by: int) -> Any:
    """Log-probabilities of a stock eager model whose tokens from ``seen_by`` on do not see those from ``first`` to ``end``."""
    import torch

    n = len(ids)
    seen = torch.ones(n, n, dtype=torch.bool).tril()
    seen[max(end, seen_by) :, first:end] = False
    mask = torch.zeros(n, n).masked_fill(~seen, torch.finfo(torch.float32).min)[None, None]
    with torch.inference_mode(), backend.model.stock_attention() as stock:
        return stock(input_ids=torch.tensor([ids]), attention_mask=mask, use_cache=False).logits[0].log_softmax(-1)


@pytest.mark.parametrize("way", ["direct", "total"])
@pytest.mark.parametrize("architecture", GAPPED)
def test_what_is_hidden_is_what_a_mask_hides(architecture: str, way: str) -> None:
    backend = backend_of(architecture)
    table = ask_one(backend, hide(way))
    for row, (first, end) in enumerate(SPANS):
        for k, option in enumerate(OPTIONS):
            ids = (*SEQUENCE.prefix(CUT), *SUFFIX, *option)
            where = 9 + CUT + len(SUFFIX)
            found = masked(backend, ids, 9 + first, 9 + end, 9 + (CUT if way == "direct" else 0))
            expected = sum(float(found[where - 1 + i, token]) for i, token in enumerate(option))
            assert table.logprob[row, k] == pytest.approx(expected, abs=1e-4)
            assert np.exp(table.logprob[row, k]) == pytest.approx(np.exp(expected), abs=1e-6)


@pytest.mark.parametrize("way", ["direct", "total"])
def test_hiding_nothing_changes_nothing(way: str) -> None:
    backend = backend_of("llama")
    table = ask_one(backend, hide(way, ((0, 0), (30, 30), (CUT, CUT), (20, 31))))
    np.testing.assert_allclose(table.logprob[:3], np.broadcast_to(plain(backend), (3, 4)), atol=2e-5)
    assert np.abs(table.logprob[3] - plain(backend)).max() > 1e-3
    assert ask_one(backend, hide(way, ())).logprob.shape == (0, 4)


def test_a_span_at_the_end_is_hidden_from_the_exit_text_alone_either_way() -> None:
    tables = [ask_one(backend_of("llama"), hide(way, ((66, 70),))).logprob for way in ("direct", "total")]
    np.testing.assert_allclose(*tables, atol=2e-5)


def test_spans_do_not_depend_on_one_another() -> None:
    for way in ("direct", "total"):
        alone = [ask_one(backend_of("llama"), hide(way, (one,))).logprob[0] for one in SPANS]
        np.testing.assert_allclose(ask_one(backend_of("llama"), hide(way)).logprob, alone, atol=1e-5)


@pytest.mark.parametrize("place", ["exit", "trace"])
@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma2", "opt", "deepseek_v3"])
def test_a_transplant_is_nothing_at_layer_0_and_the_donor_at_the_last(architecture: str, place: str) -> None:
    """At the exit every last token is the same, so its embedding is too; at the trace a donor that ends in the same token is used."""
    backend = backend_of(architecture)
    # Learned positions are part of the embedding: of another length, a donor brings its own.
    donor = sequence_of(39, 40, seed=5) if architecture in ("gpt2", "opt") else DONOR
    if place == "trace":
        donor = replace(donor, completion=(*donor.completion[:-1], SEQUENCE.completion[CUT - 1]))
    one_token = ((50,), (60,), (70,))
    asked = Transplant(sequence=SEQUENCE, cut=CUT, donor=donor, donor_cut=40, place="exit", suffix=SUFFIX, continuations=one_token)
    asked = replace(asked, place=place)
    table = ask_one(backend, asked)
    base, given = (
        ask_one(backend, Read(sequence=one, cuts=(cut_,), suffix=SUFFIX, continuations=one_token)).logprob[0]
        for one, cut_ in ((SEQUENCE, CUT), (donor, 40))
    )
    np.testing.assert_allclose(table.logprob[0], base, atol=1e-4)
    if place == "exit":
        np.testing.assert_allclose(table.logprob[-1], given, atol=1e-4)
        itself = ask_one(backend, replace(asked, donor=SEQUENCE, donor_cut=CUT)).logprob
        np.testing.assert_allclose(itself, np.broadcast_to(base, itself.shape), atol=1e-4)
        assert np.abs(given - base).max() > 1e-2
    else:
        np.testing.assert_allclose(table.logprob[-1], base, atol=1e-4, err_msg="nothing reads the last layer of an earlier token")
        assert np.abs(table.logprob[1] - base).max() > 1e-3


def test_layers_of_a_transplant_do_not_depend_on_one_another() -> None:
    asked = Transplant(sequence=SEQUENCE, cut=CUT, donor=DONOR, donor_cut=40, place="exit", suffix=SUFFIX, continuations=OPTIONS)
    whole = ask_one(backend_of("llama"), asked).logprob
    for layer in range(4):
        np.testing.assert_allclose(ask_one(backend_of("llama"), replace(asked, layers=(layer,))).logprob[0], whole[layer], atol=1e-5)


def test_the_planted_model_is_cut_where_it_reads() -> None:
    """Direct: only the copy token is read by the exit. Total: the carrier is read by the copy token, so both matter; nothing else does."""
    sequence, n = TokenSequence(prompt=PROMPT, completion=trace_of(2)), len(trace_of(2))
    asked = Hide(
        sequence=sequence, cut=n, spans=tuple((i, i + 1) for i in range(n)), way="direct", suffix=PLANTED_EXIT,
        continuations=tuple((one,) for one in LABELS),
    )  # fmt: skip
    for way, matter in (("direct", {AT}), ("total", {1, AT})):
        p = np.exp(ask_one(planted(), replace(asked, way=way)).logprob)
        share = p[:, 2] / p.sum(axis=1)
        np.testing.assert_allclose(share, [0.25 if i in matter else 1.0 for i in range(n)], atol=1e-5)


def test_a_planted_answer_is_moved_at_the_layer_that_holds_it() -> None:
    mine, other = (TokenSequence(prompt=PROMPT, completion=trace_of(a)) for a in (2, 0))
    asked = Transplant(
        sequence=mine, cut=12, donor=other, donor_cut=12, place="exit", suffix=PLANTED_EXIT, continuations=tuple((one,) for one in LABELS)
    )
    p = np.exp(ask_one(planted(), asked).logprob)
    np.testing.assert_allclose(p[:, 2] / p.sum(axis=1), [1, 1, 0, 0], atol=1e-5)
    np.testing.assert_allclose(p[:, 0] / p.sum(axis=1), [0, 0, 1, 1], atol=1e-5)


# -- regenerate -----------------------------------------------------------------------------------------------------------------------


def regenerate(index: int, span: tuple[int, int] = (10, 30), cut: int = 40) -> Regenerate:
    return Regenerate(sequence=SEQUENCE, cut=cut, params=sampling(60), seed=3, index=index, span=span)


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_rollouts_follow_the_masked_distribution(architecture: str) -> None:
    """Every token a rollout draws is one that the stock model with a mask could draw from the same uniform number: inverse CDF by hand."""
    import torch

    from tokenworth.core.keys import Keyer, rollout_generator

    backend = backend_of(architecture)
    requests = [regenerate(i) for i in range(12)]
    keyer = Keyer(backend.fingerprint)
    for request, rollout in zip(requests, ask(backend, requests), strict=True):
        ids = (*SEQUENCE.prefix(40), *rollout.ids)
        logits = masked(backend, ids, 9 + 10, 9 + 30, 0)[49 - 1 : -1]
        cumulative = torch.cumsum(logits.double().exp(), dim=-1).numpy()
        uniforms = rollout_generator(keyer.key(request)).random(len(rollout.ids))
        for row, token, uniform in zip(cumulative, rollout.ids, uniforms, strict=True):
            low, high = (row[token - 1] if token else 0.0), row[token]
            assert low - 1e-4 <= uniform <= high + 1e-4


def test_a_rollout_depends_on_its_request_alone() -> None:
    backend = backend_of("llama")
    plain_ones = [Sample(sequence=SEQUENCE, cut=40, params=sampling(60), seed=3, index=i) for i in range(8)]
    others = [regenerate(i, (5, 12)) for i in range(8)]
    together = ask(backend, [one for three in zip(plain_ones, [regenerate(i) for i in range(8)], others, strict=True) for one in three])
    alone = [ask_one(backend, regenerate(i)) for i in range(8)]
    assert [one.ids for one in together[1::3]] == [one.ids for one in alone]
    assert [one.ids for one in together[::3]] == [one.ids for one in ask(backend, plain_ones)]
    assert len({one.ids for one in (*together[::3], *together[1::3], *together[2::3])}) == 24


@pytest.mark.parametrize(
    ("span", "cut", "words"),
    [((10, 10), 40, "hidden span 10 to 10"), ((10, 40), 40, "end before the last one kept, at cut 40"), ((-1, 4), 40, "hidden span -1")],
)
def test_spans_outside_are_refused(span: tuple[int, int], cut: int, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        regenerate(0, span, cut)
    with pytest.raises(InvalidInput, match="hidden span"):
        hide("total", ((span[0], 71),))


@pytest.mark.parametrize("architecture", ["mistral-window", "bloom", "mpt", "gpt_neo", "gemma3"])
def test_models_whose_attention_counts_distances_refuse_in_one_sentence(architecture: str) -> None:
    backend = backend_of(architecture)
    for request in (hide("total"), regenerate(0)):
        with pytest.raises(Unsupported, match=r"cannot answer a \w+ request \(its attention depends on how far back a key is"):
            ask_one(backend, request)
    assert ask_one(backend, Lens(sequence=SEQUENCE, cuts=(5,), place="exit", suffix=SUFFIX, tokens=(50, 60))).layers == 4
