"""The key of an endpoint goes to that endpoint and nowhere else: no error, log, store, document or other server."""

from __future__ import annotations

import base64
import logging
import pickle
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends.http.http_cases import PROMPT, SAMPLING, Watching, draw, find_wall, judge, limit_deadline, serve
from tests.checkout import child_environment
from tests.helpers import run_alone
from tests.servers.broken import broken_proxy
from tests.servers.faulty import FaultyServer, always, each, faulty_server, first, never
from tokenworth.backends.http.options import Patience, ServerOptions
from tokenworth.backends.http.secret import KEY_VARIABLE, Secret, read_key
from tokenworth.backends.http.transport import Transport, make_endpoint
from tokenworth.core.tokens import StopReason
from tokenworth.errors import InvalidInput, MissingFile, ServerError
from tokenworth.methods.sample.experiment import sample
from tokenworth.run.drive import drive
from tokenworth.store.sqlite import open_store

KEY = 'sk-"test/Key+0123456789abcdef'
ENVIRONMENT = {KEY_VARIABLE: KEY}
SHORT = Patience(deadline_s=30.0, connect_s=5.0, attempts=2, total_s=60.0, first_wait_s=0.005, longest_wait_s=0.01)


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with faulty_server() as made:
        yield made


def everything(error: BaseException) -> str:
    """All that a log, a debugger or an error tracker could show of an exception: contexts, suppressed ones too, and locals.

    Not those of the tests, nor the environment itself, which a caller passes in.
    """
    shown: list[str] = []
    waiting, met = [error], set()
    while waiting:
        one = waiting.pop()
        if id(one) in met:
            continue
        met.add(id(one))
        shown += [str(one), repr(one), repr(one.args), repr(vars(one))]
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if Path(frame.f_code.co_filename).parent != Path(__file__).parent or frame.f_code.co_name == "inner":
                shown += [f"{name} = {value!r}" for name, value in frame.f_locals.items() if name != "environment"]
        waiting += [other for other in (one.__context__, one.__cause__) if other is not None]
        waiting += list(one.exceptions) if isinstance(one, BaseExceptionGroup) else []
    return "\n".join(shown)


def leaks(text: str) -> bool:
    coded = base64.b64encode(KEY.encode()).decode().rstrip("=")
    return any(part in text for part in (KEY, KEY[:12], KEY[-12:], KEY.replace("/", "\\/"), KEY.replace('"', '\\"'), coded))


def test_the_check_finds_a_leak() -> None:
    """The negative twin: a key in a local variable of a suppressed error is seen."""

    def inner() -> None:
        header = f"Bearer {KEY}"
        raise ValueError(len(header))

    def outer() -> None:
        try:
            inner()
        except ValueError:
            raise ServerError("nothing to see") from None

    with pytest.raises(ServerError) as caught:
        outer()
    assert leaks(everything(caught.value))


