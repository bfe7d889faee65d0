"""The tokenizer files of a model, read without its weights: ids, chat template, special tokens, stop ids."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from tokenworth.backends.bundled import is_bundled
from tokenworth.backends.tokenizer.codec import TokenizerCodec
from tokenworth.backends.tokenizer.guarded import MOST_BYTES, GuardedFiles, texts_of
from tokenworth.backends.tokenizer.hub import from_hub
from tokenworth.backends.tokenizer.template import ChatTemplate, local_now
from tokenworth.core.files import read_input
from tokenworth.errors import InvalidInput, MissingFile

FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "generation_config.json",
    "config.json",
)
_HUB = "hf:"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TokenizerFiles:
    """What a model's tokenizer files say. ``eos_ids``: the ids at which the model stops, ascending.

    ``digest``: SHA-256 over tokenizer.json, the chat template, the special tokens it may name, and the stop ids: two models
    with the same digest render the same prompts to the same ids.
    """

    name: str
    tokenizer: Tokenizer
    codec: TokenizerCodec
    template: ChatTemplate | None
    special_tokens: Mapping[str, str]
    eos_ids: tuple[int, ...]
    digest: str

    @property
    def vocab_size(self) -> int:
        """Ids run from 0 to this number less one; the model's head may be padded beyond it."""
        return self.codec.vocab_size

    @property
    def vocabulary(self) -> Mapping[str, int]:
        """Token (as the tokenizer writes it) -> id."""
        return self.tokenizer.get_vocab(with_added_tokens=True)

    def encode(self, text: str, *, add_special_tokens: bool = False) -> tuple[int, ...]:
        """Ids of a whole text; with ``add_special_tokens`` those that the tokenizer always adds (such as a BOS token)."""
        return self.codec.encode_whole(text, add_special_tokens=add_special_tokens)

    def convert_ids_to_tokens(self, token_id: int) -> str | None:
        """The token as the tokenizer writes it; None for an id it does not know."""
        return self.tokenizer.id_to_token(token_id) if 0 <= token_id < self.vocab_size else None


def load_tokenizer(path: str, *, now: Callable[[], datetime] = local_now) -> TokenizerFiles:
    """The tokenizer of a folder, or of a hub model (``OWNER/NAME`` or ``hf:OWNER/NAME``), of which only these files are fetched.

    ``now``: the clock of templates that write today's date into the prompt.

    Raises: `MissingFile` when it is neither, or has no tokenizer.json; `InvalidInput` for files that say nothing sound;
    `MissingExtra` for a hub name without huggingface_hub.

    Differs from transformers 5: tokenizer.json is taken at its word, while some of its tokenizer classes (Qwen2Tokenizer,
    LlamaTokenizer) build their own rules around its vocabulary. Where config.json names no stop id at all, transformers
    falls back on a default of the architecture; here there is none.
    """
    folder = _folder(path)
    config = _read(folder / "tokenizer_config.json")
    tokenizer, raw, guard = _tokenizer(path, folder, config)
    special = _special_tokens(folder, config)
    text = _template_text(folder, config)
    stops = _stop_ids(folder, tokenizer, special)
    whole = hashlib.sha256(b"tokenworth tokenizer 1\n")
    whole.update(hashlib.sha256(raw).digest())
    whole.update(json.dumps([text, special, stops], sort_keys=True).encode())
    return TokenizerFiles(
        name=path,
        tokenizer=tokenizer,
        codec=TokenizerCodec(tokenizer, guard),
        template=None if text is None else ChatTemplate(text, special, now=now, guard=guard),
        special_tokens=special,
        eos_ids=tuple(stops),
        digest=whole.hexdigest(),
    )


def _folder(path: str) -> Path:
    named = path.removeprefix(_HUB)
    folder = Path(path).expanduser()
    if folder.is_dir():
        return folder
    if named == path and (folder.exists() or path.startswith((".", "/", "~")) or path.count("/") != 1):
        raise MissingFile(f"tokenizer {path!r}: no such folder; expected a folder with tokenizer.json, or a hub name OWNER/NAME")
    return from_hub("tokenizer", named, patterns=FILES)


def _tokenizer(path: str, folder: Path, config: Mapping[str, Any]) -> tuple[Tokenizer, bytes, GuardedFiles | None]:
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise MissingFile(
            f"tokenizer {path!r} has no tokenizer.json, and other kinds are not read; make one with transformers: "
            "AutoTokenizer.from_pretrained(MODEL).save_pretrained(FOLDER)"
        )
    raw = read_bytes(file, MOST_BYTES)
    guard = guarded(folder, config)
    tokenizer = Tokenizer.from_str(raw.decode())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer, raw, guard


