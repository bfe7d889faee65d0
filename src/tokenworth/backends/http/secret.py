"""The key of an endpoint: read from the environment or a file, sent in one header, shown nowhere."""

from __future__ import annotations

import html
import json
import re
from base64 import b32encode, b64encode
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from tokenworth.core.files import read_input
from tokenworth.errors import InvalidInput, MissingFile

KEY_VARIABLE = "TOKENWORTH_API_KEY"
_SHORTEST = 4
_LONGEST_FILE = 64 << 10
_WINDOW = 8
"""So many characters of a key in a row are no longer shown."""
_UNLIKELY = 16
"""A key of this length does not occur in a text by chance; one such as ``none`` or ``dummy`` does."""

_ESCAPED = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|[nrtbf])|%([0-9a-fA-F]{2})")
_OTHERS = bytes(code for code in range(128) if not chr(code).isalnum())


class Secret:
    """A key that does not print itself. ``clean`` takes it out of texts that may repeat it, such as a server's error."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> str:
        raise TypeError("a key is not written anywhere")

    @property
    def header(self) -> str:
        """The value of the authorization header."""
        return f"Bearer {self._value}"

    def clean(self, text: str) -> str:
        """The text without the key and any stretch of it: in any case, backwards, in hexadecimal, base64 or base32, spaced or escaped."""
        plain = _unescaped(text)
        return shown if plain != text and (shown := self._hidden(plain)) != plain else self._hidden(text)

    def is_in(self, body: bytes) -> bool:
        """Whether a reply repeats the key, as it is or disguised; never so for a key short enough to be a word."""
        if len(self._value) < _UNLIKELY:
            return False
        text = body.decode("utf-8", "replace")
        said = {text, _unescaped(text)}
        if any(spelled in one for one in said for spelled in self._spellings):
            return True
        letters, forms = [_letters(one) for one in said], [form for form in self._disguises if len(form) >= _UNLIKELY]
        return any(form in one for one in letters for form in forms)

    def _hidden(self, text: str) -> str:
        for spelled in self._spellings:
            text = text.replace(spelled, "[key]")
        if len(self._value) < _WINDOW + _SHORTEST:
            return text
        return _masked(text, {one[at : at + _WINDOW] for one in self._disguises for at in range(len(one) - _WINDOW + 1)})

    @property
    def _disguises(self) -> tuple[str, ...]:
        """Small letters and digits of the key: also backwards, in hexadecimal, and in base64 or 32 wherever it begins in what is coded."""
        raw = self._value.encode()
        coded = [b64encode(bytes(n) + raw).decode()[(4 * n + 2) // 3 :] for n in range(3)]
        coded += [b32encode(bytes(n) + raw).decode()[(8 * n + 4) // 5 :] for n in range(5)]
        # The last letter of these depends on what follows.
        forms = (self._value, self._value[::-1], raw.hex(), *(one.rstrip("=")[:-1] for one in coded))
        return tuple(dict.fromkeys(map(_letters, forms)))

    @property
    def _spellings(self) -> tuple[str, ...]:
        """The key as it is, in JSON, in JSON with escaped slashes, and in an address."""
        escaped = json.dumps(self._value)[1:-1]
        return tuple(dict.fromkeys((self._value, escaped, escaped.replace("/", "\\/"), quote(self._value, safe=""))))


def _unescaped(text: str) -> str:
    """The text with what the escapes of JSON, addresses and HTML stand for; twice, because what is quoted may quote."""
    for _ in range(2):
        text = _ESCAPED.sub(_meant, text) if "\\" in text or "%" in text else text
        text = html.unescape(text) if "&" in text else text
    return text


def _meant(found: re.Match[str]) -> str:
    number = int(found[1] or found[2] or found[3] or "20", 16)
    return "\ufffd" if 0xD800 <= number < 0xE000 else chr(number)


def _letters(text: str) -> str:
    return text.encode("ascii", "ignore").translate(None, _OTHERS).decode().lower()


def _masked(text: str, windows: set[str]) -> str:
    """The text with ``[key]`` for each stretch whose letters and digits are covered by one of the windows."""
    places = [at for at, char in enumerate(text) if char.isascii() and char.isalnum()]
    letters = "".join(text[at] for at in places).lower()
    parts: list[str] = []
    end = 0  # of what is hidden
    start = 0  # of what is shown and not yet kept
    for n in range(len(letters) - _WINDOW + 1):
        if letters[n : n + _WINDOW] in windows:
            at = places[n]
            if at >= end or not parts:
                parts += [text[start:at], "[key]"]
            end = start = places[n + _WINDOW - 1] + 1
    return "".join([*parts, text[start:]])


def read_key(environment: Mapping[str, str], *, variable: str | None = None, file: str | None = None) -> Secret | None:
    """The key in a file, or in the environment variable named (``TOKENWORTH_API_KEY`` if none is); None where there is none.

    Raises `MissingFile` or `InvalidInput` for a file or variable that was named and holds no key.
    """
    if file is not None:
        # A key given in the place of a name must not be shown.
        if len(file) > 20 and "/" not in file and not Path(file).exists():
            raise MissingFile("there is no key file of the name given; expected a file that holds the key, not the key itself")
        try:
            text = read_input(Path(file).expanduser(), _LONGEST_FILE).decode().strip()
        except FileNotFoundError:
            raise MissingFile(f"no key file {file}; expected a file that holds the key and nothing else") from None
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"key file {file} cannot be read ({type(error).__name__})") from None
        return _checked(text, f"key file {file}")
    if variable is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", variable):
        raise InvalidInput("the name given for the key's environment variable is none; expected a name such as MY_KEY, not the key itself")
    if variable is not None and variable not in environment:
        raise InvalidInput(f"environment variable {variable} is not set; expected the endpoint's key in it")
    text = environment.get(variable or KEY_VARIABLE, "").strip()
    return _checked(text, f"environment variable {variable or KEY_VARIABLE}") if text or variable else None


def _checked(text: str, where: str) -> Secret:
    if len(text) < _SHORTEST or not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidInput(f"{where}: expected one key of at least {_SHORTEST} printable characters without spaces")
    return Secret(text)
