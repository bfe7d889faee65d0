"""From a capability record to what may be measured, and the sentences that say so."""

from __future__ import annotations

from tokenworth.backends.http.record import ServerRecord
from tokenworth.backends.http.shaping import depends_on_order
from tokenworth.core.ports import Capabilities
from tokenworth.core.request.next_token import NextToken
from tokenworth.core.request.read import Read
from tokenworth.core.request.sample import Sample
from tokenworth.core.sampling import Sampling


def capabilities_of(record: ServerRecord) -> Capabilities:
    """What the server can be used for; ``lacks`` says why not."""
    lacks: dict[str, str] = {}
    if not record.temperature_honoured:
        lacks["sample"] = "completions at temperature 1 are all the same: the server ignores the temperature"
    elif record.seeds == "fixed":
        lacks["sample"] = "it repeats its samples whatever the seed is"
    elif record.sampler_agrees is False:
        lacks["sample"] = (
            "its draws at temperature 1 or 0.5 do not match its log-probabilities: it applies its own filter, penalty or temperature"
        )
    elif not record.ids_in and record.text_counts is False:
        lacks["sample"] = "it takes text only, and reads the chat template's markers as other tokens than the model's"
    elif not record.continues_open_trace:
        lacks["sample"] = "a prompt that ends inside an open trace comes back as a new turn"
    if record.logprobs == "none":
        lacks["read"] = "it gives no log-probabilities"
    elif record.logprobs_raw is False:
        lacks["read"] = "its log-probabilities are those after temperature and filters, not the model's"
    elif not record.ids_in and "sample" in lacks:
        lacks["read"] = lacks["sample"]
    if "read" in lacks:
        lacks["next_token"] = lacks["read"]
    elif not record.ids_in:
        lacks["next_token"] = "it takes text only, and not every cut survives the way through text"
    if "next_token" in lacks or "sample" in lacks:
        lacks["leave"] = lacks.get("next_token") or lacks["sample"]
    elif not record.ids_out:
        lacks["leave"] = "it gives no token ids back, so what a rollout's first token was is not known"
    if not record.ids_in:
        lacks["any_cut"] = "it takes text only, and not every cut survives the way through text"
    kinds = frozenset(kind.name for kind in (Sample, NextToken, Read) if kind.name not in lacks)
    return Capabilities(kinds=kinds, leave="leave" not in lacks, any_cut=record.ids_in, exact_ids=record.ids_out, lacks=lacks)


def refuse_sampling(record: ServerRecord, params: Sampling, *, with_q: bool) -> str | None:
    """Why this server does not support these parameters; None where they can. ``with_q``: q is to be computed as well."""
    asked = {"top_k": params.top_k > 0, "top_p": params.top_p < 1, "min_p": params.min_p > 0}
    ignored = [name.replace("_", "-") for name, on in asked.items() if on and not getattr(record, f"{name}_honoured")]
    if ignored and params.temperature > 0:
        return f"the server ignores {' and '.join(ignored)}; leave {'it' if len(ignored) == 1 else 'them'} off"
    if with_q and record.order == "unknown" and depends_on_order(params):
        hot = params.temperature != 1
        works = "draw without top-p and min-p at this temperature" if hot else "draw with only one of top-k, top-p and min-p"
        return f"in which order the server applies temperature and filters is not known, so q is not; {works}, or use --plan stride"
    return None


def describe(record: ServerRecord, endpoints: int) -> str:
    """The server in one line."""
    ids = f"{'ids' if record.ids_in else 'text'} in, {'ids' if record.ids_out else 'text'} out"
    listed = {"none": "no log-probabilities"}.get(record.logprobs, f"{record.logprobs_cap} log-probabilities per token")
    if record.logprobs_raw is False:
        listed += " (processed)"
    pool = f"{endpoints} endpoints of " if endpoints > 1 else ""
    return f"{pool}{record.server} ({record.dialect}): {ids}, {listed}, {record.n_most} completions per request"