def guarded(folder: Path, config: Mapping[str, Any] | None = None) -> GuardedFiles | None:
    """The process that holds the tokenizer of a folder, loaded there before it is here; None for a bundled one.

    Raises: `InvalidInput` for a tokenizer.json that is none, or costs more than one does.
    """
    if is_bundled(folder):
        return None
    file = folder / "tokenizer.json"
    if not file.is_file():
        return GuardedFiles(0)
    raw = read_bytes(file, MOST_BYTES)
    try:
        guard = GuardedFiles(len(raw))
        guard.tokenizer("whole", raw.decode(), texts_of(_read(folder / "tokenizer_config.json") if config is None else config))
    except (InvalidInput, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file}: not a tokenizer ({_one_line(error)})") from error
    return guard


def _read(file: Path) -> dict[str, Any]:
    """The mapping in a JSON file; empty where there is no file."""
    if not file.is_file():
        return {}
    try:
        value = json.loads(read_bytes(file))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{file}: not JSON ({_one_line(error)})") from error
    if not isinstance(value, dict):
        raise InvalidInput(f"{file}: got a JSON {type(value).__name__}; expected an object")
    return value


def read_bytes(file: Path, most: int = 16 << 20) -> bytes:
    """All of a file of a model. Raises: `InvalidInput` where it cannot be read, or is longer than such files are."""
    try:
        return read_input(file, most)
    except OSError as error:
        raise InvalidInput(f"{file}: cannot be read ({_one_line(error)})") from error


def _one_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    return text if len(text) <= 300 else text[:297] + "…"


def _special_tokens(folder: Path, config: Mapping[str, Any]) -> dict[str, str]:
    """Names and texts: ``bos_token`` and the like. The older special_tokens_map.json counts where transformers lets it."""
    named = dict(config)
    if "added_tokens_decoder" not in config:
        named.update(_read(folder / "special_tokens_map.json"))
    extra = named.get("extra_special_tokens")
    found = {key: value for key, value in named.items() if key.endswith("_token") and value is not None and not isinstance(value, bool)}
    found.update(extra if isinstance(extra, dict) else {})
    return {str(key): _token_text(folder, key, value) for key, value in found.items()}


def _token_text(folder: Path, key: str, value: Any) -> str:
    text = value.get("content") if isinstance(value, dict) else value
    if not isinstance(text, str):
        raise InvalidInput(f"{folder}: special token {key!r} is {str(value)[:80]!r}; expected a text, or an object with its content")
    return text


def _template_text(folder: Path, config: Mapping[str, Any]) -> str | None:
    """chat_template.jinja, else the template in tokenizer_config.json: its only one, or the one named ``default``."""
    file = folder / "chat_template.jinja"
    if file.is_file():
        try:
            return read_bytes(file).decode().replace("\r\n", "\n").replace("\r", "\n")
        except UnicodeDecodeError as error:
            raise InvalidInput(f"{file}: not UTF-8 text ({_one_line(error)})") from error
    value = config.get("chat_template")
    if value is None or isinstance(value, str):
        return value
    try:
        by_name = {entry["name"]: entry["template"] for entry in value}
        text = by_name["default"]
    except (TypeError, KeyError) as error:
        raise InvalidInput(
            f"{folder / 'tokenizer_config.json'}: no chat_template named 'default'; expected a text, or a list of name and template"
        ) from error
    if not isinstance(text, str):
        raise InvalidInput(f"{folder / 'tokenizer_config.json'}: chat_template is a {type(text).__name__}; expected a text")
    return text


def _stop_ids(folder: Path, tokenizer: Tokenizer, special: Mapping[str, str]) -> list[int]:
    """All ids that generation_config.json, config.json and the tokenizer's ``eos_token`` name, as the local backend takes them."""
    config = _read(folder / "config.json")
    inner = config.get("text_config")
    sources = {
        "generation_config.json": _read(folder / "generation_config.json"),
        "config.json": inner if isinstance(inner, dict) else config,
    }
    found: set[int] = set()
    for name, source in sources.items():
        value = source.get("eos_token_id")
        for token_id in value if isinstance(value, list) else [] if value is None else [value]:
            if type(token_id) is not int or token_id < 0:
                raise InvalidInput(f"{folder / name}: eos_token_id {str(value)[:80]}; expected a token id or a list of them")
            found.add(token_id)
    own = tokenizer.token_to_id(special["eos_token"]) if "eos_token" in special else None
    return sorted(found if own is None else {*found, own})
