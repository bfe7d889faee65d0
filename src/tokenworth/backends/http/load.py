"""A served model by its address: contact, probe, and a backend over all endpoints named."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tokenworth.backends.http.able import capabilities_of, describe
from tokenworth.backends.http.backend import HttpBackend, Served
from tokenworth.backends.http.client import Client
from tokenworth.backends.http.contact import Contact, contact
from tokenworth.backends.http.kept import KeptProbe, find_kept, still_holds
from tokenworth.backends.http.llama_api import LlamaApi
from tokenworth.backends.http.loop import LoopThread
from tokenworth.backends.http.noise import is_same
from tokenworth.backends.http.openai_api import OpenAIApi
from tokenworth.backends.http.options import ServerOptions
from tokenworth.backends.http.probe import ProbedModel, probe
from tokenworth.backends.http.record import ServerRecord, fingerprint, pooled, record_json
from tokenworth.backends.http.secret import Secret, read_key
from tokenworth.backends.http.transport import Transport, make_endpoint
from tokenworth.backends.http.wire import ServerApi
from tokenworth.backends.llama.tokenizer import any_tokenizer
from tokenworth.backends.tokenizer.files import TokenizerFiles
from tokenworth.backends.tokenizer.prompt import render_prompt
from tokenworth.backends.tokenizer.template import local_now
from tokenworth.core.formats import TraceFormat, detect_format, format_named
from tokenworth.core.ports import Spent
from tokenworth.errors import BudgetExceeded, InvalidInput, MismatchError

CONCURRENCY = 64
"""Requests in flight to one endpoint when nobody says so; llama.cpp gets as many as it has slots."""
_LOG = logging.getLogger(__name__)
_BYTE = re.compile("<0x[0-9A-Fa-f]{2}>")
_QUESTION = "Name an animal and say in a few words why you chose it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An endpoint's base address, ending in /v1, and the name of the model there (empty: its only one)."""

    url: str
    model: str


def parse_address(name: str) -> Address:
    """The address in ``http://HOST:PORT/v1#NAME``. Raises `InvalidInput` for what is none, and for one that carries a key."""
    base, _, model = name.partition("#")
    try:
        parts = urlsplit(base)
        parts.port  # noqa: B018 - parsed on access, and raises for what is no number
    except ValueError:
        raise InvalidInput(f"{_without_login(base)!r} is not an address; expected http://HOST:PORT/v1#NAME") from None
    if parts.username is not None or parts.password is not None or parts.query:
        raise InvalidInput("the address carries a key or a query; give http://HOST:PORT/v1#NAME and the key in TOKENWORTH_API_KEY")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInput(f"{base!r} is not an address; expected http://HOST:PORT/v1#NAME")
    url = base.rstrip("/")
    return Address(url=url if url.endswith("/v1") else url + "/v1", model=model)


def _is_private(url: str) -> bool:
    """Whether what is sent to an address cannot be read on the way: encrypted, or to this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" or host == "localhost" or host.endswith(".localhost"):
        return True
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return False


def _without_login(base: str) -> str:
    return base.rsplit("@", 1)[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A backend with its tokenizer files and the format of its traces."""

    backend: HttpBackend
    files: TokenizerFiles
    format: TraceFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnServer:
    """A server that this process has started itself, and so knows.

    ``files``: its tokenizer. ``record``: what a probe would find, None where it is to be probed. ``make``: the backend over it.
    """

    key: Secret
    files: TokenizerFiles
    record: Callable[[Contact, ProbedModel], ServerRecord] | None
    make: Callable[[Served, Client, LoopThread, int], HttpBackend]


def load_own(address: str, options: ServerOptions, own: OwnServer) -> Loaded:
    """The model on a server that this process has started. Raises: `ServerError` when it does not answer."""
    return _loaded([parse_address(address)], options, own.key, own.files, own)


