"""Hostile inputs, made when a test needs them: each stands for a kind."""

from __future__ import annotations

import copy
import json
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import tokenworth
from tokenworth.backends.tokenizer.files import FILES

TINY = Path(tokenworth.__file__).parent / "assets" / "tiny"

TEMPLATES = {
    "percent": "{{ ('%(a)s'*100000) % {'a':'x'*1000000} }}",
    "percent positional": "{{ ('%s'*20000) % (('x'*1000000,)*20000) }}",
    "format": "{{ ('{0}'*20000).format('a'*1000000) }}",
    "format attribute": "{{ ('{0[a]}'*20000).format({'a': 'a'*1000000}) }}",
    "format conversion": "{{ ('{0!r:>9}'*20000).format('a'*1000000) }}",
    "format_map": "{{ ('{a}'*20000).format_map({'a':'x'*1000000}) }}",
    "filter format": "{{ ('%(a)s'*100000)|format(a='x'*1000000) }}",
    "separators": "{{ ([1]*20000)|tojson(separators=('a'*1000000,'b')) }}",
    "separators of pairs": "{{ dict.fromkeys(range(20000), 1)|tojson(separators=(',', 'a'*1000000)) }}",
    "json indent": (
        "{% set ns=namespace(s=[1]) %}{% for i in range(900) %}{% set ns.s=[ns.s] %}{% endfor %}{{ ns.s|tojson(indent='x'*10000) }}"
    ),
    "json indent number": (
        "{% set ns=namespace(s=[1]) %}{% for i in range(900) %}{% set ns.s=[ns.s] %}{% endfor %}{{ ns.s|tojson(indent=10000) }}"
    ),
    "indent": "{{ ('\\x0b'*20000)|indent('x'*1000000,blank=true) }}",
    "indent of other line ends": "{{ ('\\u2028\\x85'*20000)|indent('x'*1000000,first=true,blank=true) }}",
}


def model_folder(folder: Path) -> Path:
    """A copy of the bundled model's tokenizer files."""
    folder.mkdir(parents=True)
    for name in FILES:
        if (TINY / name).is_file():
            (folder / name).write_bytes((TINY / name).read_bytes())
    return folder


def change(file: Path, **new: Any) -> None:
    """Other values in a JSON file."""
    file.write_text(json.dumps(json.loads(file.read_text()) | new))