def table(record: ServerRecord) -> list[tuple[str, str, str]]:
    """The record for people: (what was tried, what was found, advice or nothing)."""
    yes = {True: "yes", False: "no", None: "not found out"}
    text_only = "sends text; cuts that text cannot reach are left out" if not record.ids_in else ""
    no_ids = "ids of answers are our tokenizer's; excursions need a server that returns ids" if not record.ids_out else ""
    return [
        ("server", f"{record.server}, model {record.model}", ""),
        ("context", "not said" if record.context_length is None else f"{record.context_length:,} tokens", ""),
        ("prompts as token ids", yes[record.ids_in], text_only),
        ("completions as token ids", yes[record.ids_out], no_ids),
        ("our tokenizer counts as the server's", yes[record.tokenizer_agrees], ""),
        ("chat markers read in text", yes[record.text_counts], ""),
        ("BOS put before text", yes[record.bos_added], ""),
        ("open trace is continued", yes[record.continues_open_trace], "" if record.continues_open_trace else "cannot be used"),
        ("completions of one request", str(record.n_most), "" if record.n_honoured else "n is ignored: one request a rollout"),
        ("temperature obeyed", yes[record.temperature_honoured], "" if record.temperature_honoured else "nothing can be sampled"),
        *(
            (f"{name} obeyed", yes[getattr(record, field)], "" if getattr(record, field) else f"--{name} is refused")
            for name, field in (("top-k", "top_k_honoured"), ("top-p", "top_p_honoured"), ("min-p", "min_p_honoured"))
        ),
        (
            "sampling fields refused",
            ", ".join(record.not_sent) or "none",
            "its own defaults for them cannot be seen" if record.not_sent else "",
        ),
        ("order of filters", record.order, "excursions: top-p alone, at temperature 1" if record.order == "unknown" else ""),
        ("draws are those of q", yes[record.sampler_agrees], "nothing can be sampled" if record.sampler_agrees is False else ""),
        ("log-probabilities", _listed(record), _advice(record)),
        ("any token's log-probability", yes[record.bias_keeps_logprobs], _bound_advice(record)),
        ("logit bias bans a token", yes[record.bias_honoured], ""),
        ("allowed_token_ids obeyed", yes[record.allowed_token_ids], ""),
        ("prompt log-probabilities", yes[record.prompt_logprobs], ""),
        ("echo", record.echo, "echoed values are wrong; they are not used" if record.echo == "off" else ""),
        ("stop tokens end it", ", ".join(map(str, record.stops_at)) or "not found out", ""),
        ("stop strings cut off", yes[record.stop_text_trimmed], ""),
        ("seeds repeat", record.seeds, _seed_advice(record)),
        ("counts all choices", yes[record.counts_all_choices], ""),
        ("counts cached tokens", yes[record.counts_cached], ""),
    ]


def _listed(record: ServerRecord) -> str:
    if record.logprobs == "none":
        return "none"
    kind = {True: "raw", False: "processed", None: "raw or processed is not known"}[record.logprobs_raw]
    return f"{record.logprobs_cap} per token, by {'id' if record.logprobs == 'ids' else 'text'}, {kind}"


def _advice(record: ServerRecord) -> str:
    if record.logprobs == "none" or record.logprobs_raw is False:
        return "curves by --plan stride or plain; no forced answers"
    if record.logprobs_cap >= 20 or not (record.ids_in and record.ids_out):
        return ""
    return "few: excursions with --top-k up to this many are exact"


def _seed_advice(record: ServerRecord) -> str:
    return "nothing can be sampled" if record.seeds == "fixed" else "stored rollouts, not seeds, make runs repeatable"


def _bound_advice(record: ServerRecord) -> str:
    return "" if record.bias_keeps_logprobs or record.logprobs == "none" else "options that are not listed get bounds"
