"""A server's probe is kept with the store: a later run asks a few things again, and everything only where these show it wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import msgspec

from tokenworth.backends.http import noise
from tokenworth.backends.http.client import Client
from tokenworth.backends.http.contact import Contact
from tokenworth.backends.http.llama_api import LlamaApi
from tokenworth.backends.http.openai_api import Fields
from tokenworth.backends.http.probe import IDENTITY_TEXT, ProbedModel, identity, openai_api
from tokenworth.backends.http.prompts import Prompts
from tokenworth.backends.http.record import ServerRecord, read_record, record_json
from tokenworth.backends.http.tables import FORCE, GREEDY
from tokenworth.backends.http.trials import COOL, NEUTRAL_LONG, TOP, Trials


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptProbe:
    """What was found of a model behind an address. ``tokenizer``: digest of its files; ``fields``: those of its API, if it has any."""

    address: str
    tokenizer: str
    record: ServerRecord
    fields: Fields | None

    def to_json(self) -> dict[str, object]:
        """JSON-shaped values."""
        fields = None if self.fields is None else asdict(self.fields)
        return {"address": self.address, "tokenizer": self.tokenizer, "record": record_json(self.record), "fields": fields}


def find_kept(kept: Sequence[Mapping[str, object]], *, address: str, model: str, tokenizer: str) -> KeptProbe | None:
    """The newest (last) probe of this model behind this address, with this tokenizer; None where there is none that can be read."""
    for entry in reversed(kept):
        if (entry.get("address"), entry.get("tokenizer")) != (address, tokenizer):
            continue
        record, fields = read_record(entry.get("record")), entry.get("fields")
        if record is not None and record.model == model:
            try:
                read = None if fields is None else msgspec.convert(fields, Fields)
            except msgspec.ValidationError:
                continue
            return KeptProbe(address=address, tokenizer=tokenizer, record=record, fields=read)
    return None


async def still_holds(client: Client, who: Contact, subject: ProbedModel, kept: KeptProbe) -> bool:
    """Whether a server is still as its probe found it, after at most six requests. Leaves ``client`` speaking its API."""
    record = kept.record
    said = (who.server, who.context_length, who.is_llama)
    if said != (record.server, record.context_length, kept.fields is None) or record.n_most not in (1, *who.n_to_try):
        return False
    client.api = LlamaApi(subject.vocab_size) if kept.fields is None else openai_api(client, who, subject, kept.fields)
    trials = Trials(client, Prompts(subject.codec, as_text=not record.ids_in), subject.stop)
    trials.noise = record.noise
    return await _is_model(trials, subject, record) and await _draws(trials, subject, record)


async def _is_model(trials: Trials, subject: ProbedModel, record: ServerRecord) -> bool:
    """The tokenizer counts as it did, readings are the same within their noise, and raw if they were."""
    text = subject.codec.encode(IDENTITY_TEXT)
    counted = await trials.text_tokens(text, record.prompt_added)
    if record.tokenizer_agrees is not None and (counted == len(text) + record.prompt_added) != record.tokenizer_agrees:
        return False
    place = await trials.place(text, min(record.logprobs_cap, TOP) if record.identity else 0)
    seen = await identity(trials, subject.codec, place if record.identity else None, times=1)
    if not noise.is_same(record_json(replace(record, **{"identity": (), "greedy": (), **seen})), record_json(record)):
        return False
    if record.logprobs_raw is not True or place.listing is None:
        return not record.identity
    cool = await trials.listing(place.prompt, len(place.listing.ids), COOL)
    ratio = None if cool is None else noise.gap_ratio(place.listing, cool, trials.within)
    return cool is not None and (ratio is None or noise.is_unchanged(ratio))


async def _draws(trials: Trials, subject: ProbedModel, record: ServerRecord) -> bool:
    """It gives as many completions of one request as it did, and a stop token ends one."""
    prompt, length = trials.prompts.of(subject.opened), NEUTRAL_LONG.max_tokens
    reply = await trials.ask(prompt, n=record.n_most, max_tokens=length, params=NEUTRAL_LONG)
    if reply is None or (record.n_most > 1 and len({choice.ids or choice.text for choice in reply.choices}) == 1):
        return False
    if not record.stops_at:
        return True
    ended = await trials.ask(prompt, max_tokens=4, params=replace(GREEDY, max_tokens=4), bias={record.stops_at[0]: FORCE})
    return ended is not None and ended.choices[0].finish == "stop"