def load_served(
    names: Sequence[str], options: ServerOptions, *, tokenizer_folder: Path | None = None, environment: Mapping[str, str] = os.environ
) -> Loaded:
    """The model behind the addresses, each ``http://HOST:PORT/v1#NAME`` and all serving the same model.

    ``tokenizer_folder`` wins over the options' tokenizer (the caller has resolved another name).

    Raises: `InvalidInput` for bad addresses or keys; `ServerError` when a server does not answer; `MismatchError` when the
    tokenizer is not the model's or endpoints differ; `MissingFile` when there is no tokenizer.
    """
    addresses = [parse_address(name) for name in names]
    if len({address.url for address in addresses}) != len(addresses):
        raise InvalidInput("an address is given twice; name each endpoint once")
    key = read_key(environment, variable=options.key_variable, file=options.key_file)
    for address in addresses if key is not None else ():
        if not _is_private(address.url):
            _LOG.warning("the key is sent to %s unencrypted: anyone on the way can read it; use https", address.url)
    return _loaded(addresses, options, key, tokenizer_folder, None)


def _loaded(
    addresses: Sequence[Address], options: ServerOptions, key: Secret | None, text: TokenizerFiles | Path | None, own: OwnServer | None
) -> Loaded:
    loop = LoopThread("tokenworth-http")
    try:
        return loop.run(_load(addresses, options, key, text, loop, own))
    except BaseException:
        loop.close()
        raise


async def _load(
    addresses: Sequence[Address],
    options: ServerOptions,
    key: Secret | None,
    text: TokenizerFiles | Path | None,
    loop: LoopThread,
    own: OwnServer | None,
) -> Loaded:
    transport = Transport(key=key, patience=options.patience)
    try:
        most = options.concurrency or CONCURRENCY
        endpoints = [make_endpoint(address.url, concurrency=most, rates=options.rates) for address in addresses]
        found = [await contact(transport, endpoint, address.model) for endpoint, address in zip(endpoints, addresses, strict=True)]
        who = found[0]
        for endpoint, one in zip(endpoints, found, strict=True):
            if one.slots is not None and options.concurrency is None:
                endpoint.keep_to(one.slots)
            elif one.slots is not None:
                endpoint.limit.at_most(min(most, one.slots))
        files = text if isinstance(text, TokenizerFiles) else _tokenizer(text, options, who)
        written = _format(files, options)
        subject = _subject(files, who, options.switches, written)
        client = Client(transport, endpoints, LlamaApi(subject.vocab_size), price=options.price, max_usd=options.max_usd)
        probes: list[KeptProbe] = []
        apis: list[ServerApi] = []
        spent: list[Spent] = []
        for endpoint, one in zip(endpoints, found, strict=True):
            client = client.over([endpoint], ids_repeat=True)
            probes.append(await _probed(client, one, subject, files, options, None if own is None else own.record))
            apis.append(client.api)
            spent.append(client.spent)
        _check_same(addresses, probes, apis)
        client = client.over(endpoints, ids_repeat=any(one.record.reply_ids == "repeating" for one in probes))
        served = _served(probes, files, subject, Spent.together(spent))
        n_most = min(served.record.n_most, options.n_most or served.record.n_most)
        backend = HttpBackend(served, client, loop, n_most=n_most) if own is None else own.make(served, client, loop, n_most)
        return Loaded(backend=backend, files=files, format=written)
    except BaseException:
        await transport.close()
        raise


def _tokenizer(folder: Path | None, options: ServerOptions, who: Contact) -> TokenizerFiles:
    return any_tokenizer(str(folder or options.tokenizer or _own_tokenizer(who.model)), now=options.now or local_now)


async def _probed(
    client: Client,
    who: Contact,
    subject: ProbedModel,
    files: TokenizerFiles,
    options: ServerOptions,
    known: Callable[[Contact, ProbedModel], ServerRecord] | None,
) -> KeptProbe:
    """What is known of the client's one endpoint: in advance, kept from an earlier run and still true, or found out now."""
    (endpoint,) = client.endpoints
    about = {"address": endpoint.url, "tokenizer": files.digest}
    if known is not None:
        return KeptProbe(record=known(who, subject), fields=None, **about)
    try:
        kept = None if options.renew else find_kept(options.kept, model=who.model, **about)
        if kept is not None and await still_holds(client, who, subject, kept):
            return kept
        record = await probe(client, who, subject)
    except BudgetExceeded:
        cost = client.spent.money or 0.0
        raise BudgetExceeded(
            f"the probe of {endpoint.url} has cost {cost:.4g} of {options.max_usd:g} USD and needs more; raise --max-usd"
        ) from None
    if record.tokenizer_agrees is False:
        raise MismatchError(
            f"the server makes another number of tokens of a text than tokenizer {files.name!r} does: "
            "it is not the served model's; give that with --tokenizer"
        )
    return KeptProbe(record=record, fields=client.api.fields if isinstance(client.api, OpenAIApi) else None, **about)


