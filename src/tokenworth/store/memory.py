"""A store that lives as long as the process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tokenworth.core.request.kind import Request, Response


class MemoryStore:
    """Keeps responses in a dictionary: for tests, and for runs that need not outlive the process."""

    def __init__(self) -> None:
        self._responses: dict[str, Response] = {}

    def __len__(self) -> int:
        return len(self._responses)

    def get(self, keys: Sequence[str]) -> Mapping[str, Response]:
        """The stored responses among ``keys``."""
        return {key: self._responses[key] for key in keys if key in self._responses}

    def put(self, key: str, request: Request, response: Response) -> None:
        """Keeps a response; a key that is already there stays as it is."""
        del request
        self._responses.setdefault(key, response)

    def flush(self) -> None:
        """Does nothing: a dictionary has nothing to write."""
