"""One request to one endpoint: deadlines, retries, limits. What comes back is bytes; what they mean is the API's business.

Only failures of the transport are tried again: connections that break, and status 408, 429 and 5xx. A reply with status 200, whatever it
holds, is the answer: asking again for a reply one does not like would bias the sample. So would asking again until an answer is short
enough: a deadline that passes, ours or a gateway's (status 504 and 524), is also an unusable answer.

No error keeps one of aiohttp's as its context: those hold the request with its headers, and so the key.
"""

from __future__ import annotations

import asyncio
import email.utils
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC

import aiohttp
import stamina
from aiolimiter import AsyncLimiter

from tokenworth.backends.http.limits import AdaptiveLimit
from tokenworth.backends.http.options import Patience, Rates
from tokenworth.backends.http.secret import Secret
from tokenworth.backends.http.wire import Malformed
from tokenworth.errors import ServerError

_LOG = logging.getLogger(__name__)
# Its warning of every retry would reach standard error where nobody set logging up; records still go to whoever did.
logging.getLogger("stamina").addHandler(logging.NullHandler())

TOO_LATE = frozenset({504, 524})
"""A gateway's deadline has passed."""
RETRIED_STATUS = (frozenset({408, 429}) | frozenset(range(500, 600))) - TOO_LATE
LARGEST_BODY = 256 * 1024 * 1024
"""A longer reply is not read: no request of ours asks for that much."""
_SHOWN = 200
_FIRST_CONTACT = 3
"""Attempts at a page that says who the server is: a wrong address should not take a minute to be found out."""


