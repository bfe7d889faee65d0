"""What a store keeps of servers: their probes, so that a second run need not probe again, and which model they served."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenworth.core.ports import Backend, Recorded
from tokenworth.errors import MismatchError
from tokenworth.store.sqlite import SqliteStore, open_existing
from tokenworth.workbench.runner import Now

_PROBE = "probe"
"""The verb under which they stand among the runs of a store."""


def kept_probes(path: Path) -> tuple[Mapping[str, Any], ...]:
    """The probes that a store holds, oldest first; none where there is no store yet."""
    if not path.exists():
        return ()
    with open_existing(path) as store:
        return tuple(entry for config in _probes(store) for entry in config.get("kept") or () if isinstance(entry, dict))


def keep_probe(store: SqliteStore, backend: Backend, now: Now) -> str:
    """Keeps a new probe with the runs. Returns a note that names findings which are others than those kept before, or nothing.

    Raises MismatchError for a server whose answers to fixed prompts are not those of the model behind the stored draws.
    """
    if not isinstance(backend, Recorded):
        return ""
    known = [config for config in _probes(store) if config.get("fingerprint") == backend.fingerprint]
    before = known[-1].get("record") if known else None
    if known and not backend.is_same_model(before):
        raise MismatchError(
            f"what the server answers to fixed prompts is not what the model behind {store.path} "
            "answered: another model under the same name; use another --store"
        )
    kept = [entry for config in known for entry in config.get("kept") or ()]
    if all(entry in kept for entry in backend.kept()):
        return ""
    started = now().isoformat(timespec="seconds")
    config = {"record": backend.record(), "kept": list(backend.kept()), "fingerprint": backend.fingerprint}
    store.finish_run(store.begin_run(verb=_PROBE, config=config, started=started), finished=started)
    changes = backend.changes(before)
    return f"the server has changed since {store.path} was last used with it: {'; '.join(changes)}" if changes else ""


def _probes(store: SqliteStore) -> list[Mapping[str, Any]]:
    return [run.config for run in store.runs() if run.verb == _PROBE]
