"""The key of an endpoint: read from the environment or a file, sent in one header, shown nowhere."""

from __future__ import annotations

import json
import re
from base64 import b64encode
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
        """The text without the key, and without any stretch of it, whatever the case, backwards, in base64 or in hexadecimal digits."""
        for spelled in self._spellings:
            text = text.replace(spelled, "[key]")
        if len(self._value) < _WINDOW + _SHORTEST:
            return text
        return _masked(text, {one[at : at + _WINDOW] for one in self._disguises for at in range(len(one) - _WINDOW + 1)})

    def is_in(self, body: bytes) -> bool:
        """Whether a reply repeats the key, as it is or disguised; never so for a key short enough to be a word."""
        if len(self._value) < _UNLIKELY:
            return False
        lower = body.lower()
        return any(spelled.encode() in body for spelled in self._spellings) or any(one.encode() in lower for one in self._disguises)

    @property
    def _disguises(self) -> tuple[str, ...]:
        """The key in small letters, also backwards, in hexadecimal digits, and in base64 wherever it begins in what is coded."""
        raw = self._value.encode()
        coded = [b64encode(bytes(n) + raw).decode()[(4 * n + 2) // 3 :].rstrip("=") for n in range(3)]
        # The last letter of base64 depends on what follows.
        forms = (self._value, self._value[::-1], raw.hex(), *(one[:-1] for one in coded))
        return tuple(dict.fromkeys(form.lower() for one in forms for form in (one, one.replace("+", "-").replace("/", "_"))))

    @property
    def _spellings(self) -> tuple[str, ...]:
        """The key as it is, in JSON, in JSON with escaped slashes, and in an address."""
        escaped = json.dumps(self._value)[1:-1]
        return tuple(dict.fromkeys((self._value, escaped, escaped.replace("/", "\\/"), quote(self._value, safe=""))))


def _masked(text: str, windows: set[str]) -> str:
    """The text with ``[key]`` for each stretch that is covered by one of the windows."""
    lower = "".join(char.lower() if char.isascii() else char for char in text)
    parts: list[str] = []
    end = 0  # of what is hidden
    start = 0  # of what is shown and not yet kept
    for at in range(len(lower) - _WINDOW + 1):
        if lower[at : at + _WINDOW] in windows:
            if at > end or not parts:
                parts += [text[start:at], "[key]"]
            end = start = at + _WINDOW
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
