"""Golden test of content keys: a field that goes missing would merge different experiments in silence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tokenworth.core.keys import KEPT_SEQUENCES, KEY_SCHEMA, Keyer, rollout_generator, rollout_seed
from tokenworth.core.request.hidden import Hidden
from tokenworth.core.request.hide import Hide
from tokenworth.core.request.kind import Request
from tokenworth.core.request.lens import Lens
from tokenworth.core.request.masses import Masses
from tokenworth.core.request.next_token import NextToken
from tokenworth.core.request.read import Read
from tokenworth.core.request.regenerate import Regenerate
from tokenworth.core.request.sample import Sample
from tokenworth.core.request.suppress import Suppress
from tokenworth.core.request.transplant import Transplant
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import TokenSequence
from tokenworth.errors import InvalidInput

PARAMS = Sampling(temperature=0.6, top_k=20, top_p=0.95, min_p=0.0, max_tokens=256, stop=(2, 7))
SEQUENCE = TokenSequence(prompt=(1, 5), completion=(10, 11, 12, 13))
PREFIX_2 = "c0744dca8cc241d1d7ad5ee4712590a95262c0aaf1cf8992c8c373bd34cdb0d5"
WHOLE = "328fec929d6707206ad0ccdf6f3840f8351d9ef2939c3a515e6cc98a8fba8cd1"
CUTS = "c571327cb01ac1de6972713cbf6cc1fc3c2cab8b581ee0bc3fe6d8b56963fd5b"
SAMPLE = Sample(sequence=SEQUENCE, cut=2, params=PARAMS, seed=7, index=3)
NEXT_TOKEN = NextToken(sequence=SEQUENCE, cuts=(0, 2), params=PARAMS, top=20)
READ = Read(sequence=SEQUENCE, cuts=(0, 2), suffix=(40, 41), continuations=((50,), (51, 52)))
HIDDEN = Hidden(sequence=SEQUENCE, cuts=(0, 2), place="exit", suffix=(40, 41), layers=(0, 3))
LENS = Lens(sequence=SEQUENCE, cuts=(0, 2), place="trace", tokens=(50, 51), mass="some")
HIDE = Hide(sequence=SEQUENCE, cut=2, spans=((0, 1), (1, 2)), way="total", suffix=(40, 41), continuations=((50,), (51, 52)))
REGENERATE = Regenerate(sequence=SEQUENCE, cut=2, params=PARAMS, seed=7, index=3, span=(0, 1))
TRANSPLANT = Transplant(
    sequence=SEQUENCE,
    cut=4,
    donor=replace(SEQUENCE, completion=(10, 11)),
    donor_cut=2,
    place="exit",
    layers=(1, 3),
    suffix=(40, 41),
    continuations=((50,), (51, 52)),
)
MASSES = Masses(sequence=SEQUENCE, bounds=(0, 1, 2), layers=(1, 3))
SUPPRESS = Suppress(sequence=SEQUENCE, bounds=(0, 1, 2), spans=((0, 1),))
KEYS = (
    "80db90918c5cace848476ad505346e63810b05293ad7e433cb080c640a548de6",
    "1f02c392509956a5916a60855881f16cedaaef4b44edfea6efaf682c1eb4c76a",
    "75f2c45ea045629b5ee766be19594ccf63747f483370f021add37ab90a6eaaa2",
    "28a8c7daa047396f47fb59bb62ab8f39b459a8e6db60b79cf07ee316c453a0c1",
    "0c3cb79612c689b116aac42ec724694ea95c4b1ceb719ed076754b4ca1d68f03",
    "15edaba195b88323819d99add99e5bd27960f29e6709af5a4d50d3a6e3b3f9dc",
    "8f79ea29a715b1e9194a85e5d045b9556fad532459c2c75a2328a5a5f689c82b",
    "51e18b7446a7bc5253f5e2035f634b86149c003da3757f09333ac3e35897e2f7",
    "4a96348e72f27cafb02bbb1181b1de96ec6040ac0f46f155ca154a27e0303725",
    "0717345958a52cfd6ba298000d3c9a4fe6624afa3aa7eac9dc03bbe474b1e520",
    "5b3803163f2e51cda9b5b57f6b258772aa29664e164d68111dcf7be5ba65e8f8",
    "01d0aadf96221e9b3178559c0ab85df0cb232669873a4d026c3ef7c3fdfcea09",
    "bb85b5a48645481545a51e36ecf88d7465fe8c21f605ad767e2cc173cbe549cd",
)
SAMPLING = [0.6, 20, 0.95, 0.0, 256, [2, 7]]


@pytest.mark.parametrize(
    ("request_", "fields", "key"),
    [
        (SAMPLE, [KEY_SCHEMA, "model-x", "Sample", PREFIX_2, 4, 2, SAMPLING, None, None, 7, 3], KEYS[0]),
        (
            replace(SAMPLE, leave=True),
            [KEY_SCHEMA, "model-x", "Sample", PREFIX_2, 4, 2, SAMPLING, None, 12, 7, 3],
            KEYS[1],
        ),
        (
            replace(SAMPLE, leave=True, avoid=(40, 13)),
            [KEY_SCHEMA, "model-x", "Sample", PREFIX_2, 4, 2, SAMPLING, None, 12, 7, 3, [13, 40]],
            KEYS[5],
        ),
        (
            replace(SAMPLE, branch=99),
            [KEY_SCHEMA, "model-x", "Sample", PREFIX_2, 4, 2, SAMPLING, 99, None, 7, 3],
            KEYS[2],
        ),
        (NEXT_TOKEN, [KEY_SCHEMA, "model-x", "NextToken", WHOLE, 2, CUTS, SAMPLING, 20], KEYS[3]),
        (READ, [KEY_SCHEMA, "model-x", "Read", WHOLE, 2, CUTS, [40, 41], [[50], [51, 52]]], KEYS[4]),
        (HIDDEN, [KEY_SCHEMA, "model-x", "Hidden", PREFIX_2, 2, CUTS, "exit", [40, 41], [0, 3]], KEYS[6]),
        (LENS, [KEY_SCHEMA, "model-x", "Lens", PREFIX_2, 2, CUTS, "trace", [], None, [50, 51], "some"], KEYS[7]),
        (HIDE, [KEY_SCHEMA, "model-x", "Hide", PREFIX_2, 2, "total", [[0, 1], [1, 2]], [40, 41], [[50], [51, 52]]], KEYS[8]),
        (REGENERATE, [KEY_SCHEMA, "model-x", "Regenerate", PREFIX_2, 4, 2, SAMPLING, None, None, 7, 3, [0, 1]], KEYS[9]),
        (
            TRANSPLANT,
            [KEY_SCHEMA, "model-x", "Transplant", WHOLE, PREFIX_2, 2, 4, 2, 2, "exit", [1, 3], [40, 41], [[50], [51, 52]]],
            KEYS[10],
        ),
        (MASSES, [KEY_SCHEMA, "model-x", "Masses", PREFIX_2, 2, [0, 1, 2], [1, 3]], KEYS[11]),
        (SUPPRESS, [KEY_SCHEMA, "model-x", "Suppress", PREFIX_2, 2, [0, 1, 2], [[0, 1]]], KEYS[12]),
    ],
    ids=[
        "sample",
        "leave",
        "avoid",
        "branch",
        "next-token",
        "read",
        "hidden",
        "lens",
        "hide",
        "regenerate",
        "transplant",
        "masses",
        "suppress",
    ],
)
def test_golden(request_, fields, key):
    keyer = Keyer("model-x")
    assert keyer.fields(request_) == fields
    assert keyer.key(request_) == key


def test_every_field_of_a_request_changes_its_key():
    keys = [Keyer("model-x").key(request) for request in _variants()]
    keys.append(Keyer("model-y").key(SAMPLE))
    assert len(set(keys)) == len(keys)


def _variants() -> list[Request]:
    other = TokenSequence(prompt=(1, 5), completion=(10, 11, 14, 13))
    shifted = TokenSequence(prompt=(1,), completion=(5, 10, 11, 12, 13))
    params = [
        replace(PARAMS, temperature=0.7),
        replace(PARAMS, top_k=0),
        replace(PARAMS, top_p=1.0),
        replace(PARAMS, min_p=0.1),
        replace(PARAMS, max_tokens=257),
        replace(PARAMS, stop=(2,)),
    ]
    return [
        SAMPLE,
        replace(SAMPLE, cut=1),
        replace(SAMPLE, seed=8),
        replace(SAMPLE, index=4),
        replace(SAMPLE, branch=99),
        replace(SAMPLE, leave=True),
        replace(SAMPLE, leave=True, avoid=(40,)),
        replace(SAMPLE, leave=True, avoid=(40, 41)),
        replace(SAMPLE, sequence=other, cut=3),
        replace(SAMPLE, sequence=other, leave=True),
        replace(SAMPLE, sequence=shifted, cut=3),
        *(replace(SAMPLE, params=changed) for changed in params),
        NEXT_TOKEN,
        replace(NEXT_TOKEN, cuts=(0, 3)),
        replace(NEXT_TOKEN, top=19),
        replace(NEXT_TOKEN, sequence=other),
        replace(NEXT_TOKEN, sequence=shifted),
        *(replace(NEXT_TOKEN, params=changed) for changed in params),
        READ,
        replace(READ, cuts=(0, 3)),
        replace(READ, suffix=(40,)),
        replace(READ, continuations=((50,), (51,), (52,))),
        replace(READ, sequence=other),
        HIDDEN,
        replace(HIDDEN, cuts=(0, 3)),
        replace(HIDDEN, cuts=(0, 3), sequence=other),
        replace(HIDDEN, place="trace", suffix=()),
        replace(HIDDEN, suffix=(40,)),
        replace(HIDDEN, layers=None),
        replace(HIDDEN, layers=(0, 2)),
        replace(HIDDEN, sequence=shifted),
        LENS,
        replace(LENS, mass="all"),
        replace(LENS, tokens=(51, 50)),
        replace(LENS, layers=(0, 1)),
        replace(LENS, cuts=(0, 1)),
        replace(LENS, place="exit", suffix=(40,)),
        HIDE,
        replace(HIDE, way="direct"),
        replace(HIDE, cut=3),
        replace(HIDE, spans=((0, 1),)),
        replace(HIDE, suffix=(40,)),
        replace(HIDE, continuations=((50,), (51,))),
        replace(HIDE, sequence=shifted),
        REGENERATE,
        replace(REGENERATE, cut=3),
        replace(REGENERATE, cut=3, span=(0, 2)),
        replace(REGENERATE, index=4),
        TRANSPLANT,
        replace(TRANSPLANT, cut=3),
        replace(TRANSPLANT, donor_cut=1),
        replace(TRANSPLANT, donor=shifted),
        replace(TRANSPLANT, place="trace"),
        replace(TRANSPLANT, layers=None),
        replace(TRANSPLANT, suffix=(40,)),
        replace(TRANSPLANT, continuations=((50,), (51,))),
        MASSES,
        replace(MASSES, bounds=(0, 2)),
        replace(MASSES, layers=None),
        replace(MASSES, sequence=shifted),
        SUPPRESS,
        replace(SUPPRESS, bounds=(1, 2)),
        replace(SUPPRESS, spans=((0, 2),)),
        replace(SUPPRESS, sequence=shifted),
    ]


def test_tokens_are_avoided_in_any_order_and_only_where_the_base_is_left():
    one, other = (replace(SAMPLE, leave=True, avoid=tokens) for tokens in ((40, 13), (13, 40)))
    assert Keyer("m").key(one) == Keyer("m").key(other)
    with pytest.raises(InvalidInput, match="needs 'leave'"):
        replace(SAMPLE, avoid=(40,))


def test_what_follows_the_cut_does_not_change_a_sample():
    other = TokenSequence(prompt=(1, 5), completion=(10, 11, 99))
    assert Keyer("m").key(SAMPLE) == Keyer("m").key(replace(SAMPLE, sequence=other))


def test_a_warm_keyer_gives_the_keys_of_a_cold_one():
    warm = Keyer("m")
    for request in (*_variants(), *reversed(_variants())):
        assert warm.key(request) == Keyer("m").key(request)


def test_a_keyer_forgets_the_sequences_used_longest_ago():
    """Over thousands of problems its memory stays what 64 sequences take; what it forgot it keys as before."""
    keyer = Keyer("m")
    requests = [replace(SAMPLE, sequence=TokenSequence(prompt=(1, i), completion=(10, 11, 12, 13))) for i in range(3 * KEPT_SEQUENCES)]
    first = [keyer.key(request) for request in requests]
    assert len(keyer._digests) == KEPT_SEQUENCES
    for request in requests[-2:] * 20:
        keyer.key(request)
    assert [keyer.key(request) for request in requests] == first == [Keyer("m").key(request) for request in requests]
    assert len(keyer._digests) == KEPT_SEQUENCES
    keyer.key(requests[2 * KEPT_SEQUENCES])
    keyer.key(requests[0])
    assert requests[2 * KEPT_SEQUENCES].sequence in keyer._digests, "used again, so it is kept"
    assert requests[2 * KEPT_SEQUENCES + 1].sequence not in keyer._digests


def test_rollout_randomness_is_golden():
    key = Keyer("model-x").key(SAMPLE)
    assert rollout_seed(key) == int(key[:16], 16) >> 1
    assert rollout_generator(key).random() == 0.3616991366511296
    # Drawing in chunks gives the same stream as drawing one by one.
    generator = rollout_generator(key)
    np.testing.assert_array_equal(rollout_generator(key).random(8), [generator.random() for _ in range(8)])