@dataclass(slots=True)
class Endpoint:
    """One base address with its own limits and health. ``url`` ends in /v1, ``root`` is what stands before it.

    ``slots``: completions the server decodes together, where it says so and nobody set another limit.
    """

    url: str
    limit: AdaptiveLimit
    requests: AsyncLimiter | None = None
    tokens: AsyncLimiter | None = None
    slots: int | None = None
    down_until: float = 0.0
    failure: str = ""

    def keep_to(self, slots: int) -> None:
        """Counts completions, not requests, against the server's slots from now on.

        More connections than that would stall in a server that keeps a thread for each.
        """
        self.slots = slots
        self.limit.at_most(slots)

    def weight(self, n: int, max_tokens: int) -> int:
        """What a request counts against the limit.

        On a server with slots a request for n completions takes half of n, so that another waits in the server and no slot idles between
        two; one-token readings go two at a time, as each slot that reads has to compute the prefix for itself.
        """
        if self.slots is None:
            return 1
        return min(self.slots, (n + 1) // 2 if max_tokens > 1 else max(n, self.slots // 2))

    @property
    def root(self) -> str:
        """The address without the version."""
        return self.url.removesuffix("/v1")


@dataclass(frozen=True, slots=True)
class _Call:
    """One request: without a body it only reads. ``tokens`` and ``weight`` count against the endpoint's rate and limit."""

    url: str
    body: Callable[[], bytes] | None = None
    tokens: int = 0
    weight: int = 1


class Unreachable(Exception):
    """An endpoint that did not answer in all attempts."""


class Refused(ServerError):
    """A status that asking again would not change. ``status`` is the number."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class _TooLate(Malformed):
    """A deadline that has passed."""


class _Again(Exception):
    """A failure of the transport. ``after``: seconds the server asks to wait, None where it says nothing."""

    def __init__(self, reason: str, after: float | None = None, overload: bool = False) -> None:
        super().__init__(reason)
        self.after, self.overload = after, overload


def make_endpoint(url: str, *, concurrency: int, rates: Rates) -> Endpoint:
    """An endpoint with fresh limits."""
    endpoint = Endpoint(url=url, limit=AdaptiveLimit(concurrency))
    if rates.requests_per_minute is not None:
        # Bursts of a second's requests; below one a second, one at a time.
        a_second = rates.requests_per_minute / 60
        endpoint.requests = AsyncLimiter(a_second, 1.0) if a_second >= 1 else AsyncLimiter(1.0, 1 / a_second)
    if rates.tokens_per_minute is not None:
        endpoint.tokens = AsyncLimiter(rates.tokens_per_minute, 60.0)
    return endpoint


class Transport:
    """Sends requests; lives in one event loop. ``retried`` counts further attempts. ``clock``: for dates in Retry-After."""

    def __init__(self, *, key: Secret | None, patience: Patience, clock: Callable[[], float] = time.time) -> None:
        self.patience, self._key, self._clock = patience, key, clock
        self.retried = 0
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=self.patience.connect_s)
            headers = {"content-type": "application/json", "accept": "application/json"}
            if self._key is not None:
                headers["authorization"] = self._key.header
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                request_class=_Request,
                timeout=timeout,
                headers=headers,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, endpoint: Endpoint, url: str) -> bytes:
        """The body at an address of the endpoint."""
        return await self._send(endpoint, _Call(url), min(_FIRST_CONTACT, self.patience.attempts))

    async def post(self, endpoint: Endpoint, url: str, body: Callable[[], bytes], tokens: int, weight: int = 1) -> bytes:
        """The reply to a request. ``body`` is made only when there is room to send it; ``tokens`` count against the endpoint's rate,
        ``weight`` against its limit.

        Raises `Unreachable` when all attempts failed, `Refused` for any other status than 200, `Malformed` for a reply that
        does not end within the deadline or is too large.
        """
        return await self._send(endpoint, _Call(url, body, tokens, weight), self.patience.attempts)

    async def _send(self, endpoint: Endpoint, call: _Call, attempts: int) -> bytes:
        patience = self.patience
        try:
            async for attempt in stamina.retry_context(
                on=_Waits(patience),
                attempts=attempts,
                timeout=None,
                wait_initial=patience.first_wait_s,
                wait_max=patience.longest_wait_s,
                wait_jitter=patience.first_wait_s,
            ):
                with attempt:
                    if attempt.num > 1:
                        self.retried += 1
                        _LOG.debug("attempt %d at %s", attempt.num, call.url)
                    return await self._once(endpoint, call)
        except _Again as fault:
            raise Unreachable(f"{endpoint.url}: {fault}") from None
        raise AssertionError("retry_context ends by returning or raising")

    async def _once(self, endpoint: Endpoint, call: _Call) -> bytes:
        if endpoint.requests is not None:
            await endpoint.requests.acquire()
        if endpoint.tokens is not None:
            await endpoint.tokens.acquire(min(float(call.tokens), endpoint.tokens.max_rate))
        async with endpoint.limit.slot(call.weight):
            try:
                async with asyncio.timeout(self.patience.deadline_s):
                    found = await self._exchange(call)
            except TimeoutError:
                found = _TooLate(f"no whole reply within {self.patience.deadline_s:g} s")
            if isinstance(found, bytes):
                endpoint.limit.succeeded()
                return found
            if isinstance(found, _TooLate) or (isinstance(found, _Again) and found.overload):
                endpoint.limit.pushed_back()
            raise found

    async def _exchange(self, call: _Call) -> bytes | Exception:
        """The body of a reply with status 200, or what is wrong, to be raised where aiohttp's error is no longer being handled."""
        url, data = call.url, None if call.body is None else call.body()
        method = "GET" if data is None else "POST"
        try:
            async with self._open().request(method, url, data=data, allow_redirects=False) as response:
                text = await self._read(response)
                if response.status != 200:
                    return self._fault(response, text, url)
                # Nothing of it may be used: what is stored and shown comes from replies.
                return Malformed("the reply repeats the key") if self._key is not None and self._key.is_in(text) else text
        except aiohttp.ConnectionTimeoutError:
            return _Again("no connection in time", overload=True)
        except aiohttp.InvalidURL:
            return Refused(f"{url!r} is not an address", 0)
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as error:
            return Refused(f"{url} has no connection that can be trusted ({self._shown(str(error))}); is it http, not https?", 0)
        except (aiohttp.ClientError, OSError) as error:
            return _Again(f"{type(error).__name__}: {self._shown(str(error))}")

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in response.content.iter_any():
            size += len(part)
            if size > LARGEST_BODY:
                response.close()
                raise Malformed(f"a reply of more than {LARGEST_BODY // 2**20} MiB")
            parts.append(part)
        return b"".join(parts)

    def _fault(self, response: aiohttp.ClientResponse, text: bytes, url: str) -> Exception:
        status, said = response.status, self._shown(text.decode("utf-8", "replace"))
        if status in TOO_LATE:
            return _TooLate(f"a gateway waited no longer for the reply (status {status})")
        if status in RETRIED_STATUS:
            after = _retry_after(response.headers.get("retry-after"), self._clock())
            return _Again(f"status {status}: {said}", after, status in (429, 503))
        if 300 <= status < 400:
            return Refused(f"{url} redirects (status {status}); redirects are not followed, give the address it leads to", status)
        if status in (401, 403):
            return Refused(f"{url} refuses the key (status {status}): {said}; set TOKENWORTH_API_KEY or --api-key-file", status)
        return Refused(f"{url} answers status {status}: {said}", status)

    def clean(self, text: str) -> str:
        """The text without the key."""
        return text if self._key is None else self._key.clean(text)

    def _shown(self, text: str) -> str:
        """The beginning of what a server said, on one line, without the key and what a terminal would obey."""
        text = "".join(letter if letter.isprintable() else " " for letter in self.clean(text[: 64 * _SHOWN])[: 16 * _SHOWN])
        text = " ".join(text.split())
        return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


class _Request(aiohttp.ClientRequest):
    """A request that is not sent where bytes lie waiting that nobody asked for: they would be read as its reply."""

    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        if conn.protocol is not None and conn.protocol.should_close:
            raise aiohttp.ClientConnectionError("the server sent more than its reply")
        return await super().send(conn)


class _Waits:
    """How long to wait after a failure, for one request: as long as the server asks, or True for the next step of the backoff.

    The time for which it is tried again counts from its first failure: before that it may have waited its turn, or been answered slowly.
    """

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._began: float | None = None

    def __call__(self, error: Exception) -> bool | float:
        if not isinstance(error, _Again):
            return False
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        left = self._patience.total_s - (now - self._began)
        if error.after is None or error.after <= self._patience.first_wait_s:
            return left > 0
        return error.after if error.after <= left else False


def _retry_after(value: str | None, now: float) -> float | None:
    """Seconds of a Retry-After header, given as a number or a date; None for what is neither."""
    if value is None:
        return None
    try:
        return min(1e6, max(0.0, float(value)))
    except ValueError:
        pass
    try:
        date = email.utils.parsedate_to_datetime(value)
        return max(0.0, (date if date.tzinfo is not None else date.replace(tzinfo=UTC)).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None