def _format(files: TokenizerFiles, options: ServerOptions) -> TraceFormat:
    if options.trace_format is not None:
        return format_named(options.trace_format)
    return detect_format(files.vocabulary if files.template is None else files.template.text)


def _own_tokenizer(model: str) -> str:
    if Path(model).is_dir() or model.count("/") == 1:
        return model
    raise InvalidInput(f"the tokenizer of {model!r} is not known; give --tokenizer with a folder, hf:OWNER/NAME or FILE.gguf")


def _subject(files: TokenizerFiles, who: Contact, switches: Mapping[str, Any], written: TraceFormat) -> ProbedModel:
    if who.vocab_size is not None and who.vocab_size < files.vocab_size:
        raise MismatchError(
            f"tokenizer {files.name!r} has {files.vocab_size} tokens and the served model {who.vocab_size}; "
            "give the model's own with --tokenizer"
        )
    prompt = render_prompt(files, _QUESTION, switches)[1]
    return ProbedModel(
        codec=files.codec,
        vocab_size=who.vocab_size or files.vocab_size,
        stop=files.eos_ids,
        prompt=prompt,
        opened=prompt + files.codec.encode(" First, an animal"),
        close=files.codec.encode(written.close) if written.close else (),
        special=_special(files),
        token_of=_token_of(files),
    )


def _special(files: TokenizerFiles) -> frozenset[int]:
    added = files.codec.spec.get("added_tokens") or ()
    return frozenset(int(token["id"]) for token in added if token.get("special"))


def _token_of(files: TokenizerFiles) -> Any:
    """Text -> the one token with that text; byte tokens (``<0x41>``) stand back. Made at the first use: few servers need it."""
    known: dict[str, int | None] = {}
    of_bytes = {token for name, token in files.vocabulary.items() if _BYTE.fullmatch(name)}

    def find(text: str) -> int | None:
        if not known:
            for token in sorted(range(files.vocab_size), key=lambda token: token in of_bytes):
                piece = files.codec.decode((token,))
                if token in of_bytes and piece in known:
                    continue
                known[piece] = None if piece in known or "\ufffd" in piece else token
        return known.get(text)

    return find


def _bos(files: TokenizerFiles) -> tuple[int, ...]:
    token = files.vocabulary.get(files.special_tokens.get("bos_token", ""))
    return () if token is None else (token,)


def _check_same(addresses: Sequence[Address], probes: Sequence[KeptProbe], apis: Sequence[ServerApi]) -> None:
    """All endpoints must serve one model in one way: a draw may come from any of them."""
    first = probes[0].record
    for address, probed, api in zip(addresses[1:], probes[1:], apis[1:], strict=True):
        record = probed.record
        differ = first.differences(record)
        if differ:
            told = ", ".join(f"{name} {getattr(first, name)!r} and {getattr(record, name)!r}" for name in differ[:4])
            raise MismatchError(f"{addresses[0].url} and {address.url} differ in {told}; a pool must serve one model in one way")
        if not api.speaks_like(apis[0]):
            raise MismatchError(f"{addresses[0].url} and {address.url} take other request fields; a pool must serve one model in one way")
        if not is_same(record_json(first), record_json(record)):
            given = "log-probabilities for one prompt" if first.identity else "greedy completions of the same texts"
            raise MismatchError(f"{addresses[0].url} and {address.url} give other {given}: other models")


def _served(probes: Sequence[KeptProbe], files: TokenizerFiles, subject: ProbedModel, probed: Spent) -> Served:
    record = pooled([one.record for one in probes])
    return Served(
        name=record.model,
        record=record,
        fingerprint=fingerprint(tokenizer=files.digest, model=record.model, dialect=record.dialect),
        codec=files.codec,
        vocab_size=subject.vocab_size,
        context_length=record.context_length,
        capabilities=capabilities_of(record),
        description=describe(record, len(probes)),
        bos=_bos(files),
        kept=tuple(one.to_json() for one in probes),
        probed=probed,
    )