FAULTS = (
    "400 key", "401 key", "403 key", "404 key", "422 key", "500 key", "502 html", "429 key", "307", "504", "key in text", "hang",
    "truncated json", "html", "error object", "bad gzip",
)  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_no_error_or_log_holds_the_key(server: FaultyServer, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.do(never)
    with faulty_server() as other:
        server.elsewhere = other.url
        with serve(server.url, environment=ENVIRONMENT, patience=SHORT, n_most=1) as backend:
            limit_deadline(backend, 0.5)
            server.do(always(fault))
            with pytest.raises(ServerError) as caught:
                draw(backend, Watching(), 8)
            assert {seen.authorization for seen in server.seen} == {f"Bearer {KEY}"}
        assert other.seen == []
    assert not leaks(everything(caught.value))
    records = "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    assert not leaks(records)


@pytest.mark.parametrize("fault", ["closed", "reset", "garbage", "reset in body", "bad chunk", "endless header", "length too small"])
def test_no_error_of_a_connection_holds_the_key(server: FaultyServer, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.do(never)
    with broken_proxy(server.url) as proxy, serve(proxy.url, environment=ENVIRONMENT, patience=SHORT, n_most=1) as backend:
        proxy.do(lambda number: fault)
        with pytest.raises(ServerError) as caught:
            draw(backend, Watching(), 8)
    assert not leaks(everything(caught.value))
    assert not leaks("\n".join(str(vars(record)) for record in caplog.records))


def test_no_store_holds_the_key(server: FaultyServer, tmp_path: Path) -> None:
    """Also where the server repeats it in a reply: that reply is an error."""
    server.do(never)
    path = tmp_path / "run.db"
    with serve(server.url, environment=ENVIRONMENT) as backend, open_store(path, fingerprint=backend.fingerprint, name="chain") as store:
        server.do(each(4, "key in text"))
        experiment = sample(PROMPT, n=48, sampling=SAMPLING, seed=0, judge=judge, find_wall=find_wall, level=0.95)
        result = drive(experiment, backend=backend, store=store)
        assert sum(rollout.stop is StopReason.ERROR for rollout in result.rollouts) == 12
        assert not leaks(repr(backend.record()) + backend.description + repr(vars(backend)) + repr(backend.served) + repr(result))
    for file in tmp_path.iterdir():
        assert not leaks(file.read_bytes().decode("latin-1"))


def test_a_server_that_calls_itself_by_the_key_is_refused() -> None:
    with faulty_server() as named:
        named.ways = type(named.ways)(owner=f"vllm {KEY}")
        with pytest.raises(ServerError, match="repeats the key") as caught, serve(named.url, environment=ENVIRONMENT):
            pass
    assert not leaks(everything(caught.value))


def test_a_word_for_a_key_does_not_spoil_replies(server: FaultyServer) -> None:
    """Local servers are given keys such as ``text``; a completion may hold the word."""
    server.do(never)
    with serve(server.url, environment={KEY_VARIABLE: "text"}) as backend:
        store = Watching()
        draw(backend, store)
        assert store.count(StopReason.ERROR) == 0
        assert {seen.authorization for seen in server.seen} == {"Bearer text"}


def test_retries_print_nothing(server: FaultyServer) -> None:
    """Where nobody set logging up, a warning of every retry would land on standard error."""
    server.do(never)
    script = (
        "import sys\n"
        "from tests.backends.http.http_cases import Watching, draw, serve\n"
        "with serve(sys.argv[1]) as backend:\n    draw(backend, Watching(), 8)\n    assert backend.probed.retried == 3\n"
    )
    server.do(first(3, "503"))
    ended = subprocess.run(
        [sys.executable, "-c", script, server.url], env=child_environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret(KEY)
    assert not leaks(f"{secret} {secret!r} {[secret]} {ServerOptions(key_file='k')}")
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        vars(secret)
    for spelled in (KEY, KEY.replace("/", "\\/").replace('"', '\\"'), KEY.replace('"', "%22").replace("/", "%2F").replace("+", "%2B")):
        assert secret.clean(f"a {spelled} b") == "a [key] b"


DISGUISES = {
    "escaped in JSON": "".join(f"\\u{ord(char):04x}" for char in KEY),
    "escaped twice": "".join(f"\\\\u{ord(char):04X}" for char in KEY),
    "escaped in Python": "".join(f"\\x{ord(char):02x}" for char in KEY),
    "one letter escaped": KEY[:15] + f"\\u{ord(KEY[15]):04x}" + KEY[16:],
    "in an address": "".join(f"%{ord(char):02x}" for char in KEY),
    "twice in an address": "".join(f"%25{ord(char):02x}" for char in KEY),
    "in HTML": "".join(f"&#x{ord(char):x};" for char in KEY),
    "in HTML, in tens": "".join(f"&#{ord(char)};" for char in KEY),
    "spaced": " ".join(KEY),
    "in groups": " ".join(KEY[at : at + 7] for at in range(0, len(KEY), 7)),
    "on lines": "\\n".join(KEY),
    "backwards, in dashes": "-".join(reversed(KEY)),
    "hexadecimal": KEY.encode().hex(":"),
    "base 32": base64.b32encode(b"Bearer " + KEY.encode()).decode(),
    "base 64": base64.b64encode(b"Bearer " + KEY.encode()).decode(),
    "base 64 on lines": " ".join(base64.b64encode(KEY.encode()).decode()[at : at + 6] for at in range(0, 42, 6)),
}


@pytest.mark.parametrize("name", DISGUISES)
def test_a_key_in_disguise_is_known(name: str) -> None:
    secret, spelled = Secret(KEY), DISGUISES[name]
    shown = secret.clean(f"no such thing: {spelled}. Bye")
    assert shown.startswith("no such thing: ") and shown.endswith(". Bye") and "[key]" in shown
    assert sum(map(str.isalnum, shown)) - len("no such thing Bye key") < 20
    reply = f'{{"data": [{{"id": "{spelled}"}}]}}'
    assert secret.is_in(reply.encode())
    assert not secret.is_in(reply.replace(spelled, spelled[: len(spelled) // 3]).encode())


def test_a_text_without_the_key_is_as_it_was() -> None:
    secret = Secret(KEY)
    for text in ("", "100% of \\u0041 &amp; %41 \\x41", "sk-test", "a b c d e f", "\\", "\\ud800 &#0; &#x110000;"):
        assert secret.clean(text) == text and not secret.is_in(text.encode("utf-8", "replace"))


def test_an_error_that_spells_the_key_in_escapes() -> None:
    """As bytes come from a server: the text of an error, and the names of its models."""
    transport = Transport(key=Secret(KEY), patience=SHORT)
    for spelled in DISGUISES.values():
        shown = transport._shown('{"error": "bad key ' + spelled + '"}')
        assert not leaks(shown) and "[key]" in shown


def test_a_key_at_the_edge_of_what_is_shown_is_cut_out() -> None:
    """What a server says is cut to a line; a key that the cut would halve must be gone before."""
    transport = Transport(key=Secret(KEY), patience=SHORT)
    for blanks in range(0, 4000, 7):
        assert not leaks(transport._shown(" " * blanks + KEY) + transport._shown("x" * blanks + KEY))


def test_where_keys_come_from(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    for found in (read_key({}, file=str(file)), read_key(ENVIRONMENT), read_key({"MY": KEY}, variable="MY")):
        assert found is not None and found.header == f"Bearer {KEY}"
    assert read_key({}) is None
    with pytest.raises(MissingFile):
        read_key({}, file=str(tmp_path / "none"))
    for bad in ("abc", f"{KEY} {KEY}", f"{KEY}\nx", "schlüssel", ""):
        file.write_text(bad)
        with pytest.raises(InvalidInput) as caught:
            read_key({}, file=str(file))
        assert not leaks(str(caught.value))
    with pytest.raises(InvalidInput, match="MY is not set"):
        read_key({}, variable="MY")


def test_proxies_and_cookies_of_the_environment_are_not_used(server: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.do(never)
    with faulty_server() as other:
        monkeypatch.setenv("http_proxy", other.url)
        monkeypatch.setenv("ALL_PROXY", other.url)

        async def ask() -> bytes:
            transport = Transport(key=Secret(KEY), patience=SHORT)
            try:
                endpoint = make_endpoint(f"{server.url}/v1", concurrency=1, rates=ServerOptions().rates)
                return await transport.get(endpoint, f"{server.url}/version")
            finally:
                await transport.close()

        assert b"chain" in run_alone(ask())
        assert other.seen == []
