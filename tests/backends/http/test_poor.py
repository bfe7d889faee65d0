"""A server that answers everything with status 200 and does little of it: the probe finds that out, and it is refused by name."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator

import pytest

from tests.servers.transformers_serve import transformers_server
from tokenworth.backends.bundled import TINY
from tokenworth.backends.http.backend import HttpBackend
from tokenworth.backends.http.options import ServerOptions
from tokenworth.errors import Unsupported
from tokenworth.workbench.bench import Workbench

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bench() -> Iterator[Workbench]:
    if importlib.util.find_spec("fastapi") is None and not os.environ.get("TOKENWORTH_REQUIRE_ALL"):
        pytest.skip("transformers[serving] is not installed")
    with transformers_server(TINY) as url, Workbench(url, server=ServerOptions(tokenizer="tiny")) as made:
        yield made


def test_the_probe_is_not_fooled(bench: Workbench) -> None:
    backend = bench.model.backend
    assert isinstance(backend, HttpBackend)
    record = backend.served.record
    assert (record.n_honoured, record.n_most) == (False, 1)
    assert not record.temperature_honoured and not record.top_k_honoured and not record.min_p_honoured
    assert (record.logprobs, record.echo) == ("none", "none")
    assert not record.ids_in and not record.ids_out
    assert record.tokenizer_agrees is True
    able = backend.capabilities
    assert not (able.kinds or able.leave or able.any_cut)


def test_what_it_lacks_is_said_in_one_sentence(bench: Workbench) -> None:
    case = bench.case("world:steps", 0)
    with pytest.raises(Unsupported, match="ignores the temperature; nothing can be measured on it") as refused:
        case.sample(4)
    assert "\n" not in str(refused.value)
    trace = _some_trace(case.prompt)
    with pytest.raises(Unsupported, match="ignores the temperature"):
        case.curve(trace, plan="stride", stride=4)
    with pytest.raises(Unsupported, match="gives no log-probabilities"):
        case.forced(trace)


def _some_trace(prompt: tuple[int, ...]) -> object:
    from tokenworth.core.tokens import StopReason, TokenSequence, Trace

    return Trace(sequence=TokenSequence(prompt=prompt, completion=(300, 301, 2)), n_trace=2, stop=StopReason.STOP)
