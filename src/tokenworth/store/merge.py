"""Joins stores: what several machines drew, by content key, into one file.

All parts are checked before the first row is written, and all rows are written in one transaction: a merge that is killed leaves the
target as it was. Merging a part once more, or in another order, adds nothing.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tokenworth.errors import InvalidInput, MismatchError, MissingFile, StoreError
from tokenworth.store.codec import MAX_BODY, WHOLE
from tokenworth.store.database import Database, Owner, connect_existing, create_or_open, damaged
from tokenworth.store.documents import MOST_BYTES

_AT_ONCE = 9
"""SQLite reads ten files beside the target at once. More parts are joined in groups first."""
_CACHE_KB = 256 << 10
"""New keys lie all over the index: a cache that holds it makes a merge twice as fast."""
_NAMED = 3
_SHORT, _LONG = 100, 16 << 20


def _text(name: str, longest: int = _SHORT) -> str:
    return f"typeof({name}) = 'text' AND length({name}) <= {longest}"


_SOUND_RESPONSE = " AND ".join(
    [
        "typeof(key) = 'blob' AND length(key) = 32",
        _text("kind"),
        *(f"typeof({name}) IN ('integer', 'null')" for name in ("cut", "idx", "n_tokens")),
        f"(stop IS NULL OR {_text('stop')})",
        # Of the parts of an AND, which are computed is SQLite's choice; of a CASE it is not.
        f"CASE WHEN typeof(payload) = 'blob' AND length(payload) <= {MAX_BODY} THEN checksum(payload) = {WHOLE} ELSE 0 END",
    ]
)
_SOUND_RUN = " AND ".join(
    [
        *map(_text, ("verb", "started")),
        f"CASE WHEN {_text('config', _LONG)} THEN is_options(config) ELSE 0 END",
        f"(finished IS NULL OR {_text('finished')})",
        f"(document IS NULL OR typeof(document) = 'blob' AND length(document) <= {MOST_BYTES})",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePart:
    """What one of the files holds that are joined."""

    path: Path
    responses: int
    runs: int
    unfinished: int
    """How many of its runs have not ended: under way, stopped or failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a merge did, or would do."""

    owner: Owner
    parts: tuple[StorePart, ...]
    added: int
    """Responses that the target did not have."""
    runs_added: int
    """Runs that are new in the target, or finished there now."""
    responses: int
    """How many the target has in the end."""
    conflicts: int
    """Responses that differ from the one that was there first, which stays."""
    conflicting: tuple[str, ...]
    """Kind, key and file of the first of these."""


def merge_stores(parts: Sequence[Path], target: Path, *, dry_run: bool = False) -> Merged:
    """Joins the parts to the target, which is made if it is not there. A dry run finds out what would be added and keeps nothing.

    A part that another process writes to is read as it is at this moment.

    Raises: MissingFile; InvalidInput for a part that is the target, or is named twice; MismatchError for files of different models or
    schemas, naming both; StoreError for a file that is damaged or cannot be written.
    """
    _check_names(parts, target)
    owner = _owner([*([target] if target.exists() else []), *parts])
    if len(parts) <= _AT_ONCE and (target.exists() or not dry_run):
        return _join(parts, target, owner, keeps=not dry_run)
    with tempfile.TemporaryDirectory(prefix=".tokenworth-", dir=None if dry_run else target.parent) as folder:
        joined = Path(folder) / "joined.db"
        groups = [_join(parts[start : start + _AT_ONCE], joined, owner) for start in range(0, len(parts), _AT_ONCE)]
        whole = _together(groups)
        if target.exists():
            last = _join([joined], target, owner, keeps=not dry_run)
            return replace(_together([*groups, last]), parts=whole.parts, added=last.added, runs_added=last.runs_added)
        if not dry_run:
            joined.rename(target)
        return whole


def _together(joins: Sequence[Merged]) -> Merged:
    """Of parts that were joined one group after the other."""
    return replace(
        joins[-1],
        parts=tuple(part for one in joins for part in one.parts),
        added=sum(one.added for one in joins),
        runs_added=sum(one.runs_added for one in joins),
        conflicts=sum(one.conflicts for one in joins),
        conflicting=tuple([text for one in joins for text in one.conflicting][:_NAMED]),
    )


def _check_names(parts: Sequence[Path], target: Path) -> None:
    if not parts:
        raise InvalidInput("nothing to merge; name the stores to join, such as part-*.db")
    if not target.parent.is_dir():
        raise MissingFile(f"store {str(target)!r}: the folder {str(target.parent)!r} does not exist; make it or name another file")
    seen = dict[tuple[int, int], Path]()
    for path in parts:
        try:
            status = path.stat()
        except OSError:
            raise MissingFile(f"store {str(path)!r} does not exist; nothing was merged") from None
        place = (status.st_dev, status.st_ino)
        if target.exists() and path.samefile(target):
            raise InvalidInput(f"store {str(path)!r} is both a part and the target; leave it out of the parts, its rows stay in it")
        if place in seen:
            raise InvalidInput(f"store {str(path)!r} is the same file as {str(seen[place])!r}; name each part once")
        seen[place] = path


def _owner(paths: Sequence[Path]) -> Owner:
    """Whose all of the files are. Raises MismatchError for files of two models."""
    first: tuple[Path, Owner] | None = None
    for path in paths:
        database, owner = connect_existing(path)
        database.close()
        if first is None:
            first = path, owner
        elif owner.fingerprint != first[1].fingerprint:
            raise MismatchError(
                f"store {str(path)!r} holds answers of the model {owner.name!r} (fingerprint {owner.fingerprint[:16]}), "
                f"{str(first[0])!r} those of {first[1].name!r} (fingerprint {first[1].fingerprint[:16]}); merge the stores of one model"
            )
    assert first is not None
    return first[1]


class _Undone(Exception):
    """Ends a transaction that is not to be kept."""


def _join(parts: Sequence[Path], target: Path, owner: Owner, *, keeps: bool = True) -> Merged:
    """Joins so many parts as can be read at once."""
    database, owner = create_or_open(target, owner)
    try:
        database.ask(f"PRAGMA cache_size=-{_CACHE_KB}")
        database.define("checksum", zlib.crc32)
        database.define("is_options", _is_options)
        merge = _Merge(database)
        for number, path in enumerate(parts):
            database.attach(path, f"part{number}")
        with _kept(database, keeps=keeps):
            found = [merge.check(path, f"part{number}") for number, path in enumerate(parts)]
            for number, part in enumerate(found):
                merge.add(part, f"part{number}")
            (((responses,),), conflicts) = database.ask("SELECT sum(1) FROM main.responses"), merge.conflicts
    finally:
        database.close()
    return Merged(
        owner=owner,
        parts=tuple(found),
        added=merge.added,
        runs_added=merge.runs_added,
        responses=responses or 0,
        conflicts=conflicts,
        conflicting=tuple(merge.conflicting),
    )


@contextmanager
def _kept(database: Database, *, keeps: bool) -> Iterator[None]:
    try:
        with database.transaction():
            yield
            if not keeps:
                raise _Undone
    except _Undone:
        pass


class _Merge:
    """One transaction, with the parts attached."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.added = self.runs_added = self.conflicts = 0
        self.conflicting: list[str] = []
        self._runs: dict[bytes, dict[str | None, list[int]]] | None = None

    def check(self, path: Path, name: str) -> StorePart:
        """What a part holds; all of it is looked at. Raises StoreError for a row that no store holds."""

        def ask(query: str) -> tuple[int, int]:
            rows = self._database.ask(query, reads=path)
            return rows[0][0] or 0, rows[0][1] or 0

        responses, sound = ask(f"SELECT sum(1), sum({_SOUND_RESPONSE}) FROM {name}.responses")
        runs, sound_runs = ask(f"SELECT sum(1), sum({_SOUND_RUN}) FROM {name}.runs")
        for what, bad in (("responses", responses - sound), ("runs", runs - sound_runs)):
            if bad:
                raise StoreError(
                    f"store {str(path)!r}: {damaged(f'{bad:,} of its {what} are not as a store keeps them')}; nothing was merged"
                )
        finished, _ = ask(f"SELECT count(finished), 0 FROM {name}.runs")
        return StorePart(path=path, responses=responses, runs=runs, unfinished=runs - finished)

    def add(self, part: StorePart, name: str) -> None:
        """Brings the rows of a part into the target."""
        before = self._database.ask("SELECT max(rowid), total_changes() FROM main.responses")[0]
        self._database.ask(f"INSERT INTO main.responses SELECT * FROM {name}.responses WHERE true ON CONFLICT (key) DO NOTHING")
        added = self._database.ask("SELECT total_changes()")[0][0] - before[1]
        self.added += added
        if added < part.responses:
            self._note_conflicts(part, name, before[0] or 0)
        self._add_runs(part, name)

    def _note_conflicts(self, part: StorePart, name: str, last: int) -> None:
        """Counts the responses that were there before with another payload."""
        others = (
            f"FROM {name}.responses AS part CROSS JOIN main.responses AS own ON own.key = part.key"
            f" WHERE own.rowid <= {last} AND own.payload IS NOT part.payload"
        )
        ((count,),) = self._database.ask(f"SELECT sum(1) {others}")
        if count:
            self.conflicts += count
            rows = self._database.ask(f"SELECT part.kind, lower(hex(part.key)) {others} LIMIT {_NAMED - len(self.conflicting)}")
            self.conflicting += [f"{kind} {key} of {part.path.name}" for kind, key in rows]

    # -- runs --------------------------------------------------------------------------------------------------------------------------

    def _add_runs(self, part: StorePart, name: str) -> None:
        """A run that the target has is left out; one that it has as unfinished is finished; others get numbers of their own."""
        known = self._known()
        rows = self._database.ask(f"SELECT id, verb, config, started, finished FROM {name}.runs ORDER BY started, id", reads=part.path)
        for run, verb, config, started, finished in rows:
            same = known.setdefault(_identity(verb, config, started), {})
            if finished is None and same:
                continue
            if any(self._is_same(name, run, own) for own in same.get(finished, ())):
                continue
            if same.get(None):
                own = same[None].pop()
                query = (
                    f"UPDATE main.runs SET (finished, document) = (SELECT finished, document FROM {name}.runs WHERE id = ?) WHERE id = ?"
                )
                self._database.ask(query, (run, own))
            else:
                copied = f"SELECT verb, config, started, finished, document FROM {name}.runs WHERE id = ? RETURNING id"
                query = f"INSERT INTO main.runs (verb, config, started, finished, document) {copied}"
                own = self._database.ask(query, (run,))[0][0]
            same.setdefault(finished, []).append(own)
            self.runs_added += 1

    def _known(self) -> dict[bytes, dict[str | None, list[int]]]:
        """Numbers of the target's runs, by what began when, and by when it ended."""
        if self._runs is None:
            self._runs = {}
            for run, verb, config, started, finished in self._database.ask("SELECT id, verb, config, started, finished FROM main.runs"):
                self._runs.setdefault(_identity(verb, config, started), {}).setdefault(finished, []).append(run)
        return self._runs

    def _is_same(self, name: str, run: int, own: int) -> bool:
        query = f"SELECT own.document IS part.document FROM main.runs AS own, {name}.runs AS part WHERE own.id = ? AND part.id = ?"
        return bool(self._database.ask(query, (own, run))[0][0])


def _is_options(text: str) -> int:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _identity(*texts: object) -> bytes:
    return hashlib.sha256("\0".join(map(str, texts)).encode("utf-8", "surrogatepass")).digest()