def _replace(pattern: dict[str, str], content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": pattern, "content": content}


def _steps(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Sequence", "normalizers": list(steps)}


_SPACES = _replace({"String": " "}, " " * 1000)
_RARE = _replace({"String": "~"}, "§" * 100), _replace({"String": "§"}, "§" * 200)
_TIMES = {"id": "A", "type_id": 0}
TOKENIZERS: dict[str, dict[str, Any]] = {
    "replace": {"normalizer": _steps(*[_SPACES] * 4)},
    "nested replace": {"normalizer": _steps(_steps(*[_SPACES] * 2), _steps(*[_SPACES] * 2))},
    "replace of nothing": {"normalizer": _steps(*[_replace({"Regex": ""}, "x" * 1000)] * 3)},
    "replace of a rare letter": {"normalizer": _steps(*_RARE, *_RARE[1:] * 3)},
    "prepend": {"normalizer": _steps(*[{"type": "Prepend", "prepend": " " * 30}, *[_SPACES] * 3])},
    "whole text many times": {
        "post_processor": {
            "type": "Sequence",
            "processors": [
                {
                    "type": "TemplateProcessing",
                    "single": [{"Sequence": _TIMES}] * 3000,
                    "pair": [{"Sequence": _TIMES}],
                    "special_tokens": {},
                }
            ]
            * 3,
        }
    },
    "backtracking": {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": r"(?:a|a)*\d"}, "behavior": "Isolated", "invert": False}},
    "backtracking normalizer": {"normalizer": _replace({"Regex": r"(?:a|a)*\d"}, "")},
    "decoder": {"decoder": {"type": "Sequence", "decoders": [_replace({"String": "a"}, "a" * 1000)] * 4}},
}
DATA = "a ~b " + "a" * 60 + "!1 Is it so?"
"""A text that sets every one of them off."""


def tokenizer_folder(folder: Path, name: str) -> Path:
    """A model's folder with one of the `TOKENIZERS`."""
    change(model_folder(folder) / "tokenizer.json", **copy.deepcopy(TOKENIZERS[name]))
    return folder


def changed_store(store: Path, path: Path, *statements: str, values: tuple[Any, ...] = ()) -> Path:
    """A copy of a store after some statements of SQL."""
    path.write_bytes(store.read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement, values if "?" in statement else ())
        connection.commit()
    return path


def bomb(mib: int, byte: bytes, wbits: int = 15) -> bytes:
    """So many MiB of one byte, deflated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return b"".join(packer.compress(byte * 2**20) for _ in range(mib)) + packer.flush()


def payload(body: bytes) -> bytes:
    """A stored response with this body, deflated, whatever it says."""
    return body + zlib.crc32(body).to_bytes(4, "little")


def varint(number: int) -> bytes:
    """As the codec of the store writes whole numbers."""
    made = b""
    while number > 127:
        made += bytes([number & 127 | 128])
        number >>= 7
    return made + bytes([number])


ENDLESS = "WITH RECURSIVE t(id) AS (SELECT 1 UNION ALL SELECT id+1 FROM t)"
_ANY = "SELECT RAISE(ABORT, 'responses are append-only')"
_AGAIN = (
    "INSERT INTO sqlite_master SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master WHERE name = 'sqlite_autoindex_responses_1'"
)
_HIDDEN = (
    "INSERT INTO sqlite_master VALUES ('trigger', 'more', 'responses', 0,"
    " 'CREATE TRIGGER more BEFORE INSERT ON responses BEGIN SELECT RAISE(IGNORE); END')"
)
STORES: dict[str, tuple[tuple[str, ...], tuple[Any, ...]]] = {
    "foreign trigger behind an index that stands again and again": (("PRAGMA writable_schema=1", *[_AGAIN] * 4, _HIDDEN), ()),
    "an index that stands twice": (("PRAGMA writable_schema=1", _AGAIN), ()),
    "view for meta": (("DROP TABLE meta", f"CREATE VIEW meta AS {ENDLESS} SELECT 'a'||id name, 'b' value FROM t"), ()),
    "view for runs": (
        (
            "DROP TABLE runs",
            f"CREATE VIEW runs AS {ENDLESS} SELECT id, 'curve' verb, '{{}}' config, '2026' started, '2026' finished, x'00' document FROM t",
        ),
        (),
    ),
    "view for responses": (
        ("DROP TABLE responses", f"CREATE VIEW responses AS {ENDLESS} SELECT x'00' key, 'Sample' kind, x'00' payload FROM t"),
        (),
    ),
    "another view": ((f"CREATE VIEW more AS {ENDLESS} SELECT id FROM t",), ()),
    "another table": (("CREATE TABLE more (id INTEGER)",), ()),
    "another index": (("CREATE INDEX more ON runs (verb)",), ()),
    "foreign trigger": (("CREATE TRIGGER more AFTER INSERT ON responses BEGIN DELETE FROM runs; END",), ()),
    "trigger that is gone": (("DROP TRIGGER responses_stay",), ()),
    "trigger that says something else": (
        ("DROP TRIGGER responses_stay", "CREATE TRIGGER responses_stay BEFORE UPDATE ON responses BEGIN SELECT 1; END"),
        (),
    ),
    "generated column": (("ALTER TABLE runs ADD COLUMN more TEXT GENERATED ALWAYS AS (hex(zeroblob(1000000000))) VIRTUAL",), ()),
    "column that is gone": (("ALTER TABLE runs DROP COLUMN finished",), ()),
    "blob for the model's name": (("UPDATE meta SET value=x'ff00' WHERE name='model'",), ()),
    "text that is not UTF-8": (("UPDATE meta SET value=CAST(x'ff00' AS TEXT) WHERE name='model'",), ()),
    "a long name": (("UPDATE meta SET value=hex(zeroblob(1000000)) WHERE name='model'",), ()),
    "blob for a verb": (("UPDATE runs SET verb=x'ff00'",), ()),
    "blob for options": (("UPDATE runs SET config=x'7b7d'",), ()),
    "number for a time": (("UPDATE runs SET started=x'00', finished=x'01'",), ()),
    "options that are deep": (("UPDATE runs SET config=?",), ("[" * 100_000,)),
    "options that are no object": (("UPDATE runs SET config='[]'",), ()),
}
"""What makes a hostile store of a good one: statements, and the values of those with a place for one."""


def stores(good: Path, folder: Path) -> dict[str, Path]:
    """All the `STORES`."""
    made: dict[str, Path] = {}
    for number, (name, (statements, values)) in enumerate(STORES.items()):
        made[name] = changed_store(good, folder / f"store-{number}.db", *statements, values=values)
    return made


Made = Callable[[Path], list[str]]
