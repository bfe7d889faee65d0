"""The backend port over one local model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tokenworth.backends.local.engine import Engine
from tokenworth.backends.local.forced import read
from tokenworth.backends.local.model import LocalModel
from tokenworth.backends.local.nexttoken import next_token
from tokenworth.backends.local.patterns import look
from tokenworth.backends.local.prefixes import PrefixStore
from tokenworth.backends.local.probe import probe
from tokenworth.backends.local.rows import Rows
from tokenworth.backends.tokenizer.codec import TokenizerCodec
from tokenworth.backends.tokenizer.prompt import render_prompt
from tokenworth.backends.tokenizer.template import THINKING_ON
from tokenworth.catalog import INSIDE, load
from tokenworth.core.ports import Capabilities, KeyedRequest, check_kind
from tokenworth.core.request.hide import Hide
from tokenworth.core.request.inside import Inside
from tokenworth.core.request.kind import Request, Response
from tokenworth.core.request.next_token import NextToken
from tokenworth.core.request.read import Read
from tokenworth.core.request.regenerate import Regenerate
from tokenworth.core.request.sample import Sample
from tokenworth.core.tokens import TokenSequence, check_vocabulary
from tokenworth.errors import InvalidInput

GAPPED = (Hide.name, Regenerate.name)
"""Kinds for which tokens are left out of the cache."""


class LocalBackend:
    """Answers requests with a local model. Keys and values of recent sequences are kept between calls."""

    def __init__(self, model: LocalModel, *, name: str, batch: int = 64) -> None:
        self.model = model
        self.name = name
        self.batch = batch
        self.prefixes = PrefixStore(model)
        self.tables: dict[str, Callable[[LocalModel, PrefixStore, Any], Response]] = {
            NextToken.name: next_token,
            Read.name: read,
            **{name: _looking(name) for name in INSIDE},
        }
        self._spare_rows: Rows | None = None
        self._checked: TokenSequence | None = None
        if not model.adapted:
            model.windows = look(model)
        probe(model)

    @property
    def fingerprint(self) -> str:
        """Hash of config, weights, tokenizer and dtype."""
        return self.model.fingerprint

    @property
    def capabilities(self) -> Capabilities:
        """Everything, exactly; tokens are hidden where the attention allows it."""
        kinds, why = {Sample.name, Regenerate.name, *self.tables}, self.model.no_gaps
        lacks = dict.fromkeys(GAPPED, why) if why else {}
        return Capabilities(kinds=frozenset(kinds - lacks.keys()), leave=True, avoid=True, lacks=lacks)

    @property
    def codec(self) -> TokenizerCodec:
        """The model's tokenizer."""
        return self.model.codec

    @property
    def context_length(self) -> int:
        """The longest prompt with completion, in tokens."""
        return self.model.context_length

    @property
    def eos_ids(self) -> tuple[int, ...]:
        """Stop ids the model's files name."""
        return self.model.eos_ids

    def render_prompt(
        self,
        asked: str | Sequence[Mapping[str, str]],
        template_arguments: Mapping[str, Any] | None = None,
        *,
        allow_control: bool = False,
    ) -> tuple[str, tuple[int, ...]]:
        """Text and ids of the prompt of these turns, or of a user's text: the chat template up to the model's turn, if there is one.

        A tokenizer without a template gets the text as it is, with the tokens it always adds (such as a BOS token).
        ``template_arguments`` are variables of the template; thinking is switched on unless they switch it off. Control tokens that the
        text spells are text, unless ``allow_control``.

        Raises: `InvalidInput` when the template refuses.
        """
        try:
            return render_prompt(self.model, asked, {**THINKING_ON, **(template_arguments or {})}, allow_control=allow_control)
        except InvalidInput as error:
            raise InvalidInput(f"{self.name}: {error}") from error

    def answer(self, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        """Yields (key, response): tables first, then rollouts as they finish.

        Raises: `InvalidInput` for a request beyond the context, an empty prompt, or a sure token to leave;
        `MismatchError` for ids the model does not have; `Unsupported` for a kind that it does not answer.
        """
        for keyed in requests:
            self.check(keyed.request)
        yield from self._run(iter(requests), min(self.batch, max(1, len(requests))), whole=True)

    def stream(self, requests: Iterator[KeyedRequest | None]) -> Iterator[tuple[str, Response]]:
        """As `answer`, for requests that are taken as rows fall free."""
        yield from self._run(requests, self.batch, whole=False)

    def _run(self, requests: Iterator[KeyedRequest | None], capacity: int, *, whole: bool) -> Iterator[tuple[str, Response]]:
        rows = self._rows(capacity)
        engine = Engine(self.model, self.prefixes, rows)
        try:
            yield from engine.run(requests, lambda request: self.tables[request.name](self.model, self.prefixes, request), whole=whole)
        finally:
            rows.clear()
            self._spare_rows = rows

    def check(self, request: Request) -> None:
        """Raises for a request that it cannot answer, as `answer` does."""
        check_kind(self, request)
        self._check_length(request)
        if isinstance(request, Inside):
            request.check_depth(int(self.model.config.num_hidden_layers))
        if request.sequence is not self._checked:
            check_vocabulary((*request.sequence.prompt, *request.sequence.completion), self.model.vocab_size)
            self._checked = request.sequence

    def _rows(self, capacity: int) -> Rows:
        """Rows to decode in; the memory of the last call is used again where it is large enough."""
        rows, self._spare_rows = self._spare_rows, None
        return rows if rows is not None and rows.capacity >= capacity else Rows(capacity)

    def _check_length(self, request: Request) -> None:
        n_prompt, limit = len(request.sequence.prompt), self.context_length
        if not n_prompt:
            raise InvalidInput("empty prompt: a model needs at least one token before the first cut")
        check_vocabulary(request.other_ids(), self.model.vocab_size)
        parts = {"prompt": n_prompt, **request.beyond_prompt()}
        needed = sum(parts.values())
        if needed > limit:
            detail = " + ".join(f"{name} {count}" for name, count in parts.items())
            raise InvalidInput(f"{detail} = {needed} tokens exceed the model's context of {limit}; shorten them")


def _looking(name: str) -> Callable[[LocalModel, PrefixStore, Any], Response]:
    """What answers a kind of request that looks inside; loaded when the first one comes."""

    def answer(model: LocalModel, prefixes: PrefixStore, request: Request) -> Response:
        return load(INSIDE, "kind of request", name)(model, prefixes, request)

    return answer
