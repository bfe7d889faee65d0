"""Who is there: what a server says of itself before anything is tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tokenworth.backends.http.transport import Endpoint, Refused, Transport, Unreachable
from tokenworth.backends.http.wire import Malformed
from tokenworth.errors import ServerError, unknown_name

_COUNTS = (16, 8, 4, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A model on a server. ``slots``: requests llama.cpp decodes together, None elsewhere. ``vocab_size`` None: not said."""

    model: str
    server: str
    is_llama: bool
    context_length: int | None
    slots: int | None
    vocab_size: int | None

    @property
    def n_to_try(self) -> Sequence[int]:
        """Completions of one request to try, most first.

        llama.cpp begins such a request only when as many slots are free at one time. With all of its slots it would wait for as long as
        anybody else uses the server; half of them are no slower, since two such requests run together.
        """
        return _COUNTS if self.slots is None else (max(1, self.slots // 2),)


async def contact(transport: Transport, endpoint: Endpoint, model: str) -> Contact:
    """What the endpoint says of a model; an empty name stands for the only one it has.

    Raises `ServerError` when nothing answers, `UnknownName` with close matches for a model it does not list.
    """
    listed = await _json(transport, endpoint, f"{endpoint.url}/models")
    entries = [entry for entry in _list(listed, "data") if isinstance(entry.get("id"), str)]
    names = [str(entry["id"]) for entry in entries if str(entry["id"]).isprintable()]
    if not model:
        if len(names) != 1:
            told = f"lists {len(names)} models: {', '.join(names[:8])}" if names else "lists no models"
            raise ServerError(f"{endpoint.url} {told}; write #NAME after the address, and check that the address is right")
        model = names[0]
    # A server without a list (some gateways) is asked for the model as it is.
    entry = next((entry for entry in entries if entry["id"] == model or model in _strings(entry.get("aliases"))), None)
    # Some servers load any model by path or hub name and list only what is loaded; those are asked, and refuse themselves.
    if entries and entry is None and "/" not in model:
        raise unknown_name(f"model of {endpoint.url}", model, names)
    about = entry or {}
    owner = _word(about.get("owned_by"))
    props = await _json(transport, endpoint, f"{endpoint.root}/props") if owner in ("llamacpp", "") else {}
    slots = props.get("total_slots")
    meta = about.get("meta") if isinstance(about.get("meta"), dict) else {}
    settings = props.get("default_generation_settings")
    length = settings.get("n_ctx") if isinstance(settings, dict) else about.get("max_model_len")
    version = await _json(transport, endpoint, f"{endpoint.root}/version") if owner in ("vllm", "sglang") else {}
    said = _word(version.get("version")) or _word(props.get("build_info")).removeprefix("b0-unknown")
    return Contact(
        model=model,
        server=" ".join(word for word in (owner or "unknown", said) if word),
        is_llama=isinstance(slots, int),
        context_length=length if isinstance(length, int) and length > 0 else None,
        slots=slots if isinstance(slots, int) and slots > 0 else None,
        vocab_size=meta["n_vocab"] if isinstance(meta, dict) and isinstance(meta.get("n_vocab"), int) else None,
    )


async def _json(transport: Transport, endpoint: Endpoint, url: str) -> dict[str, Any]:
    """A JSON object at an address; empty where the server has no such page."""
    try:
        found = msgspec.json.decode(await transport.get(endpoint, url))
    except Refused as error:
        if error.status in (404, 405, 501):
            return {}
        raise
    except Unreachable as error:
        hint = ", and does it speak https" if url.startswith("https:") else ""
        raise ServerError(f"no answer from {error}; is the server running, is this its address{hint}?") from None
    except Malformed as error:
        raise ServerError(f"{url}: {error}") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise ServerError(f"{url} does not answer in JSON; expected an OpenAI-compatible server at an address ending in /v1") from None
    return found if isinstance(found, dict) else {}


def _list(value: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = value.get(name)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _word(value: object) -> str:
    """What a server says of itself: shown and stored, so it is short and holds nothing that a terminal would obey."""
    return "".join(letter for letter in value if letter.isprintable())[:60].strip() if isinstance(value, str) else ""


def _strings(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
